#include "gateway/admin/billing_fields.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/money/money.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = billing::v1;

// As in billing.proto; it checks them again.
constexpr IntRange kPerMinute = {0, 1'000'000};
constexpr IntRange kConcurrent = {0, 100'000};
constexpr IntRange kQuotaUnits = {0, 1'000'000'000};
constexpr IntRange kKeyLifeSeconds = {1, int64_t{10} * 366 * 24 * 3600};
constexpr size_t kModelsMax = 100;
constexpr size_t kModelBytesMax = 256;

struct LimitField {
  const char* name;
  IntRange range;
  void (pb::Limits::*set)(int64_t);
  void (pb::LimitsChange::*change)(int64_t);
};
constexpr LimitField kLimitFields[] = {
    {"requests_per_minute", kPerMinute, &pb::Limits::set_requests_per_minute,
     &pb::LimitsChange::set_requests_per_minute},
    {"images_per_minute", kPerMinute, &pb::Limits::set_images_per_minute,
     &pb::LimitsChange::set_images_per_minute},
    {"max_concurrent", kConcurrent, &pb::Limits::set_max_concurrent, &pb::LimitsChange::set_max_concurrent},
};

std::optional<int64_t> NanosOf(BodyReader& body, absl::string_view name, absl::string_view decimal) {
  absl::StatusOr<Money> money = Money::Parse(decimal);
  if (money.ok()) return money->nanos();
  body.Fail(name,
            "must be US dollars as a decimal string such as \"0.04\", with at most 9 decimals, up to "
            "9000000.");
  return std::nullopt;
}

bool IsModelName(absl::string_view name) {
  return name.size() <= kModelBytesMax &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' '; });
}

}  // namespace

int64_t ReadUsd(BodyReader& body, absl::string_view name) {
  std::string text = body.Text(name);
  if (text.empty()) return 0;
  int64_t nanos = NanosOf(body, name, text).value_or(1);
  if (nanos == 0) body.Fail(name, "must be above 0.");
  return nanos;
}

int64_t ReadSignedUsd(BodyReader& body, absl::string_view name) {
  std::string text = body.Text(name);
  if (text.empty()) return 0;
  absl::string_view digits = text;
  bool takes = absl::ConsumePrefix(&digits, "-");
  int64_t nanos = NanosOf(body, name, digits).value_or(1);
  if (nanos == 0) body.Fail(name, "must not be 0.");
  return takes ? -nanos : nanos;
}

std::optional<int64_t> ReadOptionalUsd(BodyReader& body, absl::string_view name) {
  std::optional<std::string> text = body.OptionalText(name);
  if (!text) return std::nullopt;
  return NanosOf(body, name, *text);
}

pb::Limits ReadLimits(BodyReader& body) {
  pb::Limits limits;
  for (const LimitField& field : kLimitFields) {
    std::optional<int64_t> limit = body.OptionalInt(field.name, field.range);
    if (limit) (limits.*field.set)(*limit);
  }
  return limits;
}

pb::LimitsChange ReadLimitsChange(BodyReader& body) {
  pb::LimitsChange change;
  for (const LimitField& field : kLimitFields) {
    if (body.IsNull(field.name)) change.add_unlimited(field.name);
    std::optional<int64_t> limit = body.OptionalInt(field.name, field.range);
    if (limit) (change.*field.change)(*limit);
  }
  return change;
}

bool IsEmpty(const pb::LimitsChange& change) { return change.ByteSizeLong() == 0; }

pb::FundingPolicy ReadFundingPolicy(BodyReader& body) {
  std::optional<std::string> word = body.OptionalText("funding_policy");
  if (!word) return pb::FUNDING_POLICY_UNSPECIFIED;
  for (pb::FundingPolicy policy : {pb::FUNDING_POLICY_SUBSCRIPTION_FIRST,
                                   pb::FUNDING_POLICY_SUBSCRIPTION_ONLY, pb::FUNDING_POLICY_WALLET_ONLY}) {
    std::string name = absl::AsciiStrToLower(pb::FundingPolicy_Name(policy));
    if (absl::StripPrefix(name, "funding_policy_") == *word) return policy;
  }
  body.Fail("funding_policy", "must be subscription_first, subscription_only or wallet_only.");
  return pb::FUNDING_POLICY_UNSPECIFIED;
}

std::optional<pb::SubscriptionPlan> ReadQuota(BodyReader& body) {
  const json::Value* object = body.OptionalObject("quota");
  if (object == nullptr) return std::nullopt;
  BodyReader quota(*object, "quota.");
  pb::SubscriptionPlan plan;
  plan.set_quota_units(quota.Int("units", kQuotaUnits));
  std::string period = quota.Text("period");
  if (period == "month") {
    plan.set_period(pb::SUBSCRIPTION_PERIOD_MONTH);
  } else if (period == "week") {
    plan.set_period(pb::SUBSCRIPTION_PERIOD_WEEK);
  } else if (period == "day") {
    plan.set_period(pb::SUBSCRIPTION_PERIOD_DAY);
  } else {
    quota.Fail("period", "must be month, week or day.");
  }
  if (absl::Status read = quota.Done(); !read.ok()) body.Fail(read);
  return plan;
}

std::optional<std::vector<std::string>> ReadModels(BodyReader& body) {
  std::optional<std::vector<std::string>> models = body.OptionalTexts("models");
  if (!models) return std::nullopt;
  if (models->size() > kModelsMax) body.Fail("models", absl::StrCat("must be at most ", kModelsMax, "."));
  if (!std::all_of(models->begin(), models->end(), IsModelName)) {
    body.Fail("models", "must be names of models.");
  }
  return models;
}

std::optional<int64_t> ReadKeyLife(BodyReader& body) {
  return body.OptionalInt("expires_in_seconds", kKeyLifeSeconds);
}

}  // namespace prismatic::gateway::admin
