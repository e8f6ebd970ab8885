#ifndef PRISMATIC_SERVICES_BILLING_DAYS_H_
#define PRISMATIC_SERVICES_BILLING_DAYS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace prismatic::billing {

// Days (UTC) as YYYYMMDD, as requests name them.

// Every day from first to last. INVALID_VALUE for what is no day, for none at all and for more than 366.
absl::StatusOr<std::vector<int32_t>> DaysFrom(int32_t first, int32_t last);

// When it is over, Unix microseconds. `day` is one.
int64_t EndOfDayUs(int32_t day);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_DAYS_H_
