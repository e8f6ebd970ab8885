#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RETRY_BUDGET_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RETRY_BUDGET_H_

#include <mutex>

#include "absl/time/time.h"
#include "services/common/clock/clock.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::provider_proxy {

// How many further calls (the next route, the same one again) all requests of this process may make
// together. When everything fails at once, each request that tries all its routes would multiply the
// load on upstreams that are already in trouble; with the budget it grows by a fifth at most. Thread-safe.
//
// Metric: prismatic_retry_budget_exhausted_total.
class RetryBudget {
 public:
  // What each first call earns. A provider of two that fails a fifth of everything is still covered
  // whole; one that fails more is ejected meanwhile.
  static constexpr double kEarnedPerCall = 0.2;
  // Added per second whatever is called, so that a system with a request now and then may always fail
  // over.
  static constexpr double kEarnedPerSecond = 1;
  // What can be saved up: enough for the calls that are on their way when a provider fails at a thousand
  // requests per second and answers within 100 ms. Also what a process begins with.
  static constexpr double kSavedMax = 100;

  // A clock that does not step. Both outlive the budget.
  RetryBudget(const Clock& clock, metrics::Registry& metrics);
  RetryBudget(const RetryBudget&) = delete;

  // A request makes a call on the first route that it tries.
  void NoteFirstCall();
  // Before every further call of a request. False: the request ends with what it has.
  bool TryTake();

 private:
  void AddLocked(double earned);

  const Clock& clock_;
  const metrics::Counter exhausted_;
  std::mutex mutex_;
  absl::Time filled_at_;      // guarded by mutex_
  double saved_ = kSavedMax;  // guarded by mutex_
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RETRY_BUDGET_H_
