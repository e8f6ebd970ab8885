#ifndef PRISMATIC_SERVICES_COMMON_REDIS_SOCKET_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/common/loop/loop.h"

namespace prismatic::redis {

// The address of a Unix socket; `path` fits (ParseUrl saw to it).
loop::Loop::Address UnixAddress(const std::string& path);

// A nonblocking stream socket, closed when it goes.
class Socket {
 public:
  Socket() = default;
  ~Socket() { Close(); }
  Socket(const Socket&) = delete;

  // Begins to connect; UNAVAILABLE says why not. When the descriptor becomes writable, ConnectError()
  // tells how it went.
  absl::Status Connect(const loop::Loop::Address& address);
  // Empty when connected.
  std::string ConnectError() const;
  void Close();

  // How many bytes went; 0 when the socket takes no more now.
  absl::StatusOr<size_t> Write(absl::string_view bytes);
  // How many bytes came; 0 when there are none now. UNAVAILABLE at the end.
  absl::StatusOr<size_t> Read(char* buffer, size_t size);

  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_SOCKET_H_
