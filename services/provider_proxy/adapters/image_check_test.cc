#include "services/provider_proxy/adapters/image_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/test_images.h"

namespace prismatic::provider_proxy {
namespace {

using test_images::Jpeg;
using test_images::Png;
using ::testing::HasSubstr;

std::string Describe(const absl::StatusOr<ImageFacts>& facts) {
  if (!facts.ok()) return std::string(facts.status().message());
  return absl::StrCat(facts->mime_type, " ", facts->width, "x", facts->height);
}

std::string Base64(const std::string& bytes) { return absl::Base64Escape(bytes); }

TEST(ImageCheckTest, KnowsRealPicturesByTheirBytes) {
  EXPECT_EQ(Describe(CheckBase64Image(test_images::kPng)), "image/png 1x1");
  EXPECT_EQ(Describe(CheckBase64Image(test_images::kJpeg)), "image/jpeg 1x1");
  EXPECT_EQ(Describe(CheckBase64Image(test_images::kWebpLossy)), "image/webp 1x1");
  EXPECT_EQ(Describe(CheckBase64Image(test_images::kWebpLossless)), "image/webp 1x1");
  EXPECT_EQ(Describe(CheckBase64Image(test_images::kWebpAlpha)), "image/webp 1x1");
}

TEST(ImageCheckTest, ReadsSidesFromTheHeader) {
  EXPECT_EQ(Describe(CheckImageBytes(Png(1344, 768, 5000))), "image/png 1344x768");
  EXPECT_EQ(Describe(CheckImageBytes(Jpeg(1344, 768))), "image/jpeg 1344x768");
  EXPECT_EQ(Describe(CheckBase64Image(Base64(Png(16384, 1)))), "image/png 16384x1");
  EXPECT_EQ(Describe(CheckBase64Image(Base64(Png(16384, 8192)))), "image/png 16384x8192");
  EXPECT_FALSE(CheckBase64Image(Base64(Png(16384, 8193))).ok())
      << "small to send, and half a gigabyte to look at";
}

TEST(ImageCheckTest, FindsTheSizeOfAJpegBehindLongMetadata) {
  EXPECT_EQ(Describe(CheckImageBytes(Jpeg(640, 480, 300'000))), "image/jpeg 640x480");
  EXPECT_EQ(Describe(CheckBase64Image(Base64(Jpeg(640, 480, 300'001)))), "image/jpeg 640x480");
}

TEST(ImageCheckTest, BytesAndBase64AgreeAtEveryPaddingAndCut) {
  for (size_t filling = 0; filling < 70; ++filling) {
    std::string png = Png(3, 4, filling);
    EXPECT_EQ(Describe(CheckBase64Image(Base64(png))), "image/png 3x4") << filling;
    std::string jpeg = Jpeg(3, 4, filling);
    for (size_t cut = 0; cut <= jpeg.size(); ++cut) {
      std::string part = jpeg.substr(0, cut);
      if (part.empty()) continue;
      EXPECT_EQ(CheckBase64Image(Base64(part)).ok(), cut == jpeg.size()) << filling << " " << cut;
      EXPECT_EQ(CheckImageBytes(part).ok(), cut == jpeg.size()) << filling << " " << cut;
    }
  }
}

TEST(ImageCheckTest, RefusesImpossibleSides) {
  EXPECT_THAT(Describe(CheckImageBytes(Png(0, 10))), HasSubstr("0 pixels"));
  EXPECT_THAT(Describe(CheckImageBytes(Png(10, 16385))), HasSubstr("exceeds"));
  EXPECT_THAT(Describe(CheckImageBytes(Png(0xffffffff, 10))), HasSubstr("exceeds"));
  EXPECT_THAT(Describe(CheckImageBytes(Jpeg(10, 0))), HasSubstr("0 pixels"));
  EXPECT_THAT(Describe(CheckImageBytes(Jpeg(65535, 1))), HasSubstr("exceeds"));
}

TEST(ImageCheckTest, RefusesAPictureThatWasCut) {
  for (const std::string& whole : {Png(100, 100, 3000), Jpeg(100, 100, 3000)}) {
    for (size_t missing : {size_t{1}, size_t{2}, size_t{12}, size_t{1000}, whole.size() - 30}) {
      EXPECT_FALSE(CheckImageBytes(whole.substr(0, whole.size() - missing)).ok()) << missing;
    }
  }
  std::string webp;
  ASSERT_TRUE(absl::Base64Unescape(test_images::kWebpLossy, &webp));
  EXPECT_THAT(Describe(CheckImageBytes(webp.substr(0, webp.size() - 1))), HasSubstr("shorter"));
}

TEST(ImageCheckTest, TakesAFewBytesBehindTheEnd) {
  EXPECT_TRUE(CheckImageBytes(Png(5, 5) + "\n").ok());
  EXPECT_TRUE(CheckImageBytes(Jpeg(5, 5) + std::string(100, '\0')).ok());
  EXPECT_FALSE(CheckImageBytes(Png(5, 5) + std::string(5000, '\0')).ok());
}

TEST(ImageCheckTest, RefusesWhatIsNoBase64ToTheEnd) {
  std::string good = Base64(Png(5, 5, 500));
  EXPECT_FALSE(CheckBase64Image("").ok());
  EXPECT_FALSE(CheckBase64Image(good.substr(0, good.size() - 1)).ok());
  for (char stray : {'-', '_', ' ', '\n', '=', '\0', '\x80', '@', '[', '`', '{'}) {
    for (size_t at : {size_t{0}, size_t{63}, size_t{64}, size_t{300}, good.size() - 5}) {
      std::string bad = good;
      bad[at] = stray;
      EXPECT_FALSE(CheckBase64Image(bad).ok()) << int{stray} << " at " << at;
    }
  }
  EXPECT_FALSE(CheckBase64Image("====").ok());
  EXPECT_FALSE(CheckBase64Image("iVBO=w==").ok());
}

TEST(ImageCheckTest, RefusesOtherKinds) {
  EXPECT_FALSE(CheckImageBytes("").ok());
  EXPECT_FALSE(CheckImageBytes("GIF89a.............................;").ok());
  EXPECT_FALSE(CheckImageBytes("<html><body>Service unavailable</body></html>").ok());
  EXPECT_FALSE(CheckImageBytes("RIFF\x10").ok());
}

// Damaged headers end in a refusal or in sides within the limit, never in a read outside.
TEST(ImageCheckTest, SurvivesEverySingleByteDamage) {
  std::vector<std::string> pictures = {Png(7, 9, 20), Jpeg(7, 9, 20)};
  for (const char* base64 : {test_images::kWebpLossy, test_images::kWebpLossless, test_images::kWebpAlpha}) {
    pictures.emplace_back();
    ASSERT_TRUE(absl::Base64Unescape(base64, &pictures.back()));
  }
  for (const std::string& picture : pictures) {
    for (size_t at = 0; at < picture.size(); ++at) {
      for (int value : {0x00, 0x01, 0x7f, 0x80, 0xd9, 0xff}) {
        std::string damaged = picture;
        damaged[at] = static_cast<char>(value);
        absl::StatusOr<ImageFacts> facts = CheckBase64Image(Base64(damaged));
        EXPECT_TRUE(!facts.ok() || (facts->width <= kSideMax && facts->height <= kSideMax));
      }
    }
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
