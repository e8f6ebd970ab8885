#include "services/billing/admin_checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/billing/billing_errors.h"
#include "services/billing/names.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

constexpr int64_t kPerMinuteMax = 1'000'000;
constexpr int64_t kConcurrentMax = 100'000;
constexpr int64_t kQuotaMax = 1'000'000'000;
constexpr int64_t kKeyLifeSecondsMax = int64_t{10} * 366 * 24 * 3600;
// The year 2255, up to which Redis' functions are exact.
constexpr int64_t kTimeUsMax = 9'000'000'000'000'000;
constexpr int kAllowedModelsMax = 100;
constexpr size_t kModelBytesMax = 256;
constexpr size_t kRequestIdBytesMax = 128;
constexpr int kReasonCharactersMax = 200;

// Neither of ASCII's nor of Latin-1's control characters, the second of which are C2 80 to C2 9F in UTF-8.
bool IsPrintable(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    bool latin = byte == 0xc2 && i + 1 < text.size();
    if (latin && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

int64_t CharactersOf(absl::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

}  // namespace

absl::Status CheckAccountName(absl::string_view param, absl::string_view name) {
  if (name.empty()) return error::MissingParameter(param);
  if (IsAccountName(name)) return absl::OkStatus();
  return InvalidValue(param, "An account name is 1 to 40 characters of a-z, 0-9 and -.");
}

absl::Status CheckRange(absl::string_view param, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return InvalidValue(param, absl::StrCat("`", param, "` must be ", min, " to ", max, "."));
}

absl::Status CheckLimits(const v1::Limits& limits) {
  RETURN_IF_ERROR(CheckRange("limits.requests_per_minute", limits.requests_per_minute(), 0, kPerMinuteMax));
  RETURN_IF_ERROR(CheckRange("limits.images_per_minute", limits.images_per_minute(), 0, kPerMinuteMax));
  return CheckRange("limits.max_concurrent", limits.max_concurrent(), 0, kConcurrentMax);
}

absl::Status CheckLimitsChange(const v1::LimitsChange& change) {
  v1::Limits limits;
  limits.set_requests_per_minute(change.requests_per_minute());
  limits.set_images_per_minute(change.images_per_minute());
  limits.set_max_concurrent(change.max_concurrent());
  RETURN_IF_ERROR(CheckLimits(limits));
  for (const std::string& name : change.unlimited()) {
    bool known = name == "requests_per_minute" || name == "images_per_minute" || name == "max_concurrent";
    bool given = (name == "requests_per_minute" && change.has_requests_per_minute()) ||
                 (name == "images_per_minute" && change.has_images_per_minute()) ||
                 (name == "max_concurrent" && change.has_max_concurrent());
    if (!known) return InvalidValue("limits.unlimited", "The name of a limit is expected.");
    if (given) return InvalidValue("limits.unlimited", "A limit cannot be set and taken away at once.");
  }
  return absl::OkStatus();
}

absl::Status CheckPlan(const v1::SubscriptionPlan& plan) {
  RETURN_IF_ERROR(CheckRange("subscription.quota_units", plan.quota_units(), 0, kQuotaMax));
  if (plan.period() == v1::SUBSCRIPTION_PERIOD_UNSPECIFIED) {
    return error::MissingParameter("subscription.period");
  }
  if (!v1::SubscriptionPeriod_IsValid(plan.period())) {
    return InvalidValue("subscription.period", "A month, a week or a day is expected.");
  }
  if (plan.start_time_us() >= 0 && plan.start_time_us() <= kTimeUsMax) return absl::OkStatus();
  return InvalidValue("subscription.start_time_us", "A time from 1970 to 2255, or 0, is expected.");
}

absl::Status CheckRequestId(absl::string_view request_id) {
  if (request_id.empty()) return error::MissingParameter("request_id");
  bool printable = std::all_of(request_id.begin(), request_id.end(),
                               [](unsigned char c) { return absl::ascii_isgraph(c); });
  if (printable && request_id.size() <= kRequestIdBytesMax) return absl::OkStatus();
  return InvalidValue("request_id", "A request ID is 1 to 128 printable ASCII characters without blanks.");
}

absl::Status CheckReason(absl::string_view reason) {
  if (reason.empty()) return error::MissingParameter("reason");
  if (IsPrintable(reason) && CharactersOf(reason) <= kReasonCharactersMax) return absl::OkStatus();
  return InvalidValue("reason", "A reason is 1 to 200 printable characters.");
}

absl::Status CheckKeyLife(int64_t expires_in_seconds) {
  return CheckRange("expires_in_seconds", expires_in_seconds, 0, kKeyLifeSecondsMax);
}

absl::Status CheckModels(const google::protobuf::RepeatedPtrField<std::string>& models) {
  if (models.size() > kAllowedModelsMax) {
    return InvalidValue("allowed_models", absl::StrCat("At most ", kAllowedModelsMax, " models."));
  }
  for (const std::string& model : models) {
    bool graphic = std::all_of(model.begin(), model.end(), [](unsigned char c) { return c > ' '; });
    if (model.empty() || model.size() > kModelBytesMax || !graphic) {
      return InvalidValue("allowed_models", "A model's canonical name is expected.");
    }
  }
  return absl::OkStatus();
}

}  // namespace prismatic::billing
