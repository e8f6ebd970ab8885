#include "services/cli/limits.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/cli/errors.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// As in billing.proto; it checks them again.
constexpr int64_t kPerMinuteMax = 1'000'000;
constexpr int64_t kConcurrentMax = 100'000;

// What `text` says about the limit of that name; nullopt: it becomes unlimited.
absl::StatusOr<std::optional<int64_t>> ParseLimit(absl::string_view flag, absl::string_view text,
                                                  int64_t max) {
  int64_t limit = 0;
  if (text == "unlimited") return std::nullopt;
  if (!absl::SimpleAtoi(text, &limit) || limit < 0 || limit > max) {
    return UsageError(
        absl::StrCat("--", flag, ": \"", text, "\" is neither a number from 0 to ", max, " nor unlimited"));
  }
  return limit;
}

}  // namespace

void LimitFlags::Declare(config::Flags& flags) {
  flags.OptionalInteger("requests-per-minute", &requests_per_minute_, 0, kPerMinuteMax,
                        "requests per minute; 0: none; absent: unlimited");
  flags.OptionalInteger("images-per-minute", &images_per_minute_, 0, kPerMinuteMax,
                        "images per minute; 0: none; absent: unlimited");
  flags.OptionalInteger("max-concurrent", &max_concurrent_, 0, kConcurrentMax,
                        "requests in flight at once; 0: none; absent: unlimited");
}

billing::v1::Limits LimitFlags::ToProto() const {
  billing::v1::Limits limits;
  if (requests_per_minute_) limits.set_requests_per_minute(*requests_per_minute_);
  if (images_per_minute_) limits.set_images_per_minute(*images_per_minute_);
  if (max_concurrent_) limits.set_max_concurrent(*max_concurrent_);
  return limits;
}

void LimitChangeFlags::Declare(config::Flags& flags) {
  flags.Text("requests-per-minute", &requests_per_minute_, "a number (0: none) or unlimited; absent: stays");
  flags.Text("images-per-minute", &images_per_minute_, "a number (0: none) or unlimited; absent: stays");
  flags.Text("max-concurrent", &max_concurrent_, "a number (0: none) or unlimited; absent: stays");
}

absl::StatusOr<billing::v1::LimitsChange> LimitChangeFlags::ToProto() const {
  using Change = billing::v1::LimitsChange;
  struct Limit {
    absl::string_view flag;
    const std::string& text;
    int64_t max;
    absl::string_view field;
    void (Change::*set)(int64_t);
  };
  const Limit kLimits[] = {
      {"requests-per-minute", requests_per_minute_, kPerMinuteMax, "requests_per_minute",
       &Change::set_requests_per_minute},
      {"images-per-minute", images_per_minute_, kPerMinuteMax, "images_per_minute",
       &Change::set_images_per_minute},
      {"max-concurrent", max_concurrent_, kConcurrentMax, "max_concurrent", &Change::set_max_concurrent},
  };
  Change change;
  for (const Limit& limit : kLimits) {
    if (limit.text.empty()) continue;
    ASSIGN_OR_RETURN(std::optional<int64_t> value, ParseLimit(limit.flag, limit.text, limit.max));
    if (value) {
      (change.*limit.set)(*value);
    } else {
      change.add_unlimited(std::string(limit.field));
    }
  }
  return change;
}

std::string LimitText(bool given, int64_t limit) { return given ? absl::StrCat(limit) : "unlimited"; }

void AddLimits(Facts& facts, const billing::v1::Limits& limits) {
  facts.Add("requests per minute", LimitText(limits.has_requests_per_minute(), limits.requests_per_minute()))
      .Add("images per minute", LimitText(limits.has_images_per_minute(), limits.images_per_minute()))
      .Add("max concurrent", LimitText(limits.has_max_concurrent(), limits.max_concurrent()));
}

}  // namespace prismatic::cli
