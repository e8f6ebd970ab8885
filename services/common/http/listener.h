#ifndef PRISMATIC_SERVICES_COMMON_HTTP_LISTENER_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_LISTENER_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::http {

// A listening socket that does not block.
class Listener {
 public:
  // INVALID_ARGUMENT for what is not a numeric address (or localhost) and a port; UNAVAILABLE when it is
  // taken. Port 0 picks one. `[::]` takes IPv4, too.
  static absl::StatusOr<Listener> Bind(absl::string_view address);
  Listener(Listener&& other) noexcept : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}
  ~Listener() { Close(); }

  int fd() const { return fd_; }
  int port() const { return port_; }
  // A connection that does not block and whose answers leave when they are complete (TCP_NODELAY); -1 and
  // errno when there is none.
  int Accept();
  // Idempotent.
  void Close();

 private:
  Listener(int fd, int port) : fd_(fd), port_(port) {}

  int fd_;
  int port_;
};

// Who is at the other end, a numeric address without its port; IPv4 as such also where it came to an IPv6
// socket. Empty when it is gone.
std::string PeerAddress(int fd);

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_LISTENER_H_
