#include "services/common/http/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>

#include "absl/time/clock.h"

namespace prismatic::http {
namespace {

// A head fits, and a small answer leaves in one packet with its head.
constexpr size_t kBufferSize = 16 << 10;
// How long a peer may take none of an answer's bytes.
constexpr int kSendPatienceSeconds = 60;
constexpr absl::Duration kLingerTime = absl::Seconds(2);

}  // namespace

Socket::Socket(int fd) : fd_(fd) {
  int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  timeval patience = {kSendPatienceSeconds, 0};
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

Socket::~Socket() { close(fd_); }

bool Socket::WaitReadable(absl::Time until) {
  while (true) {
    // Rounded up, so that a rest below a millisecond does not spin.
    absl::Duration left = until - absl::Now();
    if (left <= absl::ZeroDuration()) left = absl::ZeroDuration();
    int64_t wait_ms = absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)));
    pollfd readable = {fd_, POLLIN, 0};
    int ready = poll(&readable, 1, static_cast<int>(std::min<int64_t>(wait_ms, 3600'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (ready == 0 && absl::Now() >= until) return false;
  }
}

bool Socket::AwaitData(absl::Duration patience) {
  if (in_used_ < in_.size()) return true;
  if (!WaitReadable(absl::Now() + patience)) return false;
  char byte;
  return recv(fd_, &byte, 1, MSG_PEEK) == 1;
}

void Socket::Allow(absl::Duration patience, size_t bytes_max) {
  read_until_ = absl::Now() + patience;
  read_left_ = bytes_max;
}

ssize_t Socket::Read(char* to, size_t size) {
  if (size == 0) return 0;
  if (read_left_ == 0) return -1;
  size = std::min(size, read_left_);
  if (in_used_ == in_.size()) {
    if (!Flush()) return -1;
    if (!WaitReadable(read_until_)) {
      too_slow_ = absl::Now() >= read_until_;
      return -1;
    }
    // Much is read to where it is wanted, little by way of the buffer.
    if (size >= kBufferSize) {
      ssize_t got = recv(fd_, to, size, 0);
      if (got > 0) read_left_ -= got;
      return got;
    }
    in_.resize(kBufferSize);
    in_used_ = 0;
    ssize_t got = recv(fd_, in_.data(), in_.size(), 0);
    in_.resize(got > 0 ? got : 0);
    if (got <= 0) return got;
  }
  size = std::min(size, in_.size() - in_used_);
  std::copy_n(in_.data() + in_used_, size, to);
  in_used_ += size;
  read_left_ -= size;
  return static_cast<ssize_t>(size);
}

bool Socket::Send(absl::string_view data) {
  while (!data.empty()) {
    ssize_t sent = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data.remove_prefix(sent);
  }
  return true;
}

bool Socket::Write(absl::string_view data) {
  if (out_.size() + data.size() <= kBufferSize) {
    out_.append(data.data(), data.size());
    return true;
  }
  return Flush() && Send(data);
}

bool Socket::Flush() {
  bool sent = Send(out_);
  out_.clear();
  return sent;
}

void Socket::Linger() {
  shutdown(fd_, SHUT_WR);
  absl::Time until = absl::Now() + kLingerTime;
  char dropped[kBufferSize];
  while (WaitReadable(until)) {
    if (recv(fd_, dropped, sizeof dropped, 0) <= 0) return;
    if (absl::Now() >= until) return;
  }
}

void Socket::Shutdown() { shutdown(fd_, SHUT_RDWR); }

}  // namespace prismatic::http
