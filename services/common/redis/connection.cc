#include "services/common/redis/connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"

namespace prismatic::redis {
namespace {

constexpr absl::Duration kBackoffMin = absl::Milliseconds(20);
constexpr absl::Duration kBackoffMax = absl::Seconds(1);
// Read at once, and how often before other sockets of the loop get their turn.
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerTurn = 16;
// What is written leaves the front of the buffer in steps of this, so that a slow reader costs no copying.
constexpr size_t kWrittenKept = 1024 * 1024;

SteadyTime Now() { return std::chrono::steady_clock::now(); }

}  // namespace

LaneMetrics::LaneMetrics(metrics::Registry& registry, const std::string& lane) {
  auto errors = [&](const std::string& kind) {
    return registry.GetCounter("prismatic_redis_errors_total", "Redis commands that failed, by kind",
                               {{"lane", lane}, {"kind", kind}});
  };
  duration = registry.GetHistogram("prismatic_redis_command_duration_seconds",
                                   "Time from a command to its answer, also a late one",
                                   metrics::FastBuckets(), {{"lane", lane}});
  errors_refused = errors("refused");
  errors_deadline = errors("deadline");
  errors_lost = errors("lost");
  errors_not_connected = errors("not_connected");
  errors_too_many = errors("too_many");
  connected = registry.GetGauge("prismatic_redis_connected",
                                "Connections to Redis that answered their greeting", {{"lane", lane}});
  pending = registry.GetGauge("prismatic_redis_pending", "Commands on the way to Redis", {{"lane", lane}});
}

Connection::Connection(loop::Loop& loop, metrics::Registry& registry, Settings settings,
                       std::function<void()> on_connected)
    : loop_(loop),
      settings_(std::move(settings)),
      metrics_(registry, settings_.lane),
      on_connected_(std::move(on_connected)),
      backoff_(kBackoffMin),
      random_(std::random_device()()) {}

Connection::~Connection() = default;

void Connection::Open() { Connect(); }

void Connection::Close() {
  if (state_ == State::kClosed) return;
  retry_timer_.reset();
  Drop(absl::StatusCode::kAborted, "the client was closed");
  state_ = State::kClosed;
  last_error_ = "the client was closed";
}

absl::Status Connection::NotConnected() const {
  return absl::UnavailableError(
      absl::StrCat("not connected to Redis at ", settings_.endpoint.Name(), ": ", last_error_));
}

absl::Status Connection::Admits(size_t commands) {
  if (state_ != State::kConnected) {
    metrics_.errors_not_connected.Add(static_cast<double>(commands));
    return NotConnected();
  }
  if (slots_.size() + commands > static_cast<size_t>(settings_.pending_max)) {
    metrics_.errors_too_many.Add(static_cast<double>(commands));
    return absl::UnavailableError("too many commands are on the way to Redis");
  }
  return absl::OkStatus();
}

void Connection::Send(std::string bytes, SteadyTime start, ReplyDone done) {
  absl::Status admitted = Admits(1);
  if (!admitted.ok()) {
    FailSoon(std::move(done), std::move(admitted));
    return;
  }
  Enqueue(std::move(bytes), start, std::move(done));
  FlushSoon();
}

// From a fresh stack, so that a caller who tries again in a loop does not pile frame on frame. The status
// is moved on: ThreadSanitizer cannot see the reference count of Debian's Abseil.
void Connection::FailSoon(ReplyDone done, absl::Status status) {
  loop_.Post([done = std::move(done), status = std::move(status)]() mutable { done(std::move(status)); });
}

void Connection::Enqueue(std::string bytes, SteadyTime start, ReplyDone done) {
  bytes_queued_ += bytes.size();
  if (output_.empty()) {
    output_ = std::move(bytes);
  } else {
    output_.append(bytes);
  }
  slots_.push_back({std::move(done), start, bytes_queued_});
  ++next_number_;
  metrics_.pending.Add(1);
  bool due_first = timer_ == nullptr || start + absl::ToChronoNanoseconds(settings_.deadline) < timer_due_;
  if (state_ == State::kConnected && due_first) ArmTimer();
}

// --- connecting ---

void Connection::Connect() {
  state_ = State::kResolving;
  attempt_start_ = Now();
  addresses_.clear();
  next_address_ = 0;
  if (!settings_.endpoint.unix_path.empty()) {
    addresses_.push_back(UnixAddress(settings_.endpoint.unix_path));
    TryNextAddress("");
    return;
  }
  std::weak_ptr<Connection> weak = weak_from_this();
  loop_.Resolve(settings_.endpoint.host, settings_.endpoint.port,
                [weak](absl::StatusOr<std::vector<loop::Loop::Address>> addresses) {
                  std::shared_ptr<Connection> self = weak.lock();
                  if (self == nullptr || self->state_ != State::kResolving) return;
                  if (addresses.ok()) self->addresses_ = *std::move(addresses);
                  self->TryNextAddress(addresses.ok() ? "" : std::string(addresses.status().message()));
                });
}

void Connection::TryNextAddress(const std::string& last_error) {
  std::string error = last_error;
  while (next_address_ < addresses_.size()) {
    watcher_.reset();
    absl::Status begun = socket_.Connect(addresses_[next_address_++]);
    if (begun.ok()) {
      state_ = State::kConnecting;
      watcher_ =
          loop_.Watch(socket_.fd(), loop::Loop::kWritable, [this](int ready) { OnSocketReady(ready); });
      ArmTimer();
      return;
    }
    error = std::string(begun.message());
  }
  Lose(error);
}

void Connection::OnSocketReady(int ready) {
  std::shared_ptr<Connection> self = shared_from_this();
  if (state_ == State::kConnecting) {
    FinishConnect();
    return;
  }
  if (ready & loop::Loop::kReadable) Read();
  if (state_ == State::kGreeting || state_ == State::kConnected) Flush();
}

void Connection::FinishConnect() {
  std::string error = socket_.ConnectError();
  if (!error.empty()) {
    TryNextAddress(error);
    return;
  }
  Greet();
}

void Connection::Greet() {
  state_ = State::kGreeting;
  reader_ = std::make_unique<ReplyReader>();
  std::weak_ptr<Connection> weak = weak_from_this();
  auto send = [&](const std::vector<std::string>& words, bool last) {
    Enqueue(FormatCommand(words), Now(), [weak, last](absl::StatusOr<Reply> reply) {
      if (std::shared_ptr<Connection> self = weak.lock()) self->OnGreetingReply(last, std::move(reply));
    });
  };
  const Endpoint& endpoint = settings_.endpoint;
  if (!endpoint.password.empty()) {
    std::vector<std::string> auth = {"AUTH"};
    if (!endpoint.user.empty()) auth.push_back(endpoint.user);
    auth.push_back(endpoint.password);
    send(auth, false);
  }
  send({"PING"}, true);
  Flush();
}

void Connection::OnGreetingReply(bool last, absl::StatusOr<Reply> reply) {
  if (state_ != State::kGreeting || !reply.ok()) return;
  if (reply->is_error()) {
    Lose(absl::StrCat("Redis refused the greeting: ", reply->text));  // also while it is LOADING
  } else if (last) {
    Establish();
  }
}

void Connection::Establish() {
  state_ = State::kConnected;
  connected_.store(true, std::memory_order_release);
  metrics_.connected.Add(1);
  backoff_ = kBackoffMin;
  logged_error_.clear();
  ArmTimer();
  log::Info("redis connected", {{"redis", settings_.endpoint.Name()}, {"lane", settings_.lane}});
  on_connected_();
}

// --- losing a connection ---

void Connection::Lose(const std::string& why) {
  Drop(absl::StatusCode::kAborted, why);
  Retry(why);
}

// Ends the connection and everything on it. Callers are told last, when the state is final: they may
// send again at once.
void Connection::Drop(absl::StatusCode code, const std::string& why) {
  watcher_.reset();
  socket_.Close();
  timer_.reset();
  if (connected_.exchange(false)) metrics_.connected.Add(-1);
  state_ = State::kWaiting;
  last_error_ = why;
  std::deque<Slot> slots;
  slots.swap(slots_);
  uint64_t written = bytes_written_;
  expired_ = 0;
  output_.clear();
  output_begin_ = 0;
  bytes_written_ = bytes_queued_ = 0;
  metrics_.pending.Add(-static_cast<double>(slots.size()));
  for (Slot& slot : slots) {
    if (!slot.done) continue;
    // Redis executes complete commands only.
    bool sent = slot.end <= written;
    (sent ? metrics_.errors_lost : metrics_.errors_not_connected).Add();
    FailSoon(
        std::move(slot.done),
        sent ? absl::Status(code, absl::StrCat("the connection to Redis was lost: ", why)) : NotConnected());
  }
}

void Connection::Retry(const std::string& why) {
  if (state_ == State::kClosed) return;
  if (why != logged_error_) {
    log::Warning("redis is not connected",
                 {{"redis", settings_.endpoint.Name()}, {"lane", settings_.lane}, {"error", why}});
    logged_error_ = why;
  }
  // Half to all of the backoff, so that the replicas of a service do not come in step.
  double share = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
  retry_timer_ = loop_.After(backoff_ * share, [this] { Connect(); });
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
}

// --- writing and reading ---

void Connection::FlushSoon() {
  if (std::exchange(flush_posted_, true)) return;
  std::weak_ptr<Connection> weak = weak_from_this();
  loop_.Post([weak] {
    std::shared_ptr<Connection> self = weak.lock();
    if (self == nullptr) return;
    self->flush_posted_ = false;
    if (self->state_ == State::kConnected) self->Flush();
  });
}

void Connection::Flush() {
  while (output_begin_ < output_.size()) {
    absl::StatusOr<size_t> count = socket_.Write(absl::string_view(output_).substr(output_begin_));
    if (!count.ok()) {
      Lose(std::string(count.status().message()));
      return;
    }
    if (*count == 0) break;
    output_begin_ += *count;
    bytes_written_ += *count;
  }
  bool empty = output_begin_ == output_.size();
  if (empty || output_begin_ > kWrittenKept) {
    output_.erase(0, output_begin_);
    output_begin_ = 0;
  }
  watcher_->Set(loop::Loop::kReadable | (empty ? loop::Loop::kNothing : loop::Loop::kWritable));
}

void Connection::Read() {
  static thread_local std::vector<char> buffer(kReadBytes);
  for (int i = 0; i < kReadsPerTurn; ++i) {
    absl::StatusOr<size_t> count = socket_.Read(buffer.data(), buffer.size());
    if (!count.ok()) {
      Lose(std::string(count.status().message()));
      return;
    }
    if (*count == 0) return;
    absl::Status fed = reader_->Feed(absl::string_view(buffer.data(), *count));
    if (!fed.ok()) {
      Lose(std::string(fed.message()));
      return;
    }
    for (;;) {
      absl::StatusOr<std::optional<Reply>> reply = reader_->Next();
      if (!reply.ok()) {
        Lose(std::string(reply.status().message()));
        return;
      }
      if (!reply->has_value()) break;
      OnReply(**std::move(reply));
      if (state_ != State::kGreeting && state_ != State::kConnected) return;
    }
    if (*count < buffer.size()) return;
  }
}

void Connection::OnReply(Reply reply) {
  if (slots_.empty()) {
    Lose("Redis answered what nobody asked");
    return;
  }
  Slot slot = std::move(slots_.front());
  slots_.pop_front();
  metrics_.pending.Add(-1);
  metrics_.duration.Observe(absl::FromChrono(Now() - slot.start));
  if (reply.is_error()) metrics_.errors_refused.Add();
  if (expired_ > 0) {
    --expired_;
    return;
  }
  slot.done(std::move(reply));
}

// --- deadlines ---

// One timer serves all slots: it is set to the oldest thing that can come due, and when it fires it
// looks again. What was answered meanwhile costs a timer nothing.
void Connection::ArmTimer() {
  std::optional<SteadyTime> due;
  auto consider = [&due](SteadyTime time) { due = due ? std::min(*due, time) : time; };
  if (state_ == State::kConnecting || state_ == State::kGreeting) consider(attempt_start_ + AttemptMax());
  if (state_ == State::kConnected) {
    if (!slots_.empty()) consider(slots_.front().start + AttemptMax());
    if (expired_ < slots_.size()) {
      consider(slots_[expired_].start + absl::ToChronoNanoseconds(settings_.deadline));
    }
  }
  timer_.reset();
  if (!due) return;
  timer_due_ = *due;
  timer_ = loop_.After(absl::FromChrono(*due - Now()), [this] { OnTimer(); });
}

void Connection::OnTimer() {
  std::shared_ptr<Connection> self = shared_from_this();
  // When the loop itself was late, answers may be waiting: they count.
  if (state_ == State::kConnected) Read();
  SteadyTime now = Now();
  if (state_ == State::kConnecting || state_ == State::kGreeting) {
    if (now >= attempt_start_ + AttemptMax()) {
      Lose("no answer to the greeting");
      return;
    }
  } else if (state_ == State::kConnected) {
    ExpireSlots(now);
    if (!slots_.empty() && now >= slots_.front().start + AttemptMax()) {
      Lose("Redis answers no more");
      return;
    }
    Flush();
  }
  if (state_ != State::kClosed) ArmTimer();
}

void Connection::ExpireSlots(SteadyTime now) {
  SteadyTime started_before = now - absl::ToChronoNanoseconds(settings_.deadline);
  while (expired_ < slots_.size() && slots_[expired_].start <= started_before) {
    ReplyDone done = std::exchange(slots_[expired_].done, nullptr);
    ++expired_;
    metrics_.errors_deadline.Add();
    FailSoon(std::move(done), absl::DeadlineExceededError("Redis did not answer in time"));
  }
}

std::chrono::steady_clock::duration Connection::AttemptMax() const {
  return absl::ToChronoNanoseconds(settings_.stall_max);
}

}  // namespace prismatic::redis
