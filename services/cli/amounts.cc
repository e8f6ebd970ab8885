#include "services/cli/amounts.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/cli/errors.h"
#include "services/common/money/money.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

absl::CivilDay CivilOf(int32_t day) { return absl::CivilDay(day / 10'000, day / 100 % 100, day % 100); }

int32_t NumberOf(absl::CivilDay day) {
  return static_cast<int32_t>(day.year() * 10'000 + day.month() * 100 + day.day());
}

}  // namespace

absl::StatusOr<int64_t> ParseUsd(absl::string_view flag, absl::string_view text) {
  absl::StatusOr<Money> money = Money::Parse(text);
  if (!money.ok()) return UsageError(absl::StrCat("--", flag, ": ", money.status().message()));
  return money->nanos();
}

absl::StatusOr<int64_t> ParseSignedUsd(absl::string_view flag, absl::string_view text) {
  bool negative = absl::ConsumePrefix(&text, "-");
  if (!negative) absl::ConsumePrefix(&text, "+");
  ASSIGN_OR_RETURN(int64_t nanos, ParseUsd(flag, text));
  return negative ? -nanos : nanos;
}

absl::StatusOr<int32_t> ParseDay(absl::string_view flag, absl::string_view text) {
  absl::CivilDay day;
  // Abseil also takes single digits; a day is written one way.
  if (!absl::ParseCivilTime(text, &day) || DayText(NumberOf(day)) != text || day.year() < 2000) {
    return UsageError(absl::StrCat("--", flag, ": \"", text, "\" is no day; write it as 2026-11-30"));
  }
  return NumberOf(day);
}

int32_t DayOf(int64_t unix_us) {
  return NumberOf(absl::ToCivilDay(absl::FromUnixMicros(unix_us), absl::UTCTimeZone()));
}

int32_t DayAfter(int32_t day, int64_t days) { return NumberOf(CivilOf(day) + days); }

absl::StatusOr<int64_t> ParseTime(absl::string_view flag, absl::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return UsageError(
        absl::StrCat("--", flag, ": \"", text, "\" is no time; write it as 2026-11-30T12:00:00Z"));
  }
  return absl::ToUnixMicros(time);
}

absl::StatusOr<int64_t> ParseVersion(absl::string_view text) {
  int64_t version = 0;
  if (absl::SimpleAtoi(text, &version) && version > 0) return version;
  return UsageError(
      absl::StrCat("\"", text, "\" is no catalog version; `prismatic catalog history` lists them"));
}

}  // namespace prismatic::cli
