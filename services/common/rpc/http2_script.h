#ifndef PRISMATIC_SERVICES_COMMON_RPC_HTTP2_SCRIPT_H_
#define PRISMATIC_SERVICES_COMMON_RPC_HTTP2_SCRIPT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace prismatic::rpc {

// For tests: a server of just enough HTTP/2 to end a call in the ways that a gRPC server does at bad moments.
// Each connection sees one call and does to it the next thing of the script; when that is used up, it
// answers.
class Http2Script {
 public:
  enum class Act {
    kGoAwayUnseen,  // "I go, and have not looked at your call"
    kGoAwaySeen,    // "I go, and your call is the last that I have taken"; then the connection ends
    kRefuse,        // "I have not looked at this call", and the connection stays
    kClose,         // the connection ends, as when a process dies
    kAnswer,        // NOT_FOUND
  };

  explicit Http2Script(std::vector<Act> acts) : acts_(std::move(acts)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 16);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    target_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
    thread_ = std::thread([this] { Accept(); });
  }
  ~Http2Script() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  const std::string& target() const { return target_; }
  // Calls whose head has arrived.
  int calls() const { return calls_; }

 private:
  static constexpr uint8_t kHeaders = 1, kReset = 3, kSettings = 4, kGoAway = 7;
  static constexpr uint32_t kNoError = 0, kRefusedStream = 7;

  void Accept() {
    std::vector<std::thread> connections;
    std::vector<int> sockets;
    for (int peer = accept(listener_, nullptr, nullptr); peer >= 0;
         peer = accept(listener_, nullptr, nullptr)) {
      sockets.push_back(peer);
      connections.emplace_back([this, peer] { Serve(peer); });
    }
    for (int peer : sockets) shutdown(peer, SHUT_RDWR);
    for (std::thread& connection : connections) connection.join();
    for (int peer : sockets) close(peer);
  }

  static bool Read(int peer, size_t bytes, std::string* data) {
    data->resize(bytes);
    return bytes == 0 || recv(peer, data->data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes);
  }

  void Serve(int peer) {
    constexpr size_t kPrefaceBytes = 24, kFrameHeadBytes = 9;
    std::string data;
    if (!Read(peer, kPrefaceBytes, &data)) return;
    Send(peer, kSettings, 0, 0, "");
    while (Read(peer, kFrameHeadBytes, &data)) {
      auto byte = [head = data](size_t at) { return static_cast<uint32_t>(static_cast<uint8_t>(head[at])); };
      uint32_t stream = byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
      if (!Read(peer, byte(0) << 16 | byte(1) << 8 | byte(2), &data)) return;
      if (byte(3) == kHeaders) Do(NextAct(), peer, stream);
    }
  }

  Act NextAct() {
    size_t at = calls_++;
    return at < acts_.size() ? acts_[at] : Act::kAnswer;
  }

  void Do(Act act, int peer, uint32_t stream) {
    constexpr uint8_t kEndOfStreamAndHeaders = 5;
    // The status of HTTP is 200, then literals: a name, a value, each behind its length.
    auto literal = [](absl::string_view name, absl::string_view value) {
      return absl::StrCat(std::string(1, '\0'), std::string(1, static_cast<char>(name.size())), name,
                          std::string(1, static_cast<char>(value.size())), value);
    };
    switch (act) {
      case Act::kGoAwayUnseen:
        return Send(peer, kGoAway, 0, 0, Number(0) + Number(kNoError));
      case Act::kGoAwaySeen:
        Send(peer, kGoAway, 0, 0, Number(stream) + Number(kNoError));
        shutdown(peer, SHUT_RDWR);
        return;
      case Act::kRefuse:
        return Send(peer, kReset, 0, stream, Number(kRefusedStream));
      case Act::kClose:
        shutdown(peer, SHUT_RDWR);
        return;
      case Act::kAnswer:
        return Send(peer, kHeaders, kEndOfStreamAndHeaders, stream,
                    "\x88" + literal("content-type", "application/grpc") + literal("grpc-status", "5"));
    }
  }

  static std::string Number(uint32_t number) {
    number = htonl(number);
    return std::string(reinterpret_cast<const char*>(&number), sizeof(number));
  }

  static void Send(int peer, uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
    std::string length = Number(static_cast<uint32_t>(payload.size())).substr(1);
    std::string frame =
        length + static_cast<char>(type) + static_cast<char>(flags) + Number(stream) + payload;
    send(peer, frame.data(), frame.size(), MSG_NOSIGNAL);
  }

  const std::vector<Act> acts_;
  std::atomic<int> calls_{0};
  int listener_ = -1;
  std::string target_;
  std::thread thread_;
};

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_HTTP2_SCRIPT_H_
