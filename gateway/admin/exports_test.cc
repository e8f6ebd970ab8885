#include "gateway/admin/exports.h"

#include <gtest/gtest.h>

namespace prismatic::gateway::admin {
namespace {

TEST(ExportsTest, TwoAreMadeAtOnceAndAPlaceComesBack) {
  Exports exports;
  std::optional<Exports::Place> first = exports.Begin();
  std::optional<Exports::Place> second = exports.Begin();
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_FALSE(exports.Begin().has_value());
  EXPECT_FALSE(exports.Begin().has_value());
  second.reset();
  std::optional<Exports::Place> third = exports.Begin();
  EXPECT_TRUE(third.has_value());
  EXPECT_FALSE(exports.Begin().has_value());
}

TEST(ExportsTest, TextsThatAreStillSentTakeTheRoomOfNewOnes) {
  Exports exports;
  ByteBudget::Share sent = exports.NewShare();
  ASSERT_TRUE(sent.TrySet(Exports::kBytesMax - 100));
  ByteBudget::Share growing = exports.NewShare();
  EXPECT_TRUE(growing.TrySet(100));
  EXPECT_FALSE(growing.TrySet(101));
  sent.Set(0);
  EXPECT_TRUE(growing.TrySet(101));
}

}  // namespace
}  // namespace prismatic::gateway::admin
