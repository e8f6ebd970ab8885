#include "services/common/redis/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace prismatic::redis {
namespace {

absl::Status SocketError(absl::string_view what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(error)));
}

}  // namespace

loop::Loop::Address UnixAddress(const std::string& path) {
  loop::Loop::Address address{};
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  local->sun_family = AF_UNIX;
  path.copy(local->sun_path, sizeof(local->sun_path) - 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

absl::Status Socket::Connect(const loop::Loop::Address& address) {
  Close();
  fd_ = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return SocketError("socket", errno);
  if (address.storage.ss_family != AF_UNIX) {
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  }
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0)
    return absl::OkStatus();
  return errno == EINPROGRESS || errno == EINTR ? absl::OkStatus() : SocketError("connect", errno);
}

std::string Socket::ConnectError() const {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? "" : absl::StrCat("connect: ", std::strerror(error));
}

void Socket::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

absl::StatusOr<size_t> Socket::Write(absl::string_view bytes) {
  for (;;) {
    ssize_t count = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return SocketError("write", errno);
  }
}

absl::StatusOr<size_t> Socket::Read(char* buffer, size_t size) {
  for (;;) {
    ssize_t count = recv(fd_, buffer, size, 0);
    if (count > 0) return static_cast<size_t>(count);
    if (count == 0) return absl::UnavailableError("Redis closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return SocketError("read", errno);
  }
}

}  // namespace prismatic::redis
