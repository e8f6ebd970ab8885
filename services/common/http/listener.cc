#include "services/common/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/common/config/flags.h"

namespace prismatic::http {
namespace {

// A burst of connections waits in the kernel instead of being refused; the kernel's own limit is 4096.
constexpr int kBacklog = 4096;

// How much of an answer waits in the kernel, where no budget counts it, beyond what is on its way; enough to
// keep a fast client busy until the gate's next turn.
constexpr int kUnsentBytesMax = 256 << 10;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

absl::Status CannotBind(absl::string_view address) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", strerror(errno)));
}

absl::StatusOr<Address> Numeric(absl::string_view text) {
  std::optional<config::HostPort> parts = config::ParseHostPort(text);
  if (!parts) return absl::InvalidArgumentError(absl::StrCat("`", text, "` is not host:port"));
  std::string host = parts->host == "localhost" ? "127.0.0.1" : parts->host;
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(parts->port);
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(parts->port);
    address.size = sizeof *v6;
  } else {
    return absl::InvalidArgumentError(absl::StrCat("`", text, "` is not a numeric address with a port"));
  }
  return address;
}

int PortOf(int fd) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof bound;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return bound.ss_family == AF_INET ? ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port)
                                    : ntohs(reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port);
}

void Set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

}  // namespace

absl::StatusOr<Listener> Listener::Bind(absl::string_view text) {
  absl::StatusOr<Address> address = Numeric(text);
  if (!address.ok()) return address.status();
  int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return CannotBind(text);
  Set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address->storage.ss_family == AF_INET6) Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address->storage), address->size) != 0 ||
      listen(fd, kBacklog) != 0) {
    absl::Status status = CannotBind(text);
    close(fd);
    return status;
  }
  return Listener(fd, PortOf(fd));
}

int Listener::Accept() {
  int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client >= 0) {
    Set(client, IPPROTO_TCP, TCP_NODELAY, 1);
    Set(client, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesMax);
  }
  return client;
}

std::string PeerAddress(int fd) {
  sockaddr_storage peer = {};
  socklen_t size = sizeof peer;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return "";
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&peer)->sin_addr, text, sizeof text);
  } else if (peer.ss_family == AF_INET6) {
    const in6_addr& address = reinterpret_cast<sockaddr_in6*>(&peer)->sin6_addr;
    bool v4 = IN6_IS_ADDR_V4MAPPED(&address);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &address.s6_addr[12] : address.s6_addr, text, sizeof text);
  }
  return text;
}

void Listener::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

}  // namespace prismatic::http
