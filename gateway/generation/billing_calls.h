#ifndef PRISMATIC_GATEWAY_GENERATION_BILLING_CALLS_H_
#define PRISMATIC_GATEWAY_GENERATION_BILLING_CALLS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/common/task/cancel.h"

namespace prismatic::gateway {

// One try of a billing call. Billing itself gives Redis 100 ms for a reservation and 2 s for a
// settlement; what takes longer is not coming.
inline constexpr absl::Duration kReserveDeadline = absl::Seconds(1);
inline constexpr absl::Duration kSettleDeadline = absl::Seconds(3);

// A call of its own for the same request: the client's going away must not stop what concerns money.
CallContext WithDeadline(const CallContext& call, absl::Duration from_now);

// The answer may have been lost or never made: the same identity may ask again.
bool WorthRepeating(const absl::Status& status);

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GENERATION_BILLING_CALLS_H_
