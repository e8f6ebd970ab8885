#ifndef PRISMATIC_SERVICES_COMMON_HTTP_WIRE_FIXTURE_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_WIRE_FIXTURE_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/http/server.h"
#include "services/common/task/workers.h"

// What the tests of the HTTP door share: servers on a free port, handlers that wait, and raw connections.

namespace prismatic::http {

inline Workers& TestWorkers() {
  static Workers workers(2);
  return workers;
}

// Opened once, by the test; handlers wait for it without a thread.
class Door {
 public:
  void Open() {
    std::vector<Callback<bool>::Done> waiting;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      open_ = true;
      waiting.swap(at_door_);
      changed_.notify_all();
    }
    for (Callback<bool>::Done& done : waiting) TestWorkers().Post([done] { done(true); });
  }
  Task<void> Enter() {
    Callback<bool> opened([this](Callback<bool>::Done done) {
      {
        std::lock_guard<std::mutex> lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        if (!open_) {
          at_door_.push_back(std::move(done));
          return;
        }
      }
      done(true);
    });
    co_await opened;
  }
  bool IsOpened() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return open_; });
  }
  // Until so many stand before it.
  bool Waiting(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
  std::vector<Callback<bool>::Done> at_door_;
};

inline Task<Response> Echo(std::shared_ptr<const Request> request) {
  Response response;
  response.body = absl::StrCat(request->method, " ", request->path, " ", request->body);
  co_return response;
}

inline Response Refusal(int status) {
  Response response;
  response.status = status;
  response.body = absl::StrCat("refused ", status);
  return response;
}

inline ServerOptions Options() {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.workers = &TestWorkers();
  options.limits.fields = Fields::kAll;
  options.refuse = Refusal;
  return options;
}

inline std::unique_ptr<Server> Started(Handler handler, ServerOptions options = Options()) {
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(std::move(options), std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

// A connection on which a test writes its own bytes.
class Wire {
 public:
  explicit Wire(const Server& server) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience = {20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Wire() { close(fd_); }
  void Send(absl::string_view data) {
    while (!data.empty()) {
      ssize_t sent = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      data.remove_prefix(sent);
    }
  }
  // What comes next, at most so much; empty at the end.
  std::string Read(size_t size) {
    std::string part(size, '\0');
    ssize_t got = recv(fd_, part.data(), size, 0);
    part.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return part;
  }
  void EndInput() { shutdown(fd_, SHUT_WR); }
  // The connection ends with a reset instead of a good-bye.
  void Reset() {
    linger now = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  // Until the server closes.
  std::string ReadAll() {
    std::string all;
    char part[65536];
    ssize_t got;
    while ((got = recv(fd_, part, sizeof part, 0)) > 0) all.append(part, got);
    return all;
  }
  // Until the text ends with `end`.
  std::string ReadUntil(absl::string_view end) {
    std::string all;
    char byte;
    while (!absl::EndsWith(all, end) && recv(fd_, &byte, 1, 0) == 1) all += byte;
    return all;
  }

 private:
  int fd_;
};

// Whether the server takes connections.
inline bool Connects(const Server& server) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_WIRE_FIXTURE_H_
