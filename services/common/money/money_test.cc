#include "services/common/money/money.h"

#include <gtest/gtest.h>

namespace prismatic {
namespace {

TEST(MoneyTest, ReadsDecimalsExactly) {
  const std::pair<const char*, int64_t> kAmounts[] = {
      {"0", 0},
      {"0.04", 40'000'000},
      {"12", 12'000'000'000},
      {"0.000000001", 1},
      {"0.1", 100'000'000},
      {"1.10", 1'100'000'000},
      {"007.5", 7'500'000'000},
      {"1000.000000001", 1'000'000'000'001},
      {"8999999.999999999", 8'999'999'999'999'999},
      {"9000000", Money::kMaxNanos},
      {"9000000.000000000", Money::kMaxNanos},
  };
  for (const auto& [text, nanos] : kAmounts) {
    absl::StatusOr<Money> money = Money::Parse(text);
    ASSERT_TRUE(money.ok()) << text << ": " << money.status();
    EXPECT_EQ(money->nanos(), nanos) << text;
  }
}

TEST(MoneyTest, RefusesWhatIsNoAmount) {
  for (const char* text : {"",
                           ".",
                           ".5",
                           "5.",
                           "-1",
                           "+1",
                           "1e3",
                           " 1",
                           "1 ",
                           "1,000",
                           "1.2.3",
                           "0x10",
                           "1_000",
                           "NaN",
                           "inf",
                           "$1",
                           "0.0000000001",
                           "0.0000000000",
                           "9000000.000000001",
                           "9000001",
                           "99999999999999999999999999",
                           "\xd9\xa1"}) {
    absl::StatusOr<Money> money = Money::Parse(text);
    EXPECT_EQ(money.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(MoneyTest, RefusesATextWithAZeroByte) { EXPECT_FALSE(Money::Parse(absl::string_view("1\0", 2)).ok()); }

TEST(MoneyTest, WritesTheShortestDecimal) {
  EXPECT_EQ(Money().ToDecimal(), "0");
  EXPECT_EQ(Money::FromNanos(1).ToDecimal(), "0.000000001");
  EXPECT_EQ(Money::FromNanos(40'000'000).ToDecimal(), "0.04");
  EXPECT_EQ(Money::FromNanos(12'000'000'000).ToDecimal(), "12");
  EXPECT_EQ(Money::FromNanos(100'000'000'000).ToDecimal(), "100");
  EXPECT_EQ(Money::FromNanos(-500'000'000).ToDecimal(), "-0.5");
  EXPECT_EQ(Money::FromNanos(-1).ToDecimal(), "-0.000000001");
  EXPECT_EQ(Money::FromNanos(INT64_MIN).ToDecimal(), "-9223372036.854775808");
  EXPECT_EQ(Money::FromNanos(INT64_MAX).ToDecimal(), "9223372036.854775807");
}

TEST(MoneyTest, WhatIsWrittenReadsBack) {
  uint64_t state = 1;
  for (int i = 0; i < 10'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    // All magnitudes alike.
    Money money = Money::FromNanos(static_cast<int64_t>((state >> 11) >> (i % 53)) % (Money::kMaxNanos + 1));
    absl::StatusOr<Money> read = Money::Parse(money.ToDecimal());
    ASSERT_TRUE(read.ok()) << money.ToDecimal();
    EXPECT_EQ(*read, money);
  }
}

TEST(MoneyTest, MultipliesOrSaysThatItCannot) {
  Money price = Money::FromNanos(40'000'000);
  EXPECT_EQ(price.Times(0), Money());
  EXPECT_EQ(price.Times(10), Money::FromNanos(400'000'000));
  EXPECT_EQ(price.Times(-1), std::nullopt);
  EXPECT_EQ(Money::FromNanos(Money::kMaxNanos).Times(1), Money::FromNanos(Money::kMaxNanos));
  EXPECT_EQ(Money::FromNanos(Money::kMaxNanos).Times(2), std::nullopt);
  EXPECT_EQ(Money::FromNanos(Money::kMaxNanos).Times(INT64_MAX), std::nullopt);
  EXPECT_EQ(Money::FromNanos(1).Times(Money::kMaxNanos), Money::FromNanos(Money::kMaxNanos));
  EXPECT_EQ(Money::FromNanos(1).Times(Money::kMaxNanos + 1), std::nullopt);
}

TEST(MoneyTest, Compares) {
  EXPECT_LT(Money::FromNanos(1), Money::FromNanos(2));
  EXPECT_EQ(Money::FromNanos(2), Money::FromNanos(2));
}

}  // namespace
}  // namespace prismatic
