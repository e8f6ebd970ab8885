#ifndef PRISMATIC_GATEWAY_ADMIN_BILLING_FIELDS_H_
#define PRISMATIC_GATEWAY_ADMIN_BILLING_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gateway/admin/body_reader.h"
#include "prismatic/billing/v1/billing.pb.h"

// Fields of bodies that several endpoints about accounts and keys share. What is wrong goes to the reader.

namespace prismatic::gateway::admin {

// Required: an exact decimal of US dollars above 0, in nano-USD.
int64_t ReadUsd(BodyReader& body, absl::string_view name);
// The same with an optional `-` in front; not 0.
int64_t ReadSignedUsd(BodyReader& body, absl::string_view name);
// 0 is an amount, too; empty when absent.
std::optional<int64_t> ReadOptionalUsd(BodyReader& body, absl::string_view name);

// requests_per_minute, images_per_minute, max_concurrent of something new: null or absent is unlimited.
billing::v1::Limits ReadLimits(BodyReader& body);
// The same for a change: null is unlimited, absent stays.
billing::v1::LimitsChange ReadLimitsChange(BodyReader& body);
bool IsEmpty(const billing::v1::LimitsChange& change);

// `funding_policy`; UNSPECIFIED when absent.
billing::v1::FundingPolicy ReadFundingPolicy(BodyReader& body);
// `quota`: {units, period}; empty when absent or null.
std::optional<billing::v1::SubscriptionPlan> ReadQuota(BodyReader& body);

// `models`: canonical names; empty when absent or null.
std::optional<std::vector<std::string>> ReadModels(BodyReader& body);
// `expires_in_seconds`: from 1 to ten years; empty when absent or null.
std::optional<int64_t> ReadKeyLife(BodyReader& body);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_BILLING_FIELDS_H_
