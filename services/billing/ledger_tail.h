#ifndef PRISMATIC_SERVICES_BILLING_LEDGER_TAIL_H_
#define PRISMATIC_SERVICES_BILLING_LEDGER_TAIL_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>

#include "absl/status/status.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/billing/redis_ledger.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::billing {

// TailLedgerEntries: streams that send an account's entries, and ask Redis for new ones four times a second
// while there are none. Thread-safe. Outlives its streams, ledger and loop outlive it.
//
// Metric: prismatic_ledger_tails, how many are open.
class LedgerTails {
 public:
  // Each asks Redis four times a second; more are refused with SERVER_IS_OVERLOADED.
  static constexpr int kMax = 100;

  LedgerTails(RedisLedger& ledger, loop::Loop& loop, metrics::Registry& metrics);

  using Reactor = grpc::ServerWriteReactor<v1::TailLedgerEntriesResponse>;
  // A stream; one that is not `allowed` ends at once. `ended` gets what it ended with and answers its status
  // on the wire. A stream that the caller left ends with CANCELLED.
  Reactor* Open(v1::TailLedgerEntriesRequest request, absl::Status allowed,
                std::function<grpc::Status(const absl::Status&)> ended);

  // Ends all streams within the time of a poll, and every later one, since the process shuts down.
  void End() { ending_ = true; }

 private:
  class Tail;

  // OK, or why this stream may not begin; `kMax` counts it.
  absl::Status Admit(const v1::TailLedgerEntriesRequest& request, const absl::Status& allowed);

  RedisLedger& ledger_;
  loop::Loop& loop_;
  metrics::Gauge gauge_;
  std::atomic<int> open_{0};
  std::atomic<bool> ending_{false};
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_LEDGER_TAIL_H_
