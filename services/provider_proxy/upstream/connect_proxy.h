#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_PROXY_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_PROXY_H_

#include <algorithm>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/provider_proxy/upstream/loopback_server.h"

namespace prismatic::provider_proxy {

// For tests: an HTTP proxy that tunnels (CONNECT) and forwards (a whole URL in the request line). Whatever
// host it is asked for, it connects to the port on the loopback, so that names need no lookup.
class ConnectProxy {
 public:
  // What it answers instead of serving: a status line with headers, say "407 No\r\nContent-Length: 0". Empty:
  // it serves.
  explicit ConnectProxy(std::string refusal = "")
      : refusal_(std::move(refusal)), server_([this](int client, int) { Serve(client); }) {}

  std::string url(absl::string_view user = "") const {
    return absl::StrCat("http://", user, "127.0.0.1:", server_.port());
  }
  // The heads of the requests that it got.
  std::vector<std::string> heads() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return heads_;
  }

 private:
  void Serve(int client) {
    std::string head;
    char byte;
    while (!absl::EndsWith(head, "\r\n\r\n") && recv(client, &byte, 1, 0) == 1) head += byte;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      heads_.push_back(head);
    }
    std::vector<std::string> words = absl::StrSplit(head.substr(0, head.find('\r')), ' ');
    if (words.size() < 3) return;
    if (!refusal_.empty()) return Write(client, absl::StrCat("HTTP/1.1 ", refusal_, "\r\n\r\n"));
    bool tunnel = words[0] == "CONNECT";
    int upstream = Connect(PortOf(words[1]));
    if (upstream < 0) return Write(client, "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n");
    if (tunnel) {
      Write(client, "HTTP/1.1 200 Established\r\n\r\n");
    } else {
      Write(upstream, head);
    }
    std::thread back([&] { Pump(upstream, client); });
    Pump(client, upstream);
    back.join();
    server_.Forget(upstream);
  }

  static int PortOf(absl::string_view target) {
    size_t scheme = target.find("://");
    if (scheme != absl::string_view::npos) target = target.substr(scheme + 3);
    target = target.substr(0, target.find('/'));
    int port = 0;
    return absl::SimpleAtoi(target.substr(target.rfind(':') + 1), &port) ? port : 0;
  }
  int Connect(int port) {
    int upstream = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = LoopbackAddress(port);
    bool connected = connect(upstream, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    if (connected && server_.Remember(upstream)) return upstream;
    close(upstream);
    return -1;
  }
  static void Write(int socket, absl::string_view bytes) {
    send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  static void Pump(int from, int to) {
    char part[65536];
    for (ssize_t got; (got = recv(from, part, sizeof(part), 0)) > 0;) {
      for (ssize_t done = 0, sent; done < got; done += sent) {
        sent = send(to, part + done, static_cast<size_t>(got - done), MSG_NOSIGNAL);
        if (sent <= 0) break;
      }
    }
    shutdown(to, SHUT_RDWR);
    shutdown(from, SHUT_RDWR);
  }

  const std::string refusal_;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;  // guarded by mutex_
  LoopbackServer server_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CONNECT_PROXY_H_
