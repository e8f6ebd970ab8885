#ifndef PRISMATIC_SERVICES_COMMON_REDIS_CHANNEL_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_CHANNEL_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/common/redis/socket.h"
#include "services/common/redis/tls.h"

namespace prismatic::redis {

// Bytes to and from one server, nonblocking, with or without TLS.
class Channel {
 public:
  // `host` is the name in the server's certificate; it means nothing without `tls`.
  Channel(std::optional<TlsFiles> tls, std::string host)
      : tls_files_(std::move(tls)), host_(std::move(host)) {}

  absl::Status Connect(const loop::Loop::Address& address);
  // Empty when connected; to be asked once the descriptor is writable.
  std::string ConnectError() const { return socket_.ConnectError(); }
  // True when bytes may be written; to be asked again whenever the descriptor is ready. At once without TLS.
  absl::StatusOr<bool> Handshake();

  // How many bytes were taken; 0 when none are taken now. What was not taken has not left this process.
  absl::StatusOr<size_t> Write(absl::string_view bytes);
  // How many bytes came; 0 when there are none now. UNAVAILABLE at the end.
  absl::StatusOr<size_t> Read(char* buffer, size_t size);
  // Bytes taken wait for the descriptor to become writable.
  bool wants_write() const { return !ciphertext_.empty(); }

  int fd() const { return socket_.fd(); }

 private:
  absl::Status Drain();
  absl::StatusOr<bool> Fill();

  const std::optional<TlsFiles> tls_files_;
  const std::string host_;
  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  std::string ciphertext_;  // that the socket has not taken yet
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_CHANNEL_H_
