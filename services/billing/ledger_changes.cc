#include "services/billing/ledger_changes.h"

#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/billing/billing_errors.h"
#include "services/common/status/status.h"

namespace prismatic::billing {
namespace {

// So many requests in flight are over in seconds.
constexpr absl::Duration kTooManyRetry = absl::Seconds(5);

absl::Status TooManyPending() {
  return Error(absl::StatusCode::kUnavailable, common::v1::ERROR_REASON_SERVER_IS_OVERLOADED,
               "More reservations are pending than can be added up in one moment (10000 of the account, "
               "50000 of "
               "its bucket); try again when it is quieter.")
      .RetryAfter(kTooManyRetry);
}

}  // namespace

std::vector<std::string> WordsOfChange(const v1::LimitsChange& change) {
  auto word = [&change](bool given, int64_t limit, const char* name) -> std::string {
    if (absl::c_linear_search(change.unlimited(), name)) return "-";
    return given ? absl::StrCat(limit) : "";
  };
  return {word(change.has_requests_per_minute(), change.requests_per_minute(), "requests_per_minute"),
          word(change.has_images_per_minute(), change.images_per_minute(), "images_per_minute"),
          word(change.has_max_concurrent(), change.max_concurrent(), "max_concurrent")};
}

absl::Status RefusalOfBooks(const absl::StatusOr<std::vector<redis::Reply>>& answer) {
  if (!answer.ok()) return answer.status();
  const std::string& reason = (*answer)[0].text;
  if (reason == "OK" || reason == "REPLAY") return absl::OkStatus();
  if (reason == "OWED_LESS") {
    Words words(*answer, 2);
    return InvalidValue("amount_nano_usd", absl::StrCat("Only ", words.Integer(), " nano-USD are owed."));
  }
  if (reason == "TOO_MANY_PENDING") return TooManyPending();
  if (reason == "NO_SUCH_ENTRY") {
    return InvalidValue("through_sequence",
                        "There is no such entry (any more), or it is the newest one, which stays.");
  }
  if (reason == "OTHER_BALANCE") return InvalidValue("balance_nano_usd", "The entry's balance is another.");
  return RefusalOf(*answer, {});
}

void SubscriptionCount::Take(const v1::LedgerEntry& entry) {
  switch (entry.type()) {
    case v1::LEDGER_ENTRY_TYPE_CHARGE:
    case v1::LEDGER_ENTRY_TYPE_LATE_CHARGE:
      if (entry.period_start_us() == 0) return;
      used_units += entry.units() - entry.over_units();
      over_units += entry.over_units();
      return;
    case v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD:
      used_units = entry.units();
      over_units = entry.over_units();
      break;
    case v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED:
      // A period that begins earlier than the one before is a clock's that was put right: the counters stay.
      if (entry.period_end_us() == 0 || entry.period_start_us() > period_start_us)
        used_units = over_units = 0;
      break;
    case v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED:
    case v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER:
      used_units = over_units = 0;
      break;
    default:
      return;
  }
  quota_units = entry.quota_units();
  period_start_us = entry.period_start_us();
  period_end_us = entry.period_end_us();
  exists = period_end_us != 0;
}

}  // namespace prismatic::billing
