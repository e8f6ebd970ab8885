#ifndef PRISMATIC_SERVICES_BILLING_ADMIN_CHECKS_H_
#define PRISMATIC_SERVICES_BILLING_ADMIN_CHECKS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "prismatic/billing/v1/billing.pb.h"

// The limits of billing.proto on what administrators send. OK, or INVALID_VALUE or MISSING_REQUIRED_PARAMETER
// that names the field.

namespace prismatic::billing {

absl::Status CheckAccountName(absl::string_view param, absl::string_view name);
absl::Status CheckRange(absl::string_view param, int64_t value, int64_t min, int64_t max);
absl::Status CheckLimits(const v1::Limits& limits);
absl::Status CheckLimitsChange(const v1::LimitsChange& change);
absl::Status CheckPlan(const v1::SubscriptionPlan& plan);
absl::Status CheckRequestId(absl::string_view request_id);
absl::Status CheckReason(absl::string_view reason);
absl::Status CheckKeyLife(int64_t expires_in_seconds);
absl::Status CheckModels(const google::protobuf::RepeatedPtrField<std::string>& models);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_ADMIN_CHECKS_H_
