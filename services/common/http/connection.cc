#include "services/common/http/connection.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "services/common/http/listener.h"
#include "services/common/http/response_head.h"

namespace prismatic::http {
namespace {

// One read; also what a connection may have sent ahead while its request is handled.
constexpr size_t kReadBytes = 64 << 10;
// Reads of one connection before the others get their turn.
constexpr int kReadsPerTurn = 8;
// A parser finds its padding behind the body without a copy.
constexpr size_t kBodySpare = 64;
// An idle connection during a drain: a request may be on its way.
constexpr absl::Duration kDrainPatience = absl::Milliseconds(500);
// A head that has begun by then.
constexpr absl::Duration kDrainHeadTime = absl::Seconds(1);
// For clients that are still sending while they are refused.
constexpr absl::Duration kLingerTime = absl::Seconds(2);
constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// A year is for ever, and can be added to the time of day.
std::chrono::nanoseconds Nanos(absl::Duration duration) {
  return absl::ToChronoNanoseconds(std::min(duration, absl::Hours(24 * 365)));
}

// Gives the memory back; an assignment of an empty string would keep it.
void Free(std::string& text) { std::string().swap(text); }

std::chrono::nanoseconds TimeFor(size_t bytes, int64_t per_second) {
  return Nanos(absl::Seconds(1) * (static_cast<double>(bytes) / static_cast<double>(per_second)));
}

// Says how large the body may be, and the status to refuse it with when more is announced; 0: it may come.
int LimitBody(const Limits& limits, Head& head) {
  if (!head.has_body()) return 0;
  head.body_bytes_max = limits.body_bytes_max;
  if (limits.body_bytes_max_for) {
    head.body_bytes_max = std::min(head.body_bytes_max, limits.body_bytes_max_for(head));
  }
  return head.content_length > head.body_bytes_max ? 413 : 0;
}

Rejection RejectionOf(int status, bool in_body) {
  switch (status) {
    case 408:
      return in_body ? Rejection::kBodyTimeout : Rejection::kHeadTimeout;
    case 413:
    case 414:
    case 431:
      return Rejection::kTooLarge;
    case 503:
      return Rejection::kOverload;
    default:
      return Rejection::kBadRequest;
  }
}

}  // namespace

Connection::Connection(int fd, ConnectionHost& host)
    : host_(host), fd_(fd), peer_(PeerAddress(fd)), began_(host.now()), progress_(began_) {}

Connection::~Connection() { Close(); }

void Connection::Enter(Phase phase) {
  phase_ = phase;
  began_ = host_.now();
}

uint32_t Connection::interest() const {
  uint32_t events = 0;
  if (phase_ == Phase::kWriting) events |= EPOLLOUT;
  bool ahead = phase_ == Phase::kHandling || phase_ == Phase::kWriting;
  if (!input_ended_) events |= EPOLLRDHUP;
  if (!input_ended_ && !(ahead && in_.size() >= kReadBytes)) events |= EPOLLIN;
  return events;
}

TimePoint Connection::due() const {
  const Limits& limits = host_.limits();
  switch (phase_) {
    case Phase::kIdle:
      return began_ + Nanos(host_.draining() ? kDrainPatience : limits.keep_alive);
    case Phase::kHead:
      return began_ + Nanos(host_.draining() ? std::min(limits.head_time, kDrainHeadTime) : limits.head_time);
    case Phase::kBody:
      return std::min(began_ + Nanos(limits.body_time), progress_ + Nanos(limits.rate_window));
    case Phase::kWriting:
      return std::min(progress_, began_ + TimeFor(written_, limits.bytes_per_second_min)) +
             Nanos(limits.answer_time);
    case Phase::kLingering:
      return began_ + Nanos(kLingerTime);
    case Phase::kHandling:
    case Phase::kClosed:
      break;
  }
  return TimePoint::max();
}

void Connection::OnDue() {
  // What makes it not due may have come in this instant.
  if (phase_ == Phase::kIdle || phase_ == Phase::kHead || phase_ == Phase::kBody) Read();
  if (phase_ == Phase::kBody) LookAtRate();
  if (due() > host_.now()) return Advance();
  if (phase_ == Phase::kHead || phase_ == Phase::kBody) {
    Refuse(408);
    Advance();
  } else {
    Close();
  }
}

// In each window some must have come, so that what came fast before is no pretext for stalling.
void Connection::LookAtRate() {
  size_t received = exchange_->request->body.size();
  const Limits& limits = host_.limits();
  auto needed = static_cast<size_t>(static_cast<double>(limits.bytes_per_second_min) *
                                    absl::ToDoubleSeconds(limits.rate_window));
  if (host_.now() < progress_ + Nanos(limits.rate_window) || received - window_bytes_ < needed) return;
  window_bytes_ = received;
  progress_ = host_.now();
}

// However long it has been idle: a request may be on its way now.
void Connection::OnDrain() {
  if (phase_ == Phase::kIdle || phase_ == Phase::kHead) began_ = host_.now();
}

void Connection::OnEvents(uint32_t events) {
  if (closed()) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Abort();
  if ((events & EPOLLIN) != 0) {
    Read();
  } else if ((events & EPOLLRDHUP) != 0) {
    // More was sent ahead than is read ahead, and then the end: nobody waits for so many answers.
    EndOfInput();
  }
  Advance();
}

void Connection::Read() {
  // Of the gate's thread; what is not needed at once is copied.
  static thread_local std::string buffer(kReadBytes, '\0');
  for (int i = 0; i < kReadsPerTurn && !closed() && !input_ended_; ++i) {
    ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) Abort();
      return;
    }
    if (got == 0) return EndOfInput();
    if (phase_ == Phase::kLingering) continue;
    in_.append(buffer.data(), static_cast<size_t>(got));
    // Only a body is read on at once; what else follows has time.
    Advance();
    if (phase_ != Phase::kBody || static_cast<size_t>(got) < buffer.size()) return;
  }
}

void Connection::EndOfInput() {
  input_ended_ = true;
  switch (phase_) {
    case Phase::kHead:
    case Phase::kBody:
      Refuse(400);
      break;
    case Phase::kHandling:
      if (cancellation_) host_.Cancel(*cancellation_);
      break;
    case Phase::kWriting:
      // Nobody waits for the answers to what was sent ahead.
      close_after_ = true;
      break;
    default:
      Close();
  }
}

void Connection::Advance() {
  while (Step()) {
  }
}

bool Connection::Step() {
  switch (phase_) {
    case Phase::kIdle:
      return BeginHead();
    case Phase::kHead:
      return ReadHead();
    case Phase::kBody:
      return ReadBody();
    case Phase::kWriting:
      return Write();
    default:
      return false;
  }
}

bool Connection::BeginHead() {
  if (in_.empty()) {
    Free(in_);
    return false;
  }
  Enter(Phase::kHead);
  scanner_ = HeadScanner();
  return true;
}

bool Connection::ReadHead() {
  // Some clients end a body with an empty line too many; it may come in halves.
  if (!skipped_line_ && in_ == "\r") return false;
  if (!skipped_line_ && absl::StartsWith(in_, "\r\n")) in_.erase(0, 2);
  skipped_line_ = true;
  if (in_.empty()) {
    // Nothing has begun, and a second line too many would be malformed.
    phase_ = Phase::kIdle;
    return false;
  }
  switch (scanner_.Scan(in_)) {
    case HeadScanner::Result::kMore:
      return false;
    case HeadScanner::Result::kMalformed:
      Refuse(400);
      return true;
    case HeadScanner::Result::kTargetTooLong:
      Refuse(414);
      return true;
    case HeadScanner::Result::kTooLarge:
      Refuse(431);
      return true;
    case HeadScanner::Result::kComplete:
      break;
  }
  const Limits& limits = host_.limits();
  Head head =
      http::ReadHead(absl::string_view(in_).substr(0, scanner_.size()), limits.fields, limits.body_bytes_max);
  in_.erase(0, scanner_.size());
  if (head.refusal == 0) head.refusal = LimitBody(limits, head);
  if (head.refusal != 0) {
    Refuse(head.refusal, /*close=*/true, head.method == "HEAD");
    return true;
  }
  return BeginRequest(std::move(head));
}

bool Connection::BeginRequest(Head head) {
  exchange_ = host_.Admit(head);
  if (exchange_ == nullptr) {
    size_t length = static_cast<size_t>(head.content_length);
    // Whether the next request's beginning is known and it is not there yet (a pipeline of refusals would
    // keep the gate from all others), and the answer needs nothing of the refused head.
    bool close =
        head.chunked || length != in_.size() || !head.keep_alive || head.http10 || head.method == "HEAD";
    if (!close) in_.erase(0, length);
    Refuse(503, close, head.method == "HEAD");
    return true;
  }
  exchange_->connection = this;
  exchange_->head = std::move(head);
  exchange_->request->peer = peer_;
  if (!exchange_->head.has_body()) {
    HandOver();
    return true;
  }
  Enter(Phase::kBody);
  progress_ = began_;
  window_bytes_ = 0;
  if (exchange_->head.expects_continue && in_.empty()) SendContinue();
  return true;
}

void Connection::SendContinue() {
  ssize_t sent = send(fd_, kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
  // Without room even for this an answer is on its way, and the client sends its body after a while anyway.
  if (sent < 0 && errno == EAGAIN) return;
  if (sent != static_cast<ssize_t>(kContinue.size())) Abort();
}

bool Connection::ReadBody() {
  if (in_.empty()) return false;
  std::string& body = exchange_->request->body;
  size_t max = static_cast<size_t>(exchange_->head.body_bytes_max);
  absl::string_view rest = in_;
  bool complete = false;
  if (exchange_->head.chunked) {
    ChunkedReader::Result result = exchange_->chunks.Read(rest, body, max);
    if (result == ChunkedReader::Result::kMalformed || result == ChunkedReader::Result::kTooLarge) {
      Refuse(result == ChunkedReader::Result::kTooLarge ? 413 : 400);
      return true;
    }
    complete = result == ChunkedReader::Result::kDone;
  } else {
    size_t length = static_cast<size_t>(exchange_->head.content_length);
    size_t part = std::min(length - body.size(), rest.size());
    // Grows with what comes, not with what is announced.
    if (body.size() + part > body.capacity()) {
      body.reserve(
          std::min(length + kBodySpare, std::max(2 * body.capacity(), body.size() + part + kBodySpare)));
    }
    body.append(rest.data(), part);
    rest.remove_prefix(part);
    complete = body.size() == length;
  }
  in_.erase(0, in_.size() - rest.size());
  if (!CountBody(body.size())) {
    Refuse(503);
    return true;
  }
  if (complete) HandOver();
  return complete;
}

// False: there is no room for it.
bool Connection::CountBody(size_t bytes) {
  auto count = static_cast<int64_t>(bytes);
  if (exchange_->head.body_bytes_max > host_.limits().body_bytes_reserved) {
    return exchange_->bytes.TrySet(count);
  }
  exchange_->bytes.Set(count);
  return true;
}

void Connection::HandOver() {
  Enter(Phase::kHandling);
  cancellation_ = exchange_->request->cancellation;
  close_after_ = !exchange_->head.keep_alive;
  if (in_.empty()) Free(in_);
  host_.HandOver(exchange_);
  if (exchange_ == nullptr) return;
  cancellation_.reset();
  Refuse(503);
}

void Connection::OnAnswer(std::unique_ptr<Exchange> exchange) {
  cancellation_.reset();
  exchange->slot = RequestSlot();
  exchange->request = nullptr;
  if (closed()) return;
  exchange_ = std::move(exchange);
  BeginAnswer(std::move(exchange_->response), exchange_->head.method == "HEAD");
  Advance();
}

void Connection::Refuse(int status, bool close, bool head_only) {
  exchange_ = nullptr;
  if (close) {
    close_after_ = true;
    linger_ = true;
    Free(in_);
  }
  BeginAnswer(host_.Refusal(status, RejectionOf(status, phase_ == Phase::kBody)), head_only);
}

void Connection::BeginAnswer(Response response, bool head_only) {
  if (host_.winding_down() || input_ended_) close_after_ = true;
  bool cut = response.cut_body_at >= 0 && static_cast<size_t>(response.cut_body_at) < response.body.size();
  Framing framing;
  framing.close = close_after_ || cut;
  framing.head_only = head_only;
  if (exchange_ != nullptr) {
    framing.http10 = exchange_->head.http10;
    if (response.share != nullptr) exchange_->bytes = std::move(*response.share);
    exchange_->bytes.Set(static_cast<int64_t>(response.body.size()));
  }
  out_head_ = ResponseHead(response, framing);
  out_body_ = HasBody(response, framing) ? std::move(response.body) : std::string();
  if (cut) {
    close_after_ = true;
    out_body_.resize(std::min(out_body_.size(), static_cast<size_t>(response.cut_body_at)));
  }
  written_ = 0;
  Enter(Phase::kWriting);
  progress_ = began_;
}

bool Connection::Write() {
  size_t total = out_head_.size() + out_body_.size();
  while (written_ < total) {
    iovec parts[2];
    size_t of_head = std::min(written_, out_head_.size());
    size_t of_body = written_ - of_head;
    parts[0] = {out_head_.data() + of_head, out_head_.size() - of_head};
    parts[1] = {out_body_.data() + of_body, out_body_.size() - of_body};
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) Close();
      return false;
    }
    written_ += static_cast<size_t>(sent);
    progress_ = host_.now();
  }
  AfterAnswer();
  return !closed();
}

void Connection::AfterAnswer() {
  exchange_ = nullptr;
  Free(out_head_);
  Free(out_body_);
  skipped_line_ = false;
  if (!close_after_) return Enter(Phase::kIdle);
  // Closing with something unread resets the connection, and the answer may be lost with it.
  bool linger = linger_ || !in_.empty();
  Free(in_);
  if (!linger || input_ended_) return Close();
  shutdown(fd_, SHUT_WR);
  Enter(Phase::kLingering);
}

void Connection::Abort() {
  if (cancellation_) host_.Cancel(*cancellation_);
  Close();
}

void Connection::Close() {
  if (closed()) return;
  if (written_ < out_head_.size() + out_body_.size()) {
    // What was not taken is dropped with a reset; after a good-bye the kernel would keep megabytes for it.
    linger now = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  close(fd_);
  phase_ = Phase::kClosed;
  exchange_ = nullptr;
  Free(in_);
  Free(out_head_);
  Free(out_body_);
}

}  // namespace prismatic::http
