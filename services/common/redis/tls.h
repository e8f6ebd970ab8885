#ifndef PRISMATIC_SERVICES_COMMON_REDIS_TLS_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_TLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/common/redis/url.h"

// openssl/ssl.h's types, which no other file needs.
struct ssl_ctx_st;
struct ssl_st;
struct bio_st;

namespace prismatic::redis {

// The client's side of one TLS connection (1.2 or later), in memory: it opens no socket, so that writing
// to a closed one is an error and never a SIGPIPE. The server's certificate must be valid for `host`.
class TlsSession {
 public:
  // UNAVAILABLE when a file cannot be read: it may be there at the next attempt.
  static absl::StatusOr<std::unique_ptr<TlsSession>> Create(const TlsFiles& files, const std::string& host);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;

  // What came from the socket.
  void Feed(absl::string_view ciphertext);
  // What has to go to the socket; the caller takes it all.
  std::string TakeOutput();

  // True when the connection is made; false when more has to be fed.
  absl::StatusOr<bool> Handshake();
  absl::Status Encrypt(absl::string_view plaintext);
  // How many bytes there were; 0 when more has to be fed.
  absl::StatusOr<size_t> Decrypt(char* buffer, size_t size);

 private:
  TlsSession() = default;
  absl::Status Prepare(const TlsFiles& files, const std::string& host);
  absl::Status Failure(absl::string_view what) const;

  ssl_ctx_st* context_ = nullptr;
  ssl_st* ssl_ = nullptr;
  bio_st* input_ = nullptr;   // of ssl_
  bio_st* output_ = nullptr;  // of ssl_
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_TLS_H_
