#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_LOOPBACK_SERVER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_LOOPBACK_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace prismatic::provider_proxy {

inline sockaddr_in LoopbackAddress(int port) {
  return {.sin_family = AF_INET,
          .sin_port = htons(static_cast<uint16_t>(port)),
          .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

// For tests: connections to a port of the loopback, each served on a thread of its own by what the test
// gives. At its end it shuts the sockets down, which ends whoever reads or writes them.
class LoopbackServer {
 public:
  // `number` counts from 0. The socket is closed when it returns.
  using Serve = std::function<void(int socket, int number)>;

  explicit LoopbackServer(Serve serve) : serve_(std::move(serve)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = LoopbackAddress(0);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 128);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~LoopbackServer() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (int open : open_) shutdown(open, SHUT_RDWR);
      stopping_ = true;
    }
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }

  int port() const { return port_; }
  int connections() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int>(threads_.size());
  }
  // Another socket that its end shuts down; false when it is ending. Closed by Forget.
  bool Remember(int socket) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return false;
    open_.insert(socket);
    return true;
  }
  void Forget(int socket) {
    std::lock_guard<std::mutex> lock(mutex_);
    open_.erase(socket);
    close(socket);
  }

 private:
  void Accept() {
    for (int number = 0;; ++number) {
      int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      if (!Remember(connection)) {
        close(connection);
        return;
      }
      std::lock_guard<std::mutex> lock(mutex_);
      threads_.emplace_back([this, connection, number] {
        serve_(connection, number);
        Forget(connection);
      });
    }
  }

  const Serve serve_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  bool stopping_ = false;             // guarded by mutex_, as all below
  std::vector<std::thread> threads_;  // touched by its thread and, after that, the destructor
  std::set<int> open_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_LOOPBACK_SERVER_H_
