#include "gateway/generation/billing_calls.h"

#include "absl/time/clock.h"
#include "services/common/status/status.h"

namespace prismatic::gateway {

CallContext WithDeadline(const CallContext& call, absl::Duration from_now) {
  CallContext result;
  result.request_id = call.request_id;
  result.trace = call.trace;
  result.deadline = absl::Now() + from_now;
  return result;
}

bool WorthRepeating(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case common::v1::ERROR_REASON_BILLING_UNAVAILABLE:
      return true;
    case common::v1::ERROR_REASON_UNSPECIFIED:  // gRPC's own: connection lost, deadline
      return status.code() == absl::StatusCode::kUnavailable ||
             status.code() == absl::StatusCode::kDeadlineExceeded ||
             status.code() == absl::StatusCode::kCancelled || status.code() == absl::StatusCode::kAborted;
    default:
      return false;
  }
}

}  // namespace prismatic::gateway
