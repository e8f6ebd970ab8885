#include "services/common/http/gate.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "services/common/http/server.h"
#include "services/common/log/log.h"

namespace prismatic::http {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr int kAcceptsPerTurn = 256;
// Out of descriptors or memory: connections wait this long for some to come back.
constexpr std::chrono::milliseconds kExhaustedPause{20};
// Requests without a body beyond requests_max: health checks, and lists that cost little.
constexpr int kBodylessSpare = 64;

constexpr std::pair<Rejection, const char*> kReasons[] = {{Rejection::kOverload, "overload"},
                                                          {Rejection::kTooLarge, "too_large"},
                                                          {Rejection::kBadRequest, "bad_request"},
                                                          {Rejection::kHeadTimeout, "timeout_head"},
                                                          {Rejection::kBodyTimeout, "timeout_body"}};

bool IsExhausted(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

metrics::Counter RejectedCounter(metrics::Registry& registry, const std::string& prefix,
                                 const std::string& reason) {
  return registry.GetCounter(absl::StrCat(prefix, "_rejected_total"),
                             "Requests turned away without work, by why.", {{"reason", reason}});
}

Gate::Gate(Listener listener, Options options)
    : options_(std::move(options)),
      listener_(std::move(listener)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (epoll_ < 0 || wake_ < 0) {
    log::Error("no descriptors are left to serve with");
    std::abort();
  }
  if (options_.metrics != nullptr) {
    connections_gauge_ = options_.metrics->GetGauge(absl::StrCat(options_.metrics_prefix, "_connections"),
                                                    "Open connections of clients.");
    requests_gauge_ = options_.metrics->GetGauge(absl::StrCat(options_.metrics_prefix, "_requests_begun"),
                                                 "Requests whose handlers have not answered yet.");
    for (auto [why, reason] : kReasons) {
      rejected_[why] = RejectedCounter(*options_.metrics, options_.metrics_prefix, reason);
    }
  }
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = &wake_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  event.data.ptr = &listener_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_.fd(), &event);
  thread_ = std::thread([this] { Loop(); });
}

Gate::~Gate() {
  Drain(absl::ZeroDuration());
  close(wake_);
  close(epoll_);
}

// --- From other threads ---

void Gate::Answer(Exchange* exchange) {
  // Told under the lock: once it is free, the gate may end.
  std::lock_guard<std::mutex> lock(mutex_);
  answered_.push_back(exchange);
  Wake();
}

void Gate::Tell(std::function<void()> message) {
  std::lock_guard<std::mutex> lock(mutex_);
  messages_.push_back(std::move(message));
  Wake();
}

void Gate::Wake() {
  if (answered_.size() + messages_.size() == 1) eventfd_write(wake_, 1);
}

void Gate::CloseAfterAnswers() {
  Tell([this] { winding_down_ = true; });
}

void Gate::Drain(absl::Duration grace) {
  std::lock_guard<std::mutex> once(drain_mutex_);
  if (drained_) return;
  drained_ = true;
  Tell([this] { BeginDrain(); });
  {
    std::unique_lock<std::mutex> lock(mutex_);
    emptied_.wait_for(lock, absl::ToChronoNanoseconds(std::min(grace, absl::Hours(24 * 365))),
                      [this] { return empty_; });
  }
  Tell([this] { AbortAll(); });
  {
    std::unique_lock<std::mutex> lock(mutex_);
    emptied_.wait(lock, [this] { return empty_; });
  }
  Tell([this] { stop_ = true; });
  thread_.join();
}

// --- The thread ---

void Gate::Loop() {
  std::array<epoll_event, kEventsPerTurn> events;
  while (!stop_) {
    int count = epoll_wait(epoll_, events.data(), kEventsPerTurn, Patience());
    now_ = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
      void* source = events[i].data.ptr;
      if (source == &listener_) {
        Accept();
      } else if (source != &wake_) {
        auto* connection = static_cast<Connection*>(source);
        connection->OnEvents(events[i].events);
        Update(connection);
      }
    }
    TakeMessages();
    LookAtDue();
    ListenAgain();
    ended_.clear();
    ReportLoad();
    if (draining_ && connections_.empty()) {
      std::lock_guard<std::mutex> lock(mutex_);
      empty_ = true;
      emptied_.notify_all();
    }
  }
}

void Gate::ReportLoad() {
  if (options_.metrics == nullptr) return;
  connections_gauge_.Set(static_cast<double>(connections_.size()));
  requests_gauge_.Set(requests_);
}

int Gate::Patience() const {
  TimePoint until = looks_.empty() ? TimePoint::max() : looks_.begin()->first;
  if (!listening_ && !draining_ && accept_again_ > now_) until = std::min(until, accept_again_);
  if (until == TimePoint::max()) return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

void Gate::TakeMessages() {
  std::vector<Exchange*> answered;
  std::vector<std::function<void()>> messages;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (answered_.empty() && messages_.empty()) return;
    eventfd_t count;
    eventfd_read(wake_, &count);
    answered.swap(answered_);
    messages.swap(messages_);
  }
  for (Exchange* exchange : answered) {
    Connection* connection = exchange->connection;
    connection->OnAnswer(std::unique_ptr<Exchange>(exchange));
    Update(connection);
  }
  for (std::function<void()>& message : messages) message();
}

void Gate::LookAtDue() {
  while (!looks_.empty() && looks_.begin()->first <= now_) {
    Connection* connection = looks_.begin()->second;
    looks_.erase(looks_.begin());
    connections_[connection].look = TimePoint::max();
    if (connection->due() <= now_) connection->OnDue();
    Update(connection);
  }
}

void Gate::Accept() {
  for (int i = 0; i < kAcceptsPerTurn && listening_; ++i) {
    bool full = static_cast<int>(connections_.size()) >= options_.limits.connections_max;
    // They wait in the kernel until something is over.
    if (full && idle_.empty()) return StopListening();
    int fd = listener_.Accept();
    if (fd >= 0) {
      if (full) MakeRoom();
      Add(fd);
    } else if (IsExhausted(errno)) {
      if (MakeRoom()) continue;
      accept_again_ = now_ + kExhaustedPause;
      StopListening();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

void Gate::StopListening() {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_.fd(), nullptr);
  listening_ = false;
}

bool Gate::MakeRoom() {
  while (!idle_.empty()) {
    Connection* longest = idle_.front();
    // Its next request may be there already.
    longest->OnEvents(EPOLLIN);
    if (longest->gives_way()) longest->Abort();
    bool room = longest->closed();
    Update(longest);
    if (room) return true;
  }
  return false;
}

void Gate::ListenAgain() {
  if (listening_ || draining_ || now_ < accept_again_) return;
  if (static_cast<int>(connections_.size()) >= options_.limits.connections_max && idle_.empty()) return;
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = &listener_;
  listening_ = epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_.fd(), &event) == 0;
}

void Gate::Add(int fd) {
  ConnectionHost& host = *this;
  auto connection = std::make_unique<Connection>(fd, host);
  Connection* added = connection.get();
  Slot& slot = connections_[added];
  slot.connection = std::move(connection);
  slot.interest = added->interest();
  epoll_event event = {};
  event.events = slot.interest;
  event.data.ptr = added;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) added->Abort();
  Update(added);
}

void Gate::Update(Connection* connection) {
  auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  Slot& slot = found->second;
  UpdateIdle(connection, slot);
  Look(connection, slot, connection->due());
  if (connection->closed()) {
    if (connection->handed_over()) return;
    if (slot.look != TimePoint::max()) looks_.erase({slot.look, connection});
    ended_.push_back(std::move(slot.connection));
    connections_.erase(found);
    return;
  }
  uint32_t interest = connection->interest();
  if (interest == slot.interest) return;
  slot.interest = interest;
  epoll_event event = {};
  event.events = interest;
  event.data.ptr = connection;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection->fd(), &event);
}

void Gate::UpdateIdle(Connection* connection, Slot& slot) {
  bool idle = connection->gives_way();
  if (idle == slot.in_idle && (!idle || slot.idle_since == connection->began())) return;
  if (slot.in_idle) idle_.erase(slot.idle_place);
  slot.in_idle = idle;
  slot.idle_since = connection->began();
  if (idle) slot.idle_place = idle_.insert(idle_.end(), connection);
}

// Only ever earlier: a deadline that has moved on is found out when the look is due, so that a busy
// connection costs no bookkeeping.
void Gate::Look(Connection* connection, Slot& slot, TimePoint when) {
  if (when >= slot.look) return;
  if (slot.look != TimePoint::max()) looks_.erase({slot.look, connection});
  slot.look = when;
  looks_.insert({when, connection});
}

void Gate::BeginDrain() {
  draining_ = winding_down_ = true;
  // What the kernel has accepted already believes to be connected.
  for (int fd; (fd = listener_.Accept()) >= 0;) Add(fd);
  listening_ = false;
  listener_.Close();
  std::vector<Connection*> all;
  for (auto& [connection, slot] : connections_) all.push_back(connection);
  for (Connection* connection : all) {
    connection->OnDrain();
    Update(connection);
  }
}

void Gate::AbortAll() {
  std::vector<Connection*> all;
  for (auto& [connection, slot] : connections_) all.push_back(connection);
  for (Connection* connection : all) {
    connection->Abort();
    Update(connection);
  }
}

// --- What connections ask for ---

std::unique_ptr<Exchange> Gate::Admit(const Head& head) {
  bool counted = head.has_body() && head.body_bytes_max > options_.limits.body_bytes_reserved;
  bool crowded = counted && options_.budget != nullptr && options_.budget->crowded();
  if (IsFull(head.has_body()) || crowded) return nullptr;
  auto exchange = std::make_unique<Exchange>();
  exchange->bytes = ByteBudget::Share(options_.budget);
  return exchange;
}

bool Gate::IsFull(bool has_body) const {
  return requests_ >= options_.limits.requests_max + (has_body ? 0 : kBodylessSpare);
}

// Counted from here on: one that is still being read takes memory, and nothing else that others need.
void Gate::HandOver(std::unique_ptr<Exchange>& exchange) {
  if (IsFull(exchange->head.has_body())) return;
  exchange->slot = RequestSlot(requests_);
  options_.complete(exchange.release());
}

void Gate::Cancel(const Cancellation& cancellation) { options_.cancel(cancellation); }

Response Gate::Refusal(int status, Rejection why) {
  if (options_.metrics != nullptr) rejected_.at(why).Add();
  Response refusal;
  if (options_.refuse) refusal = options_.refuse(status);
  if (!options_.refuse) refusal.status = status;
  return refusal;
}

}  // namespace prismatic::http
