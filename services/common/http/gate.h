#ifndef PRISMATIC_SERVICES_COMMON_HTTP_GATE_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_GATE_H_

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "services/common/http/connection.h"
#include "services/common/http/limits.h"
#include "services/common/http/listener.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::http {

// One thread with an epoll set that owns every connection: it holds idle and slow ones without a thread
// each, reads complete requests within their limits, hands them over, and writes what comes back.
//
// An exchange passes to the handler in `complete`, and comes back by Answer, the one thing that another
// thread does to it. Only the gate's thread frees connections, and none whose exchange is away.
class Gate : private ConnectionHost {
 public:
  struct Options {
    Limits limits;
    // Counts bodies and answers; null: no limit.
    ByteBudget* budget = nullptr;
    // See ServerOptions.
    metrics::Registry* metrics = nullptr;
    std::string metrics_prefix = "prismatic_http";
    // Gets a complete request, on the gate's thread; must not block. Answer(exchange) follows, once, from any
    // thread.
    std::function<void(Exchange*)> complete;
    // Must soon and elsewhere tell the handler that its client has gone.
    std::function<void(Cancellation)> cancel;
    // What a client is told that is refused with this status. On the gate's thread; must not block.
    std::function<Response(int status)> refuse;
  };
  Gate(Listener listener, Options options);
  // Drains with a grace of 0.
  ~Gate() override;

  // Gives an exchange back with its response. From any thread.
  void Answer(Exchange* exchange);

  // See Server.
  void CloseAfterAnswers();
  void Drain(absl::Duration grace);

 private:
  // A connection and what the gate keeps about it.
  struct Slot {
    std::unique_ptr<Connection> connection;
    uint32_t interest = 0;
    // When the gate looks at due() again; TimePoint::max(): not at all.
    TimePoint look = TimePoint::max();
    // Its place in idle_, when it has one.
    bool in_idle = false;
    std::list<Connection*>::iterator idle_place;
    TimePoint idle_since;
  };

  // ConnectionHost, for the connections.
  TimePoint now() const override { return now_; }
  const Limits& limits() const override { return options_.limits; }
  bool draining() const override { return draining_; }
  bool winding_down() const override { return winding_down_; }
  std::unique_ptr<Exchange> Admit(const Head& head) override;
  void HandOver(std::unique_ptr<Exchange>& exchange) override;
  bool IsFull(bool has_body) const;
  void Cancel(const Cancellation& cancellation) override;
  Response Refusal(int status, Rejection why) override;

  void Loop();
  int Patience() const;
  void ReportLoad();
  void TakeMessages();
  void LookAtDue();
  void Accept();
  bool MakeRoom();
  void StopListening();
  void ListenAgain();
  void Add(int fd);
  // After anything has happened to a connection: what to wait for next, or its end.
  void Update(Connection* connection);
  void UpdateIdle(Connection* connection, Slot& slot);
  void Look(Connection* connection, Slot& slot, TimePoint when);
  void BeginDrain();
  void AbortAll();
  void Tell(std::function<void()> message);
  void Wake();

  const Options options_;
  Listener listener_;
  int epoll_;
  int wake_;
  metrics::Gauge connections_gauge_;
  metrics::Gauge requests_gauge_;
  std::map<Rejection, metrics::Counter> rejected_;

  // Of the thread.
  TimePoint now_;
  bool draining_ = false;
  bool winding_down_ = false;
  bool listening_ = true;
  bool stop_ = false;
  int requests_ = 0;
  // Out of descriptors: no more are accepted until then.
  TimePoint accept_again_;
  std::unordered_map<Connection*, Slot> connections_;
  std::list<Connection*> idle_;  // those that give way; who has done so longest first
  std::set<std::pair<TimePoint, Connection*>> looks_;
  std::vector<std::unique_ptr<Connection>> ended_;  // freed when this turn's events are all looked at

  std::mutex drain_mutex_;  // one drain at a time
  std::mutex mutex_;
  std::condition_variable emptied_;
  std::vector<Exchange*> answered_;              // guarded by mutex_
  std::vector<std::function<void()>> messages_;  // guarded by mutex_
  bool empty_ = false;    // guarded by mutex_; draining, and the last connection is gone
  bool drained_ = false;  // guarded by drain_mutex_
  std::thread thread_;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_GATE_H_
