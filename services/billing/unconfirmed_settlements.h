#ifndef PRISMATIC_SERVICES_BILLING_UNCONFIRMED_SETTLEMENTS_H_
#define PRISMATIC_SERVICES_BILLING_UNCONFIRMED_SETTLEMENTS_H_

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "services/billing/names.h"

namespace prismatic::billing {

// Settlements that were answered while no replica had confirmed them, kept until one is known to have them or
// a failover may have lost them. A history is what one master wrote: its number grows with each other
// replication ID (redis::Replication::changes). Thread-safe.
class UnconfirmedSettlements {
 public:
  // A failover takes a minute at worst; this is more settlements than one Redis makes in ten seconds, and
  // about 20 MB. Beyond it the oldest go.
  static constexpr size_t kMax = 100'000;

  struct Settlement {
    ReservationId id;
    int delivered = 0;
    uint64_t history = 0;
  };
  size_t size() const;
  // False when the oldest had to go for it.
  bool Add(Settlement settlement);
  // A later write of this history was confirmed, and with it all before it.
  void Confirm(uint64_t history);
  // Those of other histories, the oldest first. They are in here no more.
  std::vector<Settlement> TakeLost(uint64_t history);

 private:
  mutable std::mutex mutex_;
  std::deque<Settlement> settlements_;  // guarded by mutex_
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_UNCONFIRMED_SETTLEMENTS_H_
