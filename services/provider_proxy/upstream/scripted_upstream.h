#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_SCRIPTED_UPSTREAM_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_SCRIPTED_UPSTREAM_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace prismatic::provider_proxy {

// For tests: an HTTP/1.1 server on plain sockets that does to each request exactly what the test says,
// also what no proper server would do.
class ScriptedUpstream {
 public:
  struct Request {
    std::string head;  // with its lines
    std::string body;
    int connection = 0;
    std::string path() const {
      std::vector<std::string> words = absl::StrSplit(head.substr(0, head.find('\r')), ' ');
      return words.size() > 1 ? words[1] : "";
    }
    std::string header(absl::string_view name) const {
      for (absl::string_view line : absl::StrSplit(head, "\r\n")) {
        std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
        if (absl::EqualsIgnoreCase(parts.first, name))
          return std::string(absl::StripAsciiWhitespace(parts.second));
      }
      return "";
    }
  };
  // Bytes to write as they are; the connection is closed afterwards when `close` is set, by a reset when
  // `reset` is.
  struct Reply {
    std::string bytes;
    bool close = false;
    bool reset = false;
    // Nothing is written before the server goes.
    bool hang = false;
  };
  // Runs on the connection's thread and may block.
  using Script = std::function<Reply(const Request&)>;

  static Reply Answer(int status, absl::string_view body, absl::string_view headers = "") {
    return {absl::StrCat("HTTP/1.1 ", status, " X\r\nContent-Length: ", body.size(), "\r\n", headers, "\r\n",
                         body)};
  }

  static Reply Hang() { return {.close = true, .hang = true}; }

  explicit ScriptedUpstream(Script script) : script_(std::move(script)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 128);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~ScriptedUpstream() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      for (int connection : open_) shutdown(connection, SHUT_RDWR);
      changed_.notify_all();
    }
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : connections_) thread.join();
    close(listener_);
  }

  int port() const { return port_; }
  std::string url(absl::string_view path = "") const {
    return absl::StrCat("http://127.0.0.1:", port_, path);
  }

  std::vector<Request> requests() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }
  // Blocks until that many requests have arrived.
  void AwaitRequests(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return requests_.size() >= count; });
  }

 private:
  void AwaitEnd() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return stopping_; });
  }

  void Accept() {
    for (int number = 0;; ++number) {
      int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      std::lock_guard<std::mutex> lock(mutex_);
      open_.insert(connection);
      connections_.emplace_back([this, connection, number] { Serve(connection, number); });
    }
  }

  void Serve(int connection, int number) {
    std::string buffer;
    for (Request request; Read(connection, buffer, request); request = Request()) {
      request.connection = number;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        requests_.push_back(request);
        changed_.notify_all();
      }
      Reply reply = script_(request);
      if (reply.hang) AwaitEnd();
      send(connection, reply.bytes.data(), reply.bytes.size(), MSG_NOSIGNAL);
      if (reply.reset) {
        linger at_once{.l_onoff = 1, .l_linger = 0};
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
      }
      if (reply.close || reply.reset) break;
    }
    std::lock_guard<std::mutex> lock(mutex_);
    open_.erase(connection);
    close(connection);
  }

  static bool More(int connection, std::string& buffer) {
    char part[65536];
    ssize_t got = recv(connection, part, sizeof(part), 0);
    if (got > 0) buffer.append(part, static_cast<size_t>(got));
    return got > 0;
  }

  static bool Read(int connection, std::string& buffer, Request& request) {
    size_t end;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!More(connection, buffer)) return false;
    }
    request.head = buffer.substr(0, end + 4);
    size_t length = 0;
    if (std::string text = request.header("Content-Length"); !absl::SimpleAtoi(text, &length)) length = 0;
    buffer.erase(0, end + 4);
    while (buffer.size() < length) {
      if (!More(connection, buffer)) return false;
    }
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);
    return true;
  }

  const Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_, as all below
  std::vector<Request> requests_;
  std::vector<std::thread> connections_;
  std::set<int> open_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_SCRIPTED_UPSTREAM_H_
