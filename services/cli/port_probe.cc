#include "services/cli/port_probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "services/common/config/flags.h"

namespace prismatic::cli {
namespace {

// RFC 9113: the preface, and an empty SETTINGS frame.
constexpr absl::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
// A frame's head, and a TLS record's.
constexpr size_t kAnswerBytes = 9;

class Socket {
 public:
  explicit Socket(const addrinfo& to)
      : file_(socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol)) {}
  ~Socket() {
    if (file_ >= 0) close(file_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // 0, or an errno; ETIMEDOUT past the deadline.
  int Connect(const addrinfo& to, absl::Time deadline) const {
    if (file_ < 0) return errno;
    if (connect(file_, to.ai_addr, to.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (!Wait(POLLOUT, deadline)) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(file_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }

  void Send(absl::string_view text) const { (void)send(file_, text.data(), text.size(), MSG_NOSIGNAL); }

  // Nullopt past the deadline; shorter than asked for when the other side closed.
  std::optional<std::string> Receive(size_t count, absl::Time deadline) const {
    std::string bytes;
    char buffer[16];
    while (bytes.size() < count) {
      if (!Wait(POLLIN, deadline)) return bytes.empty() ? std::nullopt : std::optional<std::string>(bytes);
      ssize_t got = recv(file_, buffer, sizeof buffer, 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) return bytes;
      bytes.append(buffer, static_cast<size_t>(got));
    }
    return bytes;
  }

 private:
  bool Wait(short events, absl::Time deadline) const {
    pollfd waited{file_, events, 0};
    int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    return left > 0 && poll(&waited, 1, static_cast<int>(left)) > 0;
  }

  const int file_;
};

PortKind KindAt(const addrinfo& to, absl::Time deadline) {
  Socket socket(to);
  int error = socket.Connect(to, deadline);
  if (error == ECONNREFUSED) return PortKind::kRefused;
  if (error != 0) return PortKind::kUnreachable;
  socket.Send(kPreface);
  std::optional<std::string> answer = socket.Receive(kAnswerBytes, deadline);
  return answer ? KindOfAnswer(*answer) : PortKind::kSilent;
}

}  // namespace

PortKind KindOfAnswer(absl::string_view first_bytes) {
  if (first_bytes.empty()) return PortKind::kClosed;
  if (absl::StartsWith(first_bytes, "HTTP/1.")) return PortKind::kHttp1;
  // An alert (21) or a handshake (22) of any TLS version.
  if (first_bytes.size() >= 2 && (first_bytes[0] == 21 || first_bytes[0] == 22) && first_bytes[1] == 3) {
    return PortKind::kTls;
  }
  // A SETTINGS frame (type 4) comes first.
  if (first_bytes.size() >= 4 && first_bytes[3] == 4) return PortKind::kHttp2;
  return PortKind::kSilent;
}

PortKind ProbePort(const std::string& address, absl::Duration timeout) {
  std::optional<config::HostPort> place = config::ParseHostPort(absl::StripPrefix(address, "dns:///"));
  if (!place) return PortKind::kNoAddress;
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(place->host.c_str(), absl::StrCat(place->port).c_str(), &wanted, &found) != 0) {
    return PortKind::kUnknownName;
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  absl::Time deadline = absl::Now() + timeout;
  PortKind kind = PortKind::kUnreachable;
  // `localhost` is two addresses, of which one may have nobody.
  for (const addrinfo* to = found; to != nullptr; to = to->ai_next) {
    kind = KindAt(*to, deadline);
    if (kind != PortKind::kRefused && kind != PortKind::kUnreachable) return kind;
  }
  return kind;
}

}  // namespace prismatic::cli
