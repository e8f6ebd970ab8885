#ifndef PRISMATIC_SERVICES_COMMON_HTTP_LISTENER_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_LISTENER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::http {

// Accepts connections on a loopback address, on a thread of its own.
class Listener {
 public:
  // INVALID_ARGUMENT for an address that is not host:port or not loopback; UNAVAILABLE when it is taken.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(absl::string_view address);
  ~Listener();

  int port() const { return port_; }

  // Gives each connection's socket to `accepted`, which owns it and may block.
  void Run(std::function<void(int fd)> accepted);
  // Hands over the connections that the kernel has accepted already, then closes. Idempotent.
  void Stop();

 private:
  Listener(int fd, int wake, int port) : fd_(fd), wake_(wake), port_(port) {}
  void Loop();

  int fd_;
  int wake_;
  int port_;
  std::function<void(int fd)> accepted_;
  std::atomic<bool> stopping_{false};
  int late_ = 0;  // of the thread
  std::thread thread_;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_LISTENER_H_
