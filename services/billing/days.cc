#include "services/billing/days.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/common/status/status.h"

namespace prismatic::billing {
namespace {

constexpr int kDaysMax = 366;

absl::CivilDay CivilDayOf(int32_t day) { return absl::CivilDay(day / 10'000, day / 100 % 100, day % 100); }

int32_t NumberOf(const absl::CivilDay& day) {
  return static_cast<int32_t>(day.year() * 10'000 + day.month() * 100 + day.day());
}

// CivilDay makes a day of anything; this one must have been one already.
std::optional<absl::CivilDay> Checked(int32_t day) {
  if (day < 1970'01'01 || NumberOf(CivilDayOf(day)) != day) return std::nullopt;
  return CivilDayOf(day);
}

}  // namespace

absl::StatusOr<std::vector<int32_t>> DaysFrom(int32_t first, int32_t last) {
  std::optional<absl::CivilDay> from = Checked(first), to = Checked(last);
  if (!from) return InvalidValue("first_day", "A day as YYYYMMDD is expected.");
  if (!to) return InvalidValue("last_day", "A day as YYYYMMDD is expected.");
  if (*to < *from || *to - *from >= kDaysMax) {
    return InvalidValue("last_day", absl::StrCat("1 to ", kDaysMax, " days can be asked for."));
  }
  std::vector<int32_t> days;
  for (absl::CivilDay day = *from; day <= *to; ++day) days.push_back(NumberOf(day));
  return days;
}

int64_t EndOfDayUs(int32_t day) {
  return absl::ToUnixMicros(absl::FromCivil(CivilDayOf(day) + 1, absl::UTCTimeZone()));
}

}  // namespace prismatic::billing
