#include "services/common/uuid/uuid.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/fake_clock.h"

namespace prismatic {
namespace {

TEST(UuidTest, BeginsWithTheTimeInMilliseconds) {
  // RFC 9562, appendix A.6.
  testing::FakeClock clock(absl::FromUnixMillis(0x017F22E279B0));
  std::string uuid = NewUuidV7(clock);
  EXPECT_EQ(uuid.substr(0, 15), "017f22e2-79b0-7");
  EXPECT_TRUE(IsUuidV7(uuid)) << uuid;
}

TEST(UuidTest, TheVariantIsThatOfTheRfc) {
  for (int i = 0; i < 100; ++i) {
    std::string uuid = NewUuidV7();
    EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos) << uuid;
  }
}

TEST(UuidTest, AreDifferentAlsoWithinAMillisecond) {
  testing::FakeClock clock;
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(NewUuidV7(clock));
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(UuidTest, LaterOnesSortLater) {
  testing::FakeClock clock;
  std::string earlier = NewUuidV7(clock);
  clock.Advance(absl::Milliseconds(1));
  EXPECT_LT(earlier, NewUuidV7(clock));
}

TEST(UuidTest, KnowsWhatIsOne) {
  EXPECT_TRUE(IsUuidV7("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"));
  EXPECT_FALSE(IsUuidV7(""));
  EXPECT_FALSE(IsUuidV7("017f22e2-79b0-4cc3-98c4-dc0c0c07398f"));   // version 4
  EXPECT_FALSE(IsUuidV7("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"));   // capitals
  EXPECT_FALSE(IsUuidV7("017f22e2079b0-7cc3-98c4-dc0c0c07398f"));   // a digit for a dash
  EXPECT_FALSE(IsUuidV7("017f22e2-79b0-7cc3-98c4-dc0c0c07398"));    // short
  EXPECT_FALSE(IsUuidV7("017f22e2-79b0-7cc3-98c4-dc0c0c07398f0"));  // long
  EXPECT_FALSE(IsUuidV7("017f22e2-79b0-7cc3-98c4-dc0c0c07398g"));   // no hex
}

}  // namespace
}  // namespace prismatic
