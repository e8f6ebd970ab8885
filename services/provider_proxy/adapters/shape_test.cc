#include "services/provider_proxy/adapters/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prismatic::provider_proxy {
namespace {

using ::testing::Optional;

TEST(ShapeTest, SizesOfRatiosAreExactMultiplesOf16) {
  for (const char* ratio : {"1:1", "5:4", "4:5", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21",
                            "2:1", "1:2", "1:4"}) {
    std::optional<std::string> text = SizeOfAspectRatio(ratio);
    ASSERT_TRUE(text.has_value()) << ratio;
    std::optional<PixelSize> size = ParsePixels(*text);
    ASSERT_TRUE(size.has_value()) << *text;
    EXPECT_NEAR(static_cast<double>(size->width) / size->height, *ParseRatio(ratio), 1e-12) << *text;
    EXPECT_EQ(size->width % 16 + size->height % 16, 0) << *text;
    EXPECT_NEAR(size->width * size->height, 1 << 20, (1 << 20) / 5) << *text;
    EXPECT_THAT(AspectRatioOfSize(*text), Optional(std::string(ratio)));
  }
}

TEST(ShapeTest, OddRatiosAreApproximatedAndSteepOnesAreNone) {
  EXPECT_THAT(SizeOfAspectRatio("1000:999"), Optional(std::string("1024x1024")));
  EXPECT_THAT(SizeOfAspectRatio("19.5:9"), Optional(std::string("1456x672")));
  EXPECT_THAT(SizeOfAspectRatio("16:1"), Optional(std::string("4096x256")));
  for (const char* none : {"17:1", "0:1", "1:0", "-1:1", "16:9:4", "", ":", "1:", "a:b", "inf:1", "1e3:1000",
                           "0x10:9", "16 :9", "1.2345:1", ".5:1", "1.:1", "9999999:1"}) {
    EXPECT_EQ(SizeOfAspectRatio(none), std::nullopt) << none;
  }
}

TEST(ShapeTest, ATierIsTheAreaOfItsSquare) {
  EXPECT_THAT(SizeOfAspectRatio("1:1", "2K"), Optional(std::string("2048x2048")));
  EXPECT_THAT(SizeOfAspectRatio("1:1", "512"), Optional(std::string("512x512")));
  EXPECT_THAT(SizeOfAspectRatio("16:9", "4k"), Optional(std::string("5376x3024")));
  EXPECT_THAT(SizeOfAspectRatio("16:9", "auto"), SizeOfAspectRatio("16:9"));
  EXPECT_EQ(TierSide("0.5K"), 512);
  for (const char* none : {"", "K", "0K", "-1K", "17K", "1e1K", "nank", "1024x1024", "auto", "99999"}) {
    EXPECT_EQ(TierSide(none), 0) << none;
  }
}

TEST(ShapeTest, ATierCountsAsASquareWherePixelsAreCompared) {
  auto text = [](absl::string_view size) {
    std::optional<PixelSize> pixels = PixelsOrSquare(size);
    return pixels ? PixelsText(*pixels) : "none";
  };
  EXPECT_EQ(text("1536x1024"), "1536x1024");
  EXPECT_EQ(text("2K"), "2048x2048");
  EXPECT_EQ(text("512"), "512x512");
  EXPECT_EQ(text("auto"), "none");
  EXPECT_DOUBLE_EQ(RatioOf({1536, 1024}), 1.5);
  EXPECT_DOUBLE_EQ(SideOf({4096, 1024}), 2048);
  EXPECT_DOUBLE_EQ(SideOf({100'000, 100'000}), 100'000);
}

TEST(ShapeTest, PixelsAreTwoWholeNumbers) {
  EXPECT_TRUE(ParsePixels("1x100000").has_value());
  for (const char* none :
       {"", "x", "1024", "0x1", "-1x1", "1x100001", "1x1x1", "1024X768", "9e9x1", "99999999999999999999x1"}) {
    EXPECT_FALSE(ParsePixels(none).has_value()) << none;
  }
}

TEST(ShapeTest, SidesAreMovedIntoTheirRange) {
  catalog::v1::ParameterLimits limits;
  auto text = [&](int width, int height) {
    std::optional<PixelSize> within = WithinSides({width, height}, limits);
    return within ? PixelsText(*within) : "none";
  };
  EXPECT_EQ(text(1000, 700), "1000x700");
  limits.set_side_max(1000);
  EXPECT_EQ(text(2000, 1000), "1000x500");
  limits.set_side_min(600);
  EXPECT_EQ(text(2000, 1000), "1000x600") << "the range counts more than the ratio";
  EXPECT_EQ(text(1, 1), "600x600");
  limits.set_side_multiple(64);
  EXPECT_EQ(text(800, 800), "832x832");
  EXPECT_EQ(text(5000, 5000), "960x960");
  EXPECT_EQ(text(1, 100'000), "640x960");
  limits.set_side_min(999);
  EXPECT_EQ(text(800, 800), "none");
}

}  // namespace
}  // namespace prismatic::provider_proxy
