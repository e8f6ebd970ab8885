#include "services/billing/periods.h"

#include <algorithm>

#include "absl/time/civil_time.h"

namespace prismatic::billing {
namespace {

constexpr int64_t kDayUs = int64_t{24} * 3600 * 1'000'000;
constexpr int64_t kWeekUs = 7 * kDayUs;

absl::CivilDay CivilDayOf(int64_t time_us) { return absl::CivilDay(1970, 1, 1) + time_us / kDayUs; }

// `first_us` so many months later.
int64_t MonthsLater(int64_t first_us, int64_t months) {
  absl::CivilDay first = CivilDayOf(first_us);
  absl::CivilMonth month = absl::CivilMonth(first) + months;
  absl::CivilDay last_day = absl::CivilDay(month + 1) - 1;
  absl::CivilDay day = std::min(absl::CivilDay(month) + (first.day() - 1), last_day);
  return (day - absl::CivilDay(1970, 1, 1)) * kDayUs + first_us % kDayUs;
}

Period MonthAt(int64_t first_us, int64_t now_us) {
  int64_t months = absl::CivilMonth(CivilDayOf(now_us)) - absl::CivilMonth(CivilDayOf(first_us));
  // In the month of `now_us` the period may still be to begin.
  if (MonthsLater(first_us, months) > now_us) --months;
  return {MonthsLater(first_us, months), MonthsLater(first_us, months + 1)};
}

}  // namespace

Period PeriodAt(v1::SubscriptionPeriod kind, int64_t first_us, int64_t now_us) {
  now_us = std::max(now_us, first_us);
  if (kind == v1::SUBSCRIPTION_PERIOD_MONTH) return MonthAt(first_us, now_us);
  int64_t length_us = kind == v1::SUBSCRIPTION_PERIOD_WEEK ? kWeekUs : kDayUs;
  int64_t start_us = now_us - (now_us - first_us) % length_us;
  return {start_us, start_us + length_us};
}

int32_t DayOf(int64_t time_us) {
  absl::CivilDay day = CivilDayOf(time_us);
  return static_cast<int32_t>(day.year()) * 10'000 + day.month() * 100 + day.day();
}

}  // namespace prismatic::billing
