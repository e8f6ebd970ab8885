#include "services/common/http/chunked.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace prismatic::http {
namespace {

constexpr size_t kSizeDigitsMax = 8;

int HexValue(char c) {
  if (absl::ascii_isdigit(static_cast<unsigned char>(c))) return c - '0';
  return absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
}

}  // namespace

ChunkedReader::Result ChunkedReader::ReadSize(absl::string_view& bytes, size_t room) {
  size_t digits = 0;
  size_t size = 0;
  while (digits < bytes.size() && absl::ascii_isxdigit(static_cast<unsigned char>(bytes[digits]))) {
    if (digits == kSizeDigitsMax) return Result::kMalformed;
    size = size * 16 + static_cast<size_t>(HexValue(bytes[digits]));
    ++digits;
  }
  absl::string_view end = bytes.substr(digits, 2);
  if (end != absl::string_view("\r\n").substr(0, end.size())) return Result::kMalformed;
  if (digits == 0) return bytes.empty() ? Result::kMore : Result::kMalformed;
  if (end.size() < 2) return Result::kMore;
  if (size > room) return Result::kTooLarge;
  bytes.remove_prefix(digits + 2);
  left_ = size;
  part_ = size == 0 ? Part::kLastEnd : Part::kContent;
  return Result::kDone;
}

ChunkedReader::Result ChunkedReader::Read(absl::string_view& bytes, std::string& body,
                                          size_t body_bytes_max) {
  for (;;) {
    if (part_ == Part::kSize) {
      Result size = ReadSize(bytes, body_bytes_max - body.size());
      if (size != Result::kDone) return size;
    } else if (part_ == Part::kContent) {
      size_t part = std::min(left_, bytes.size());
      body.append(bytes.data(), part);
      bytes.remove_prefix(part);
      left_ -= part;
      if (left_ > 0) return Result::kMore;
      part_ = Part::kContentEnd;
    } else {
      absl::string_view end = bytes.substr(0, 2);
      if (end != absl::string_view("\r\n").substr(0, end.size())) return Result::kMalformed;
      if (end.size() < 2) return Result::kMore;
      bytes.remove_prefix(2);
      if (part_ == Part::kLastEnd) return Result::kDone;
      part_ = Part::kSize;
    }
  }
}

}  // namespace prismatic::http
