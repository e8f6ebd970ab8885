#include "services/provider_proxy/upstream/body_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "services/provider_proxy/upstream/encoded_bodies.h"

namespace prismatic::provider_proxy {
namespace {

std::string Text() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
  return text;
}

// What comes out of `encoded`, handed over in pieces of `size`; "broken" or "cut" when it does not.
std::string Decoded(absl::string_view encoding, const std::string& encoded, size_t size) {
  std::unique_ptr<BodyDecoder> decoder = BodyDecoder::For(encoding);
  std::string text;
  for (size_t at = 0; at < encoded.size(); at += size) {
    bool read = decoder->Decode(absl::string_view(encoded).substr(at, size), [&](absl::string_view piece) {
      text.append(piece.data(), piece.size());
      return true;
    });
    if (!read) return "broken";
  }
  return decoder->complete() ? text : "cut";
}

TEST(BodyDecoderTest, UndoesWhatServersDo) {
  for (size_t size : {size_t{1}, size_t{1000}, size_t{1} << 20}) {
    EXPECT_EQ(Decoded("gzip", Gzip(Text()), size), Text());
    EXPECT_EQ(Decoded("X-GZIP", Gzip(Text()), size), Text());
    EXPECT_EQ(Decoded("deflate", Deflate(Text()), size), Text());
    EXPECT_EQ(Decoded("deflate", RawDeflate(Text()), size), Text());
    EXPECT_EQ(Decoded("br", Brotli(Text()), size), Text());
    EXPECT_EQ(Decoded("gzip", Gzip("one, ") + Gzip("two"), size), "one, two");
  }
}

TEST(BodyDecoderTest, KnowsNoOtherEncodings) {
  for (const char* encoding : {"", "identity", "zstd", "compress", "gzip, br", "several"}) {
    EXPECT_EQ(BodyDecoder::For(encoding), nullptr) << encoding;
  }
}

TEST(BodyDecoderTest, ToldApartAreWhatIsCutAndWhatIsBroken) {
  struct {
    const char* encoding;
    std::string encoded;
  } bodies[] = {{"gzip", Gzip(Text())}, {"deflate", Deflate(Text())}, {"br", Brotli(Text())}};
  for (const auto& [encoding, encoded] : bodies) {
    EXPECT_EQ(Decoded(encoding, encoded.substr(0, encoded.size() - 1), 1000), "cut") << encoding;
    std::string damaged = encoded;
    for (size_t i = 100; i < 200; ++i) damaged[i] = static_cast<char>(~damaged[i]);
    EXPECT_NE(Decoded(encoding, damaged, 1000), Text()) << encoding;
    EXPECT_EQ(Decoded(encoding, std::string(500, '\xff'), 1000), "broken") << encoding;
  }
}

TEST(BodyDecoderTest, StopsWhenItIsToldTo) {
  std::string zeros(16 << 20, '\0');
  for (const auto& [encoding, bomb] : {std::pair("gzip", Gzip(zeros)), std::pair("deflate", Deflate(zeros)),
                                       std::pair("br", Brotli(zeros))}) {
    ASSERT_LT(bomb.size(), 20'000u);
    size_t seen = 0;
    size_t largest = 0;
    std::unique_ptr<BodyDecoder> decoder = BodyDecoder::For(encoding);
    EXPECT_FALSE(decoder->Decode(bomb, [&](absl::string_view piece) {
      largest = std::max(largest, piece.size());
      return (seen += piece.size()) <= 100'000;
    }));
    EXPECT_LT(seen, 200'000u) << encoding;
    EXPECT_LE(largest, 32u << 10) << encoding;
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
