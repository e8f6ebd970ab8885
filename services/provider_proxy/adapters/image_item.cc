#include "services/provider_proxy/adapters/image_item.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "services/common/status/status_macros.h"
#include "services/provider_proxy/adapters/image_check.h"

namespace prismatic::provider_proxy {
namespace {

// What stands behind `data:image/png;base64,`; empty when it is no such URL.
std::optional<absl::string_view> DataUrlPayload(absl::string_view url) {
  // A media type with parameters is short; a comma that comes later belongs to something else.
  constexpr size_t kPrefixMax = 256;
  size_t comma = url.substr(0, kPrefixMax).find(',');
  if (comma == absl::string_view::npos) return std::nullopt;
  if (!absl::EndsWithIgnoreCase(url.substr(0, comma), ";base64")) return std::nullopt;
  return url.substr(comma + 1);
}

bool IsDataUrl(absl::string_view text) { return absl::StartsWithIgnoreCase(text, "data:"); }

// Calls `read` with the string's bytes, which are copied only when there are escapes among them.
template <typename Read>
absl::StatusOr<v1::GeneratedImage> WithText(const json::Value& value, Read read) {
  if (std::optional<absl::string_view> plain = value.PlainString()) return read(*plain);
  std::optional<std::string> text = value.String();
  if (!text) return absl::InvalidArgumentError("the image is no string");
  return read(*text);
}

}  // namespace

int64_t ImageBytesMax(const catalog::v1::Route& route) {
  return route.max_image_bytes() > 0 ? route.max_image_bytes() : kImageBytesDefault;
}

absl::StatusOr<v1::GeneratedImage> ImageFromBase64(absl::string_view text, int64_t bytes_max) {
  if (IsDataUrl(text)) {
    std::optional<absl::string_view> payload = DataUrlPayload(text);
    if (!payload) return absl::InvalidArgumentError("data: URL without base64");
    text = *payload;
  }
  if (static_cast<int64_t>(text.size()) > bytes_max) {
    return absl::InvalidArgumentError("larger than the route's max_image_bytes");
  }
  ASSIGN_OR_RETURN(ImageFacts facts, CheckBase64Image(text));
  v1::GeneratedImage image;
  image.mutable_base64()->assign(text.data(), text.size());
  image.set_mime_type(std::move(facts.mime_type));
  image.set_width(facts.width);
  image.set_height(facts.height);
  return image;
}

absl::StatusOr<v1::GeneratedImage> ImageFromUrl(absl::string_view url, int64_t bytes_max) {
  if (IsDataUrl(url)) return ImageFromBase64(url, bytes_max);
  if (!absl::StartsWithIgnoreCase(url, "https://") && !absl::StartsWithIgnoreCase(url, "http://")) {
    return absl::InvalidArgumentError("the URL is neither http, https nor data");
  }
  if (url.size() > kResultUrlMax) return absl::InvalidArgumentError("the URL is too long");
  if (!std::all_of(url.begin(), url.end(), [](char c) { return absl::ascii_isgraph(c); })) {
    return absl::InvalidArgumentError("the URL holds blanks or control characters");
  }
  v1::GeneratedImage image;
  image.set_url(std::string(url));
  return image;
}

absl::StatusOr<v1::GeneratedImage> ImageFromBase64(const json::Value& value, int64_t bytes_max) {
  return WithText(value, [&](absl::string_view text) { return ImageFromBase64(text, bytes_max); });
}

absl::StatusOr<v1::GeneratedImage> ImageFromUrl(const json::Value& value, int64_t bytes_max) {
  return WithText(value, [&](absl::string_view text) { return ImageFromUrl(text, bytes_max); });
}

}  // namespace prismatic::provider_proxy
