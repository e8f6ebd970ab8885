#include "services/billing/periods.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace prismatic::billing {
namespace {

int64_t Us(const std::string& time) {
  absl::Time parsed;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, time, &parsed, &error)) << time << ": " << error;
  return absl::ToUnixMicros(parsed);
}

std::string Text(int64_t time_us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMicros(time_us), absl::UTCTimeZone());
}

std::string At(v1::SubscriptionPeriod kind, const std::string& first, const std::string& now) {
  Period period = PeriodAt(kind, Us(first), Us(now));
  return absl::StrCat(Text(period.start_us), " ", Text(period.end_us));
}

TEST(PeriodsTest, AMonthGoesToTheSameDayAndTimeOfTheNext) {
  auto at = [](const std::string& now) {
    return At(v1::SUBSCRIPTION_PERIOD_MONTH, "2026-01-15T10:20:30.123456Z", now);
  };
  const std::string first = "2026-01-15T10:20:30.123456Z 2026-02-15T10:20:30.123456Z";
  const std::string second = "2026-02-15T10:20:30.123456Z 2026-03-15T10:20:30.123456Z";
  EXPECT_EQ(at("2026-01-15T10:20:30.123456Z"), first);
  EXPECT_EQ(at("2026-02-01T00:00:00Z"), first);
  EXPECT_EQ(at("2026-02-15T10:20:30.123455Z"), first);
  EXPECT_EQ(at("2026-02-15T10:20:30.123456Z"), second);
  EXPECT_EQ(at("2026-12-31T23:59:59Z"), "2026-12-15T10:20:30.123456Z 2027-01-15T10:20:30.123456Z");
}

TEST(PeriodsTest, AMonthOfThe31stEndsOnTheLastDayAndOnThe31stAgain) {
  auto at = [](const std::string& now) {
    return At(v1::SUBSCRIPTION_PERIOD_MONTH, "2026-01-31T12:00:00Z", now);
  };
  EXPECT_EQ(at("2026-02-10T00:00:00Z"), "2026-01-31T12:00:00Z 2026-02-28T12:00:00Z");
  EXPECT_EQ(at("2026-02-28T12:00:00Z"), "2026-02-28T12:00:00Z 2026-03-31T12:00:00Z");
  EXPECT_EQ(at("2026-03-31T11:59:59.999999Z"), "2026-02-28T12:00:00Z 2026-03-31T12:00:00Z");
  EXPECT_EQ(at("2026-04-30T12:00:00Z"), "2026-04-30T12:00:00Z 2026-05-31T12:00:00Z");
  // A leap year's February.
  EXPECT_EQ(at("2028-02-29T12:00:00Z"), "2028-02-29T12:00:00Z 2028-03-31T12:00:00Z");
  EXPECT_EQ(at("2028-02-29T11:00:00Z"), "2028-01-31T12:00:00Z 2028-02-29T12:00:00Z");
  // 2100 is none, 2000 was one.
  EXPECT_EQ(at("2100-03-01T00:00:00Z"), "2100-02-28T12:00:00Z 2100-03-31T12:00:00Z");
  EXPECT_EQ(At(v1::SUBSCRIPTION_PERIOD_MONTH, "1999-12-30T00:00:00Z", "2000-03-01T00:00:00Z"),
            "2000-02-29T00:00:00Z 2000-03-30T00:00:00Z");
}

TEST(PeriodsTest, AMonthOfTheLeapDayComesBackToThe29th) {
  auto at = [](const std::string& now) {
    return At(v1::SUBSCRIPTION_PERIOD_MONTH, "2028-02-29T00:00:00Z", now);
  };
  EXPECT_EQ(at("2028-03-28T23:59:59Z"), "2028-02-29T00:00:00Z 2028-03-29T00:00:00Z");
  EXPECT_EQ(at("2029-02-28T00:00:00Z"), "2029-02-28T00:00:00Z 2029-03-29T00:00:00Z");
  EXPECT_EQ(at("2032-02-29T00:00:00Z"), "2032-02-29T00:00:00Z 2032-03-29T00:00:00Z");
}

TEST(PeriodsTest, WeeksAndDaysHaveOneLengthWhateverClocksOnWallsDo) {
  // Over the days on which Europe and America change their clocks.
  EXPECT_EQ(At(v1::SUBSCRIPTION_PERIOD_WEEK, "2026-03-03T02:30:00Z", "2026-03-30T00:00:00Z"),
            "2026-03-24T02:30:00Z 2026-03-31T02:30:00Z");
  EXPECT_EQ(At(v1::SUBSCRIPTION_PERIOD_DAY, "2026-03-08T02:30:00Z", "2026-03-29T03:00:00Z"),
            "2026-03-29T02:30:00Z 2026-03-30T02:30:00Z");
  EXPECT_EQ(At(v1::SUBSCRIPTION_PERIOD_DAY, "2026-03-08T02:30:00Z", "2026-03-29T02:29:59.999999Z"),
            "2026-03-28T02:30:00Z 2026-03-29T02:30:00Z");
}

TEST(PeriodsTest, ATimeBeforeTheFirstStartIsInTheFirstPeriod) {
  for (auto kind :
       {v1::SUBSCRIPTION_PERIOD_MONTH, v1::SUBSCRIPTION_PERIOD_WEEK, v1::SUBSCRIPTION_PERIOD_DAY}) {
    EXPECT_EQ(PeriodAt(kind, Us("2026-05-05T00:00:00Z"), Us("2020-01-01T00:00:00Z")).start_us,
              Us("2026-05-05T00:00:00Z"));
  }
}

// Every day of 230 years, from several first days: periods hold their time, have no gap between them, and a
// month's day is the first one's or the last of its month.
TEST(PeriodsTest, PeriodsFollowOneAnotherWithoutGapUntilTheFarFuture) {
  constexpr int64_t kDay = 86'400'000'000;
  for (const char* first : {"1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2024-02-29T06:00:00Z",
                            "2026-01-30T00:00:00Z"}) {
    int64_t first_us = Us(first), last_us = Us("2254-12-31T00:00:00Z");
    for (auto kind :
         {v1::SUBSCRIPTION_PERIOD_MONTH, v1::SUBSCRIPTION_PERIOD_WEEK, v1::SUBSCRIPTION_PERIOD_DAY}) {
      Period before = PeriodAt(kind, first_us, first_us);
      ASSERT_EQ(before.start_us, first_us);
      for (int64_t now = first_us; now < last_us; now += kDay) {
        Period period = PeriodAt(kind, first_us, now);
        ASSERT_LE(period.start_us, now);
        ASSERT_GT(period.end_us, now);
        if (period.start_us == before.start_us) continue;
        ASSERT_EQ(period.start_us, before.end_us) << Text(now);
        before = period;
        if (kind != v1::SUBSCRIPTION_PERIOD_MONTH) continue;
        absl::CivilDay day(absl::ToCivilDay(absl::FromUnixMicros(period.start_us), absl::UTCTimeZone()));
        absl::CivilDay wanted(absl::ToCivilDay(absl::FromUnixMicros(first_us), absl::UTCTimeZone()));
        bool is_last = (day + 1).day() == 1;
        ASSERT_TRUE(day.day() == wanted.day() || (is_last && day.day() < wanted.day()))
            << Text(period.start_us);
      }
    }
  }
}

TEST(PeriodsTest, ADayIsWrittenAsANumber) {
  EXPECT_EQ(DayOf(0), 19700101);
  EXPECT_EQ(DayOf(Us("2026-01-01T00:00:00Z")), 20260101);
  EXPECT_EQ(DayOf(Us("2026-01-01T00:00:00Z") - 1), 20251231);
  EXPECT_EQ(DayOf(Us("2028-02-29T23:59:59.999999Z")), 20280229);
}

}  // namespace
}  // namespace prismatic::billing
