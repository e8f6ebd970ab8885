#ifndef PRISMATIC_SERVICES_BILLING_SWEEPER_H_
#define PRISMATIC_SERVICES_BILLING_SWEEPER_H_

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "services/billing/redis_ledger.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// Ends holds whose time has come: all buckets once a second, and one bucket when an admission is refused
// because of them. Before each, what a failover may have lost is settled again, lest its holds end. Every
// replica has one and none leads: expiring twice is expiring once. Thread-safe.
//
// Metric: prismatic_reservations_expired_total.
class Sweeper {
 public:
  Sweeper(RedisLedger& ledger, metrics::Registry& metrics);
  // Stops and joins.
  ~Sweeper();

  // Begins the once-a-second sweep on a thread of its own.
  void Start();

  // Expires what is due in these buckets and tells how many holds this call ended. When Redis cannot be
  // reached, or after `time_max`, it ends early; the next sweep goes on.
  Task<int> Sweep(std::vector<int> buckets, absl::Duration time_max = absl::InfiniteDuration());
  Task<int> SweepAll();

 private:
  void Run();

  RedisLedger& ledger_;
  metrics::Counter expired_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_SWEEPER_H_
