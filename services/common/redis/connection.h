#ifndef PRISMATIC_SERVICES_COMMON_REDIS_CONNECTION_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_CONNECTION_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/protocol.h"
#include "services/common/redis/reply.h"
#include "services/common/redis/socket.h"
#include "services/common/redis/url.h"

namespace prismatic::redis {

using SteadyTime = std::chrono::steady_clock::time_point;
// Gets the answer, also when Redis answered with an error (Reply::is_error), or UNAVAILABLE,
// DEADLINE_EXCEEDED or ABORTED as client.h says. Called once, on the loop, never inside Send.
using ReplyDone = std::function<void(absl::StatusOr<Reply>)>;

// The metrics of one lane.
struct LaneMetrics {
  LaneMetrics(metrics::Registry& registry, const std::string& lane);

  metrics::Histogram duration;
  metrics::Counter errors_refused;        // Redis answered with an error
  metrics::Counter errors_deadline;       // no answer in time
  metrics::Counter errors_lost;           // the connection went while the command was on the way
  metrics::Counter errors_not_connected;  // never sent
  metrics::Counter errors_too_many;       // never sent
  metrics::Gauge connected;
  metrics::Gauge pending;
};

// One pipelined connection that reconnects by itself. All of it belongs to the loop's thread, but for
// connected(). Slots (commands on the way) are answered first in, first out; a slot whose caller was
// told "too late" stays until its answer comes, which is dropped.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Settings {
    Endpoint endpoint;
    std::string lane;
    absl::Duration deadline;
    absl::Duration stall_max;
    int pending_max;
  };
  // `on_connected` is called at each change to connected.
  Connection(loop::Loop& loop, metrics::Registry& registry, Settings settings,
             std::function<void()> on_connected);
  ~Connection();

  void Open();
  // Fails what is pending and stays closed.
  void Close();

  // Sends the bytes of one command whose caller began to wait at `start`.
  void Send(std::string bytes, SteadyTime start, ReplyDone done);
  // Whether `commands` more would be sent now, else why not.
  absl::Status Admits(size_t commands);
  // The number that the next sent command gets; ever increasing.
  uint64_t next_number() const { return next_number_; }

  bool connected() const { return connected_.load(std::memory_order_acquire); }
  // Why there is no connection.
  absl::Status NotConnected() const;

 private:
  enum class State { kWaiting, kResolving, kConnecting, kGreeting, kConnected, kClosed };
  struct Slot {
    ReplyDone done;  // empty when the caller was told already
    SteadyTime start;
    uint64_t end;  // of its bytes, counted from the connection's beginning
  };

  void Connect();
  void TryNextAddress(const std::string& last_error);
  void OnSocketReady(int ready);
  void FinishConnect();
  void Greet();
  void OnGreetingReply(bool last, absl::StatusOr<Reply> reply);
  void Establish();
  void Lose(const std::string& why);
  void Drop(absl::StatusCode code, const std::string& why);
  void Retry(const std::string& why);

  void Enqueue(std::string bytes, SteadyTime start, ReplyDone done);
  void FlushSoon();
  void Flush();
  void Read();
  void OnReply(Reply reply);
  void FailSoon(ReplyDone done, absl::Status status);

  void ArmTimer();
  void OnTimer();
  void ExpireSlots(SteadyTime now);
  std::chrono::steady_clock::duration AttemptMax() const;

  loop::Loop& loop_;
  const Settings settings_;
  const LaneMetrics metrics_;
  const std::function<void()> on_connected_;

  State state_ = State::kWaiting;
  std::atomic<bool> connected_{false};
  std::string last_error_ = "no attempt yet";
  std::string logged_error_;
  absl::Duration backoff_;
  std::minstd_rand random_;

  std::vector<loop::Loop::Address> addresses_;
  size_t next_address_ = 0;
  SteadyTime attempt_start_;

  Socket socket_;
  std::unique_ptr<loop::Loop::Watcher> watcher_;  // destroyed before socket_ is closed
  std::unique_ptr<ReplyReader> reader_;
  std::string output_;
  size_t output_begin_ = 0;     // of what is not written yet
  uint64_t bytes_written_ = 0;  // since the connection's beginning
  uint64_t bytes_queued_ = 0;
  bool flush_posted_ = false;

  std::deque<Slot> slots_;
  size_t expired_ = 0;  // how many of the first slots have told their callers already
  uint64_t next_number_ = 1;
  std::unique_ptr<loop::Loop::Timer> timer_;
  SteadyTime timer_due_;  // when there is a timer_
  std::unique_ptr<loop::Loop::Timer> retry_timer_;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_CONNECTION_H_
