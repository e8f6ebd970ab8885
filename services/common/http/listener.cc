#include "services/common/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/common/config/flags.h"

namespace prismatic::http {
namespace {

// A burst of connections waits in the kernel instead of being refused; the kernel's own limit is 4096.
constexpr int kBacklog = 4096;
// Out of descriptors or memory: connections wait this long for some to come back.
constexpr int kExhaustedPauseMs = 20;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

absl::Status NotLoopback(absl::string_view address) {
  return absl::InvalidArgumentError(
      absl::StrCat("`", address, "` is not a loopback address (127.0.0.0/8, [::1] or localhost)"));
}

absl::Status CannotBind(absl::string_view address) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", strerror(errno)));
}

absl::StatusOr<Address> LoopbackAddress(absl::string_view text) {
  std::optional<config::HostPort> parts = config::ParseHostPort(text);
  if (!parts) return absl::InvalidArgumentError(absl::StrCat("`", text, "` is not host:port"));
  std::string host = parts->host == "localhost" ? "127.0.0.1" : parts->host;
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    if ((ntohl(v4->sin_addr.s_addr) >> 24) != 127) return NotLoopback(text);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(parts->port);
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    if (!IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)) return NotLoopback(text);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(parts->port);
    address.size = sizeof *v6;
  } else {
    return NotLoopback(text);
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

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(absl::string_view text) {
  absl::StatusOr<Address> address = LoopbackAddress(text);
  if (!address.ok()) return address.status();
  int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return CannotBind(text);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address->storage), address->size) != 0 ||
      listen(fd, kBacklog) != 0) {
    absl::Status status = CannotBind(text);
    close(fd);
    return status;
  }
  int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return std::unique_ptr<Listener>(new Listener(fd, wake, PortOf(fd)));
}

Listener::~Listener() {
  Stop();
  if (fd_ >= 0) close(fd_);
  close(wake_);
}

void Listener::Run(std::function<void(int fd)> accepted) {
  accepted_ = std::move(accepted);
  thread_ = std::thread([this] { Loop(); });
}

void Listener::Loop() {
  while (true) {
    int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) {
      accepted_(client);
      // One backlog at most once asked to stop, however fast clients come.
      if (stopping_ && ++late_ > kBacklog) break;
      continue;
    }
    bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    // Everything accepted; so a stop loses no connection that a client believes to have.
    pollfd events[2] = {{wake_, POLLIN, 0}, {fd_, POLLIN, 0}};
    poll(events, exhausted ? 1 : 2, exhausted ? kExhaustedPauseMs : -1);
    if ((events[0].revents & POLLIN) != 0 && (exhausted || (events[1].revents & POLLIN) == 0)) break;
  }
  close(fd_);
  fd_ = -1;
}

void Listener::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  eventfd_write(wake_, 1);
  thread_.join();
}

}  // namespace prismatic::http
