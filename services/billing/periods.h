#ifndef PRISMATIC_SERVICES_BILLING_PERIODS_H_
#define PRISMATIC_SERVICES_BILLING_PERIODS_H_

#include <cstdint>

#include "prismatic/billing/v1/billing.pb.h"

// The calendar of billing, UTC alone. Times are unix microseconds, from 1970 on.

namespace prismatic::billing {

// From `start_us`, which belongs to it, to `end_us`, which is the next one's start.
struct Period {
  int64_t start_us = 0;
  int64_t end_us = 0;
};

// The period that `now_us` is in, of a subscription whose first one starts at `first_us`; for a time before
// that the first one. All are counted from the first start: a month's ends on the same day and time of a
// later month, or on its last day where it has no such day.
Period PeriodAt(v1::SubscriptionPeriod kind, int64_t first_us, int64_t now_us);

// YYYYMMDD.
int32_t DayOf(int64_t time_us);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_PERIODS_H_
