#include "services/sandbox_provider/frame.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace prismatic::sandbox {
namespace {

std::string Sides(absl::string_view size, absl::string_view ratio) {
  absl::StatusOr<Frame> frame = FrameFor(size, ratio);
  return frame.ok() ? absl::StrCat(frame->width, "x", frame->height) : "refused";
}

TEST(FrameTest, TakesASizeAsItIsBetweenTheLimits) {
  EXPECT_EQ(Sides("", ""), "1024x1024");
  EXPECT_EQ(Sides("auto", "auto"), "1024x1024");
  EXPECT_EQ(Sides("1536x1024", ""), "1536x1024");
  EXPECT_EQ(Sides("1536x1024", "1:1"), "1536x1024");
  EXPECT_EQ(Sides("256x256", ""), "256x256");
  EXPECT_EQ(Sides("2k", ""), "2048x2048");
}

TEST(FrameTest, KeepsTheRatioExactly) {
  EXPECT_EQ(Sides("", "16:9"), "1360x765");
  EXPECT_EQ(Sides("", "9:16"), "765x1360");
  EXPECT_EQ(Sides("", "1:1"), "1024x1024");
  EXPECT_EQ(Sides("auto", "3:2"), "1254x836");
  EXPECT_EQ(Sides("2K", "16:9"), "2048x1152");
}

TEST(FrameTest, ScalesIntoTheLimits) {
  EXPECT_EQ(Sides("4096x2048", ""), "2048x1024");
  EXPECT_EQ(Sides("64x128", ""), "256x512");
  EXPECT_EQ(Sides("16x1600", ""), "256x2048");
  EXPECT_EQ(Sides("", "100:1"), "2048x256");
  EXPECT_EQ(Sides("", "8:1"), "2048x256");
}

TEST(FrameTest, RefusesWhatIsNoSize) {
  for (const char* size : {"big", "12", "0x10", "-5x5", "1x2x3", "x", "1e9x5", "nanxnan", "infx1"}) {
    EXPECT_EQ(Sides(size, ""), "refused") << size;
  }
  for (const char* ratio : {"16/9", "0:1", "a:b", "1:2:3", ":"})
    EXPECT_EQ(Sides("", ratio), "refused") << ratio;
}

}  // namespace
}  // namespace prismatic::sandbox
