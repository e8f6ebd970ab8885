#include "services/common/redis/connection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/common/redis/protocol.h"
#include "services/common/redis/refusals.h"

namespace prismatic::redis {
namespace {

constexpr absl::Duration kBackoffMax = absl::Seconds(1);
// A replica on the same network confirms within a millisecond; one that needs longer is not waited for.
constexpr char kWaitMilliseconds[] = "50";

SteadyTime Now() { return std::chrono::steady_clock::now(); }

}  // namespace

Connection::Connection(loop::Loop& loop, metrics::Registry& registry, std::shared_ptr<MasterFinder> finder,
                       Settings settings, Events events)
    : loop_(loop),
      finder_(std::move(finder)),
      settings_(std::move(settings)),
      metrics_(registry, settings_.lane),
      events_(std::move(events)),
      backoff_(kBackoffMin),
      random_(std::random_device()()),
      node_(settings_.endpoint.Name()),
      breaker_(settings_.breaker_misses) {
  SetLastError("no attempt yet");
}

Connection::~Connection() = default;

void Connection::Open() { Connect(); }

void Connection::Close() {
  if (state_ == State::kClosed) return;
  retry_timer_.reset();
  Drop(absl::StatusCode::kAborted, "the client was closed");
  state_ = State::kClosed;
  metrics_.breaker_open.Set(0);
}

void Connection::Retire(const std::string& why) {
  if (state_ != State::kConnected || !retiring_.empty()) return;
  retiring_ = why;
  SetLastError(why);
  if (connected_.exchange(false)) metrics_.connected.Add(-1);
  if (slots_.empty()) Lose(why);
}

void Connection::SetLastError(const std::string& why) {
  not_connected_ = absl::StrCat("not connected to Redis at ", node_, ": ", why);
}

absl::Status Connection::Admits(size_t commands) {
  if (!connected()) {
    metrics_.errors_not_connected.Add(static_cast<double>(commands));
    return NotConnected();
  }
  if (breaker_.open()) {
    metrics_.errors_breaker.Add(static_cast<double>(commands));
    return absl::UnavailableError("Redis has not answered lately; nothing is sent until it does");
  }
  if (slots_.size() + held_.size() + commands > static_cast<size_t>(settings_.pending_max)) {
    metrics_.errors_too_many.Add(static_cast<double>(commands));
    return absl::UnavailableError("too many commands are on the way to Redis");
  }
  return absl::OkStatus();
}

void Connection::Send(std::string bytes, SteadyTime start, ReplyDone done) {
  absl::Status admitted = Admits(1);
  if (!admitted.ok()) {
    FinishSoon(std::move(done), std::move(admitted));
    return;
  }
  Enqueue(Kind::kCommand, std::move(bytes), start, std::move(done));
  unfollowed_ = true;
  FlushSoon();
}

// From a fresh stack, so that a caller who tries again in a loop does not pile frame on frame. The result
// is moved on: ThreadSanitizer cannot see the reference count of Debian's Abseil.
void Connection::FinishSoon(ReplyDone done, absl::StatusOr<Reply> result) {
  loop_.Post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void Connection::Enqueue(Kind kind, std::string bytes, SteadyTime start, ReplyDone done) {
  wire_->Append(std::move(bytes));
  slots_.push_back({kind, std::move(done), start, wire_->bytes_appended()});
  ++next_number_;
  metrics_.pending.Add(1);
  bool due_first = timer_ == nullptr || start + absl::ToChronoNanoseconds(settings_.deadline) < timer_due_;
  if (state_ == State::kConnected && due_first) ArmTimer();
}

void Connection::FlushSoon() {
  if (std::exchange(flush_posted_, true)) return;
  std::weak_ptr<Connection> weak = weak_from_this();
  loop_.Post([weak] {
    std::shared_ptr<Connection> self = weak.lock();
    if (self == nullptr) return;
    self->flush_posted_ = false;
    if (self->state_ == State::kConnected) self->FollowWithWait();
  });
}

// --- losing a connection ---

void Connection::Lose(const std::string& why) {
  bool on_the_way = false;
  for (const Slot& slot : slots_) on_the_way |= slot.done != nullptr;
  Drop(absl::StatusCode::kAborted, why);
  if (on_the_way) Miss();
  Retry(why);
}

// Ends the connection and everything on it. Callers are told last, when the state is final: they may
// send again at once.
void Connection::Drop(absl::StatusCode code, const std::string& why) {
  uint64_t written = wire_ == nullptr ? 0 : wire_->bytes_written();
  // It ends here, on the loop: this object may go on any thread.
  if (wire_ != nullptr) wire_->Close();
  wire_.reset();
  timer_.reset();
  probe_timer_.reset();
  probe_sent_ = wait_sent_ = unfollowed_ = false;
  if (connected_.exchange(false)) metrics_.connected.Add(-1);
  state_ = State::kWaiting;
  retiring_.clear();
  SetLastError(why);
  FailSlots(written, code, why);
  ReleaseHeld(held_.size(), false);
}

void Connection::FailSlots(uint64_t written, absl::StatusCode code, const std::string& why) {
  std::deque<Slot> slots;
  slots.swap(slots_);
  expired_ = 0;
  metrics_.pending.Add(-static_cast<double>(slots.size()));
  for (Slot& slot : slots) {
    if (!slot.done) continue;
    // Redis executes complete commands only.
    bool sent = slot.end <= written;
    (sent ? metrics_.errors_lost : metrics_.errors_not_connected).Add();
    FinishSoon(
        std::move(slot.done),
        sent ? absl::Status(code, absl::StrCat("the connection to Redis was lost: ", why)) : NotConnected());
  }
}

void Connection::Retry(const std::string& why) {
  if (why != logged_error_) {
    log::Warning("redis is not connected", {{"redis", node_}, {"lane", settings_.lane}, {"error", why}});
    logged_error_ = why;
  }
  // Half to all of the backoff, so that the replicas of a service do not come in step.
  double share = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
  retry_timer_ = loop_.After(backoff_ * share, [this] { Connect(); });
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
}

// --- answers ---

void Connection::OnReply(Reply reply) {
  if (slots_.empty()) {
    Lose("Redis answered what nobody asked");
    return;
  }
  Slot slot = std::move(slots_.front());
  slots_.pop_front();
  bool late = expired_ > 0;
  if (late) --expired_;
  metrics_.pending.Add(-1);
  if (reply.is_error()) metrics_.errors_refused.Add();
  if (slot.kind == Kind::kCommand) {
    OnCommandReply(std::move(slot), std::move(reply), late);
  } else if (slot.kind == Kind::kProbe) {
    OnProbeReply(reply, late);
  } else if (slot.kind == Kind::kWait) {
    wait_sent_ = false;
    if (reply.is_error()) NoteError(reply.text);
    ReleaseHeld(held_.size(),
                reply.type == Reply::Type::kInteger && reply.integer >= settings_.wait_replicas);
    FollowWithWait();
  } else {
    OnGreetingReply(slot.kind, reply);
  }
  if (state_ == State::kConnected && !retiring_.empty() && slots_.empty()) Lose(std::string(retiring_));
}

void Connection::OnCommandReply(Slot slot, Reply reply, bool late) {
  metrics_.duration.Observe(absl::FromChrono(Now() - slot.start));
  if (reply.is_error()) NoteError(reply.text);
  if (late) return;
  breaker_.Answer();
  if (settings_.wait_replicas > 0 && !reply.is_error()) {
    held_.push_back({std::move(slot.done), std::move(reply), slot.start});
  } else {
    slot.done(std::move(reply));
  }
}

void Connection::NoteError(const std::string& error) {
  if (IsForbidden(error) && error != logged_forbidden_) {
    logged_forbidden_ = error;
    log::Error("redis forbids what its user must be allowed",
               {{"redis", node_}, {"lane", settings_.lane}, {"error", error}});
  }
  if (state_ != State::kConnected || !NeedsNewConnection(error)) return;
  retiring_ = retiring_.empty() ? error : retiring_;
  SetLastError(error);
  if (connected_.exchange(false)) {
    metrics_.connected.Add(-1);
    events_.demoted();
  }
}

// --- WAIT ---

// Writes what there is to write, and a WAIT behind it unless one is on the way already: its answer brings
// us here again.
void Connection::FollowWithWait() {
  if (settings_.wait_replicas > 0 && unfollowed_ && !wait_sent_) {
    unfollowed_ = false;
    wait_sent_ = true;
    Enqueue(Kind::kWait, FormatCommand({"WAIT", absl::StrCat(settings_.wait_replicas), kWaitMilliseconds}),
            Now(), nullptr);
  }
  wire_->Flush();
}

// All of them were answered before the WAIT was, hence stand before it.
void Connection::ReleaseHeld(size_t count, bool confirmed) {
  for (size_t i = 0; i < count; ++i) {
    Held held = std::move(held_.front());
    held_.pop_front();
    held.reply.unconfirmed = !confirmed;
    if (!confirmed) metrics_.unconfirmed.Add();
    FinishSoon(std::move(held.done), std::move(held.reply));
  }
}

// --- the breaker ---

void Connection::Miss() {
  if (!breaker_.Miss()) return;
  metrics_.breaker_opened.Add();
  metrics_.breaker_open.Set(1);
  log::Warning("redis does not answer: commands are refused at once until it does",
               {{"redis", node_}, {"lane", settings_.lane}});
  Probe();
}

void Connection::Probe() {
  probe_timer_.reset();
  if (state_ != State::kConnected || probe_sent_) return;
  probe_sent_ = true;
  Enqueue(Kind::kProbe, FormatCommand({"PING"}), Now(), nullptr);
  FlushSoon();
}

void Connection::OnProbeReply(const Reply& reply, bool late) {
  probe_sent_ = false;
  if (!late && !reply.is_error()) {
    CloseBreaker();
    return;
  }
  probe_timer_ = loop_.After(breaker_.ProbeFailed(), [this] { Probe(); });
}

void Connection::CloseBreaker() {
  breaker_.Close();
  metrics_.breaker_open.Set(0);
  log::Info("redis answers again", {{"redis", node_}, {"lane", settings_.lane}});
}

// --- deadlines ---

// One timer serves all slots: it is set to the oldest thing that can come due, and when it fires it
// looks again. What was answered meanwhile costs a timer nothing.
void Connection::ArmTimer() {
  std::optional<SteadyTime> due;
  auto consider = [&due](SteadyTime time) { due = due ? std::min(*due, time) : time; };
  auto deadline = absl::ToChronoNanoseconds(settings_.deadline);
  if (state_ == State::kConnecting || state_ == State::kGreeting) consider(attempt_start_ + AttemptMax());
  if (state_ == State::kConnected) {
    if (!slots_.empty()) consider(slots_.front().start + AttemptMax());
    if (expired_ < slots_.size()) consider(slots_[expired_].start + deadline);
    if (!held_.empty()) consider(held_.front().start + deadline);
  }
  timer_.reset();
  if (!due) return;
  timer_due_ = *due;
  timer_ = loop_.After(absl::FromChrono(*due - Now()), [this] { OnTimer(); });
}

void Connection::OnTimer() {
  std::shared_ptr<Connection> self = shared_from_this();
  // When the loop itself was late, answers may be waiting: they count.
  if (greeting_or_connected()) wire_->Read();
  SteadyTime now = Now();
  if (state_ == State::kConnecting || state_ == State::kGreeting) {
    if (now >= attempt_start_ + AttemptMax()) {
      ++silent_attempts_;
      Lose("no answer to the greeting");
      return;
    }
  } else if (state_ == State::kConnected) {
    ExpireSlots(now);
    if (!slots_.empty() && now >= slots_.front().start + AttemptMax()) {
      Lose("Redis answers no more");
      return;
    }
    wire_->Flush();
  }
  if (state_ != State::kClosed) ArmTimer();
}

void Connection::ExpireSlots(SteadyTime now) {
  SteadyTime started_before = now - absl::ToChronoNanoseconds(settings_.deadline);
  // What was answered is done; only the replicas are silent.
  size_t unconfirmed = 0;
  while (unconfirmed < held_.size() && held_[unconfirmed].start <= started_before) ++unconfirmed;
  ReleaseHeld(unconfirmed, false);
  int misses = 0;
  for (; expired_ < slots_.size() && slots_[expired_].start <= started_before; ++expired_) {
    ReplyDone done = std::exchange(slots_[expired_].done, nullptr);
    if (!done) continue;
    ++misses;
    metrics_.errors_deadline.Add();
    FinishSoon(std::move(done), absl::DeadlineExceededError("Redis did not answer in time"));
  }
  for (int i = 0; i < misses; ++i) Miss();
}

std::chrono::steady_clock::duration Connection::AttemptMax() const {
  return absl::ToChronoNanoseconds(settings_.stall_max);
}

}  // namespace prismatic::redis
