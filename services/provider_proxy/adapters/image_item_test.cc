#include "services/provider_proxy/adapters/image_item.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/provider_proxy/adapters/test_images.h"

namespace prismatic::provider_proxy {
namespace {

constexpr int64_t kMax = 1 << 20;

absl::StatusOr<v1::GeneratedImage> FromJson(const std::string& text, bool as_url) {
  absl::StatusOr<json::Document> document = json::Document::Parse(text);
  if (!document.ok()) return document.status();
  return as_url ? ImageFromUrl(document->root(), kMax) : ImageFromBase64(document->root(), kMax);
}

TEST(ImageItemTest, Base64IsTakenWithAndWithoutADataUrl) {
  for (const std::string& text :
       {std::string(test_images::kPng), absl::StrCat("data:image/png;base64,", test_images::kPng),
        absl::StrCat("DATA:;charset=x;BASE64,", test_images::kPng)}) {
    absl::StatusOr<v1::GeneratedImage> image = ImageFromBase64(text, kMax);
    ASSERT_TRUE(image.ok()) << text << image.status();
    EXPECT_EQ(image->base64(), test_images::kPng);
    EXPECT_EQ(image->mime_type(), "image/png");
    EXPECT_EQ(image->width(), 1);
  }
}

TEST(ImageItemTest, EscapedStringsAreTheSameImage) {
  std::string escaped = absl::StrReplaceAll(test_images::kJpeg, {{"/", "\\/"}, {"A", "\\u0041"}});
  for (bool as_url : {false, true}) {
    absl::StatusOr<v1::GeneratedImage> image =
        FromJson(absl::StrCat("\"data:image\\/jpeg;base64,", escaped, "\""), as_url);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->base64(), test_images::kJpeg);
    EXPECT_EQ(image->mime_type(), "image/jpeg");
  }
  absl::StatusOr<v1::GeneratedImage> plain = FromJson(absl::StrCat("\"", escaped, "\""), false);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->base64(), test_images::kJpeg);
  absl::StatusOr<v1::GeneratedImage> url = FromJson("\"https:\\/\\/cdn.example\\/a.png\"", true);
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->url(), "https://cdn.example/a.png");
}

TEST(ImageItemTest, WhatIsNoWholeImageIsRefused) {
  for (const char* text :
       {"", "AAAA", "data:image/png,AAAA", "data:image/png;base64", "data:", "iVBORw0KGgo=", " "}) {
    EXPECT_FALSE(ImageFromBase64(text, kMax).ok()) << text;
    EXPECT_FALSE(ImageFromUrl(text, kMax).ok()) << text;
  }
  for (const char* text : {"7", "null", "{}", "[]", "\"\\ud800\"", "\"\\/\""}) {
    EXPECT_FALSE(FromJson(text, false).ok()) << text;
    EXPECT_FALSE(FromJson(text, true).ok()) << text;
  }
}

TEST(ImageItemTest, TheLimitIsThatOfTheImage) {
  auto size = static_cast<int64_t>(test_images::Png(5, 5, 3000).size());
  std::string text = test_images::PngBase64(5, 5, 3000);
  EXPECT_TRUE(ImageFromBase64(text, size).ok());
  EXPECT_EQ(ImageFromBase64(text, size - 1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ImageFromBase64("AAAA", size).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ImageFromBase64(absl::StrCat("data:image/png;base64,", text), size).ok());
  catalog::v1::Route route;
  EXPECT_EQ(ImageBytesMax(route), kImageBytesDefault);
  route.set_max_image_bytes(5);
  EXPECT_EQ(ImageBytesMax(route), 5);
}

TEST(ImageItemTest, UrlsAreHttpWithoutBlanksAndPassedOnUnseen) {
  EXPECT_EQ(ImageFromUrl("HTTP://cdn.example/a?b#c", kMax)->url(), "HTTP://cdn.example/a?b#c");
  for (const char* url : {"ftp://x/a", "file:///etc/passwd", "//x/a", "javascript:1", "https://x/a b",
                          "https://x/\n", "https://x/\xc3\xbc", " https://x/a"}) {
    EXPECT_FALSE(ImageFromUrl(url, kMax).ok()) << url;
  }
  EXPECT_TRUE(ImageFromUrl("https://x/" + std::string(kResultUrlMax - 10, 'a'), kMax).ok());
  EXPECT_FALSE(ImageFromUrl("https://x/" + std::string(kResultUrlMax - 9, 'a'), kMax).ok());
}

}  // namespace
}  // namespace prismatic::provider_proxy
