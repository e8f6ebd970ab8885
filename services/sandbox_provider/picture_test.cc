#include "services/sandbox_provider/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <cstring>
#include <vector>

namespace prismatic::sandbox {
namespace {

std::shared_ptr<const Font> TestFont() {
  static std::shared_ptr<const Font> font = [] {
    absl::StatusOr<std::shared_ptr<const Font>> loaded =
        Font::Load("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf");
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? *loaded : nullptr;
  }();
  return font;
}

PictureSpec Fox() {
  return {.prompt = "a red fox", .model = "m", .seed = 7, .frame = {.width = 320, .height = 256}};
}

std::string Draw(const PictureSpec& spec) { return DrawPicture(spec, TestFont().get()); }

// The pixels, three bytes each; empty when libpng cannot read it to the end.
std::vector<uint8_t> Decode(const std::string& png, png_image& image) {
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, png.data(), png.size())) return {};
  image.format = PNG_FORMAT_RGB;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image));
  if (!png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr)) return {};
  return pixels;
}

std::vector<uint8_t> Pixels(const PictureSpec& spec) {
  png_image image;
  return Decode(Draw(spec), image);
}

TEST(PictureTest, IsAPngOfTheAskedSize) {
  png_image image;
  std::vector<uint8_t> pixels = Decode(Draw(Fox()), image);
  EXPECT_EQ(image.width, 320u);
  EXPECT_EQ(image.height, 256u);
  EXPECT_EQ(pixels.size(), 3u * 320 * 256);
}

TEST(PictureTest, TheSameSpecGivesTheSameBytes) { EXPECT_TRUE(Draw(Fox()) == Draw(Fox())); }

TEST(PictureTest, EveryPartOfTheSpecShows) {
  std::vector<PictureSpec> others(7, Fox());
  others[0].prompt = "a red fix";
  others[1].model = "n";
  others[2].seed = 8;
  others[3].seed = std::nullopt;
  others[4].index = 1;
  others[5].references = 1;
  others[6].frame.width = 321;
  std::vector<uint8_t> fox = Pixels(Fox());
  for (const PictureSpec& other : others) EXPECT_TRUE(Pixels(other) != fox);
}

TEST(PictureTest, ThePromptIsReadable) {
  // Against the same picture without words: what differs is below the middle and bright.
  std::vector<uint8_t> with = Pixels(Fox());
  png_image image;
  std::vector<uint8_t> without = Decode(DrawPicture(Fox(), nullptr), image);
  int brighter = 0;
  for (size_t i = 0; i < with.size(); i += 3) brighter += with[i] > 200 && without[i] < 160;
  EXPECT_GT(brighter, 100);
  EXPECT_TRUE(std::equal(with.begin(), with.begin() + with.size() / 2, without.begin()));
}

TEST(PictureTest, TextOfAnyKindIsDrawn) {
  for (const char* prompt :
       {"", " ", "日本語の絵", "🦊🦊", "مرحبا", "\xff\xfe", "a\nb\tc", "e\xCC\x81", "\xF0\x9F",
        "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"}) {
    PictureSpec spec = Fox();
    spec.prompt = prompt;
    EXPECT_FALSE(Pixels(spec).empty()) << prompt;
  }
  PictureSpec spec = Fox();
  spec.prompt = std::string(100'000, 'x');
  spec.model = std::string(1000, 'm');
  EXPECT_FALSE(Pixels(spec).empty());
}

TEST(PictureTest, EveryShapeIsDrawn) {
  for (Frame frame : {Frame{256, 256}, Frame{2048, 256}, Frame{256, 2048}, Frame{1361, 765}}) {
    PictureSpec spec = Fox();
    spec.frame = frame;
    spec.references = 2;
    EXPECT_EQ(Pixels(spec).size(), size_t{3} * frame.width * frame.height);
  }
}

TEST(PictureTest, IsPaddedToTheAskedSizeAndStaysReadable) {
  PictureSpec spec = Fox();
  spec.size_bytes = 5'000'000;
  std::string png = Draw(spec);
  EXPECT_EQ(png.size(), 5'000'000u);
  png_image image;
  EXPECT_TRUE(Decode(png, image) == Pixels(Fox()));
}

TEST(TextTest, WrapsAtBlanksAndEndsInAnEllipsis) {
  TextPen pen(*TestFont());
  pen.SetSize(20);
  std::u32string text = CodePoints("the quick brown fox jumps over the lazy dog");
  std::vector<std::u32string> lines = pen.Wrap(text, 120, 3);
  ASSERT_EQ(lines.size(), 3u);
  for (const std::u32string& line : lines) EXPECT_LE(pen.Width(line), 120);
  EXPECT_EQ(lines[0], U"the quick");
  EXPECT_EQ(lines[2].back(), U'…');
}

TEST(FontTest, AMissingFontIsAnError) {
  EXPECT_FALSE(Font::Load("/nonexistent.ttf").ok());
  EXPECT_FALSE(Font::Load("/proc/self/cmdline").ok());
}

}  // namespace
}  // namespace prismatic::sandbox
