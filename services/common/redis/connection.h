#ifndef PRISMATIC_SERVICES_COMMON_REDIS_CONNECTION_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_CONNECTION_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/common/loop/loop.h"
#include "services/common/redis/breaker.h"
#include "services/common/redis/lane_metrics.h"
#include "services/common/redis/master_finder.h"
#include "services/common/redis/reply.h"
#include "services/common/redis/url.h"
#include "services/common/redis/wire.h"

namespace prismatic::redis {

// Between two attempts to connect, at first; it doubles.
constexpr absl::Duration kBackoffMin = absl::Milliseconds(20);

using SteadyTime = std::chrono::steady_clock::time_point;
// Gets the answer, also when Redis answered with an error (Reply::is_error), or UNAVAILABLE,
// DEADLINE_EXCEEDED or ABORTED as client.h says. Called once, on the loop, never inside Send.
using ReplyDone = std::function<void(absl::StatusOr<Reply>)>;

// One pipelined connection to the master that makes itself anew. All of it belongs to the loop's thread,
// but for connected(). Slots (commands on the way) are answered first in, first out; a slot whose caller
// was told "too late" stays until its answer comes, which is dropped.
//
// With `wait_replicas` the commands sent together are followed by one WAIT, and their answers are held
// until its own. One WAIT is on the way at a time: it holds up what is behind it in the connection, so
// what is sent meanwhile shares the next.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Settings {
    Endpoint endpoint;
    std::string lane;
    absl::Duration deadline;
    absl::Duration stall_max;
    int pending_max;
    int breaker_misses;
    int wait_replicas;
    // Ask for the replication ID at each connecting.
    bool learn_replication;
  };
  struct Events {
    // At each change to connected. `replication_info` is INFO's section, empty when it is not known.
    std::function<void(const std::string& replication_info)> connected;
    // The server is no longer the master that we connected to.
    std::function<void()> demoted;
  };
  Connection(loop::Loop& loop, metrics::Registry& registry, std::shared_ptr<MasterFinder> finder,
             Settings settings, Events events);
  ~Connection();

  void Open();
  // Fails what is pending and stays closed.
  void Close();
  // Takes no more commands, and connects anew when those on the way are answered.
  void Retire(const std::string& why);

  // Sends the bytes of one command whose caller began to wait at `start`.
  void Send(std::string bytes, SteadyTime start, ReplyDone done);
  // Whether `commands` more would be sent now, else why not.
  absl::Status Admits(size_t commands);
  // The number that the next sent command gets; ever increasing.
  uint64_t next_number() const { return next_number_; }

  bool connected() const { return connected_.load(std::memory_order_acquire); }
  // Why there is no connection.
  absl::Status NotConnected() const { return absl::UnavailableError(not_connected_); }
  // The server of the newest attempt.
  const std::string& node() const { return node_; }

 private:
  enum class State { kWaiting, kFinding, kConnecting, kGreeting, kConnected, kClosed };
  enum class Kind { kCommand, kAuth, kRole, kInfo, kPing, kProbe, kWait };
  struct Slot {
    Kind kind;
    ReplyDone done;  // of a kCommand; empty when the caller was told already
    SteadyTime start;
    uint64_t end;  // of its bytes, counted from the connection's beginning
  };
  struct Held {
    ReplyDone done;
    Reply reply;
    SteadyTime start;
  };

  // connection_greeting.cc: from nothing to connected.
  void Connect();
  void OnFound(absl::StatusOr<NodeAddress> node);
  void Greet();
  void OnGreetingReply(Kind kind, const Reply& reply);
  void OnRole(const Reply& reply);
  void Establish();

  // From connected to nothing.
  void Lose(const std::string& why);
  void Drop(absl::StatusCode code, const std::string& why);
  void FailSlots(uint64_t written, absl::StatusCode code, const std::string& why);
  void Retry(const std::string& why);
  void SetLastError(const std::string& why);

  void Enqueue(Kind kind, std::string bytes, SteadyTime start, ReplyDone done);
  void FlushSoon();
  void FollowWithWait();
  void OnReply(Reply reply);
  void OnCommandReply(Slot slot, Reply reply, bool late);
  void NoteError(const std::string& error);
  void ReleaseHeld(size_t count, bool confirmed);
  void FinishSoon(ReplyDone done, absl::StatusOr<Reply> result);

  void Miss();
  void Probe();
  void OnProbeReply(const Reply& reply, bool late);
  void CloseBreaker();

  void ArmTimer();
  void OnTimer();
  void ExpireSlots(SteadyTime now);
  std::chrono::steady_clock::duration AttemptMax() const;
  bool greeting_or_connected() const { return state_ == State::kGreeting || state_ == State::kConnected; }

  loop::Loop& loop_;
  const std::shared_ptr<MasterFinder> finder_;
  const Settings settings_;
  const LaneMetrics metrics_;
  const Events events_;

  State state_ = State::kWaiting;
  std::atomic<bool> connected_{false};
  std::string not_connected_;  // the whole message, made once for all that meet it
  std::string retiring_;       // why; empty when not
  std::string logged_error_;
  std::string logged_forbidden_;
  absl::Duration backoff_;
  std::minstd_rand random_;

  std::string node_;
  std::string replication_info_;
  size_t silent_attempts_ = 0;  // in a row
  SteadyTime attempt_start_;
  std::shared_ptr<Wire> wire_;
  bool flush_posted_ = false;

  std::deque<Slot> slots_;
  size_t expired_ = 0;  // how many of the first slots have told their callers already
  uint64_t next_number_ = 1;
  std::deque<Held> held_;    // answered, but not yet confirmed by replicas
  bool wait_sent_ = false;   // and not answered
  bool unfollowed_ = false;  // commands were sent that no WAIT follows yet
  Breaker breaker_;
  bool probe_sent_ = false;  // and not answered
  std::unique_ptr<loop::Loop::Timer> probe_timer_;
  std::unique_ptr<loop::Loop::Timer> timer_;
  SteadyTime timer_due_;  // when there is a timer_
  std::unique_ptr<loop::Loop::Timer> retry_timer_;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_CONNECTION_H_
