#include "services/provider_proxy/adapters/image_check.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"

namespace prismatic::provider_proxy {
namespace {

// An end marker is looked for in the last bytes: some writers append a few of their own.
constexpr size_t kTailBytes = 1024;

absl::Status Unusable(absl::string_view why) { return absl::InvalidArgumentError(why); }

constexpr uint8_t kNoDigit = 0xff;

constexpr std::array<uint8_t, 256> MakeDigits() {
  std::array<uint8_t, 256> digits{};
  for (auto& digit : digits) digit = kNoDigit;
  const char* alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 64; ++i) digits[static_cast<uint8_t>(alphabet[i])] = static_cast<uint8_t>(i);
  return digits;
}
constexpr std::array<uint8_t, 256> kDigits = MakeDigits();

// Written so that the compiler uses vector instructions: no table, no branch, a fixed trip count.
uint8_t StrayInBlock(const char* block) {
  uint8_t stray = 0;
  for (int i = 0; i < 64; ++i) {
    uint8_t c = static_cast<uint8_t>(block[i]);
    uint8_t letter = static_cast<uint8_t>((c | 0x20) - 'a') < 26;
    uint8_t number = static_cast<uint8_t>(c - '0') < 10;
    uint8_t sign = static_cast<uint8_t>((c == '+') | (c == '/'));
    stray |= static_cast<uint8_t>((letter | number | sign) ^ 1);
  }
  return stray;
}

bool AllInAlphabet(absl::string_view text) {
  size_t i = 0;
  uint8_t stray = 0;
  for (; i + 64 <= text.size(); i += 64) stray |= StrayInBlock(text.data() + i);
  for (; i < text.size(); ++i) stray |= kDigits[static_cast<uint8_t>(text[i])] == kNoDigit;
  return stray == 0;
}

size_t PaddingOf(absl::string_view base64) {
  return absl::EndsWith(base64, "==") ? 2 : absl::EndsWith(base64, "=") ? 1 : 0;
}

// Bytes at any offset, of an image that stands as it is or in base64.
class Bytes {
 public:
  static Bytes Plain(absl::string_view bytes) { return Bytes(bytes, bytes.size(), false); }

  static std::optional<Bytes> Base64(absl::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    if (!AllInAlphabet(text.substr(0, text.size() - PaddingOf(text)))) return std::nullopt;
    return Bytes(text, BytesInBase64(text), true);
  }

  size_t size() const { return size_; }

  // 0 behind the end, which no marker or size takes for valid.
  uint8_t operator[](size_t offset) const {
    if (offset >= size_) return 0;
    if (!base64_) return static_cast<uint8_t>(text_[offset]);
    size_t group = offset / 3 * 4;
    switch (offset % 3) {
      case 0:
        return static_cast<uint8_t>(Digit(group) << 2 | Digit(group + 1) >> 4);
      case 1:
        return static_cast<uint8_t>(Digit(group + 1) << 4 | Digit(group + 2) >> 2);
      default:
        return static_cast<uint8_t>(Digit(group + 2) << 6 | Digit(group + 3));
    }
  }

  bool Has(size_t offset, absl::string_view expected) const {
    for (size_t i = 0; i < expected.size(); ++i) {
      if (offset + i >= size_ || (*this)[offset + i] != static_cast<uint8_t>(expected[i])) return false;
    }
    return true;
  }

  // Whether `marker` stands somewhere in the last kTailBytes.
  bool EndsAround(absl::string_view marker) const {
    if (size_ < marker.size()) return false;
    size_t first = size_ > kTailBytes ? size_ - kTailBytes : 0;
    for (size_t offset = size_ - marker.size() + 1; offset-- > first;) {
      if (Has(offset, marker)) return true;
    }
    return false;
  }

  uint32_t BigEndian(size_t offset, int count) const {
    uint32_t number = 0;
    for (int i = 0; i < count; ++i) number = number << 8 | (*this)[offset + i];
    return number;
  }
  uint32_t LittleEndian(size_t offset, int count) const {
    uint32_t number = 0;
    for (int i = count - 1; i >= 0; --i) number = number << 8 | (*this)[offset + i];
    return number;
  }

 private:
  Bytes(absl::string_view text, size_t size, bool base64) : text_(text), size_(size), base64_(base64) {}
  uint8_t Digit(size_t at) const {
    uint8_t digit = kDigits[static_cast<uint8_t>(text_[at])];
    return digit == kNoDigit ? 0 : digit;
  }

  absl::string_view text_;
  size_t size_;
  bool base64_;
};

absl::StatusOr<ImageFacts> Sized(const char* mime_type, uint32_t width, uint32_t height) {
  if (width < 1 || height < 1) return Unusable("a side is 0 pixels");
  if (width > kSideMax || height > kSideMax) return Unusable("a side exceeds 16384 pixels");
  if (int64_t{width} * height > kPixelsMax) return Unusable("more than 134 million pixels");
  return ImageFacts{mime_type, static_cast<int>(width), static_cast<int>(height)};
}

absl::StatusOr<ImageFacts> CheckPng(const Bytes& bytes) {
  using namespace std::string_literals;
  if (!bytes.Has(8, "\0\0\0\x0dIHDR"s)) return Unusable("PNG without a header");
  if (!bytes.EndsAround("\0\0\0\0IEND\xae\x42\x60\x82"s)) return Unusable("PNG without its end marker");
  return Sized("image/png", bytes.BigEndian(16, 4), bytes.BigEndian(20, 4));
}

// SOF0 to SOF15 hold the size; C4, C8 and CC of that range are tables.
bool IsFrameHeader(uint8_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

absl::StatusOr<ImageFacts> CheckJpeg(const Bytes& bytes) {
  if (!bytes.EndsAround("\xff\xd9")) return Unusable("JPEG without its end marker");
  size_t offset = 2;
  while (offset + 4 <= bytes.size()) {
    if (bytes[offset] != 0xff) return Unusable("JPEG with a damaged segment");
    uint8_t marker = bytes[offset + 1];
    if (marker == 0xff) {  // fill byte
      ++offset;
      continue;
    }
    if (IsFrameHeader(marker)) {
      return Sized("image/jpeg", bytes.BigEndian(offset + 7, 2), bytes.BigEndian(offset + 5, 2));
    }
    if (marker == 0xda || marker == 0xd9) break;  // pixels, or the end, before any frame header
    bool stands_alone = marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    uint32_t length = stands_alone ? 0 : bytes.BigEndian(offset + 2, 2);
    if (!stands_alone && length < 2) return Unusable("JPEG with a damaged segment");
    offset += 2 + length;
  }
  return Unusable("JPEG without a frame header");
}

absl::StatusOr<ImageFacts> CheckWebp(const Bytes& bytes) {
  if (bytes.size() < 30) return Unusable("WebP without a header");
  // WebP has no end marker; its container says how long it is.
  if (uint64_t{bytes.LittleEndian(4, 4)} + 8 > bytes.size()) return Unusable("WebP shorter than it says");
  if (bytes.Has(12, "VP8X")) {
    return Sized("image/webp", bytes.LittleEndian(24, 3) + 1, bytes.LittleEndian(27, 3) + 1);
  }
  if (bytes.Has(12, "VP8L")) {
    if (bytes[20] != 0x2f) return Unusable("WebP with a damaged frame");
    uint32_t sides = bytes.LittleEndian(21, 4);
    return Sized("image/webp", (sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1);
  }
  if (bytes.Has(12, "VP8 ")) {
    if (!bytes.Has(23, "\x9d\x01\x2a")) return Unusable("WebP with a damaged frame");
    return Sized("image/webp", bytes.LittleEndian(26, 2) & 0x3fff, bytes.LittleEndian(28, 2) & 0x3fff);
  }
  return Unusable("WebP of an unknown kind");
}

absl::StatusOr<ImageFacts> Check(const Bytes& bytes) {
  if (bytes.Has(0, "\x89PNG\r\n\x1a\n")) return CheckPng(bytes);
  if (bytes.Has(0, "\xff\xd8\xff")) return CheckJpeg(bytes);
  if (bytes.Has(0, "RIFF") && bytes.Has(8, "WEBP")) return CheckWebp(bytes);
  return Unusable("neither PNG, JPEG nor WebP");
}

}  // namespace

size_t BytesInBase64(absl::string_view base64) {
  size_t bytes = base64.size() / 4 * 3;
  return bytes - std::min(bytes, PaddingOf(base64));
}

absl::StatusOr<ImageFacts> CheckImageBytes(absl::string_view bytes) { return Check(Bytes::Plain(bytes)); }

absl::StatusOr<ImageFacts> CheckBase64Image(absl::string_view base64) {
  std::optional<Bytes> bytes = Bytes::Base64(base64);
  if (!bytes) return Unusable("not base64 to the end");
  return Check(*bytes);
}

}  // namespace prismatic::provider_proxy
