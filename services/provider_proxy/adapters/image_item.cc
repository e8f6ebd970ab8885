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

// The base64 in a text that is base64 or a data: URL.
absl::StatusOr<absl::string_view> Base64In(absl::string_view text) {
  if (!IsDataUrl(text)) return text;
  std::optional<absl::string_view> payload = DataUrlPayload(text);
  if (!payload) return absl::InvalidArgumentError("data: URL without base64");
  return *payload;
}

// The image that the base64 is, without the base64 itself.
absl::StatusOr<v1::GeneratedImage> Checked(absl::string_view base64, int64_t bytes_max) {
  // The limit is the image's own size, whether it comes as text or as a file.
  if (static_cast<int64_t>(BytesInBase64(base64)) > bytes_max) {
    return absl::OutOfRangeError("larger than the route's max_image_bytes");
  }
  ASSIGN_OR_RETURN(ImageFacts facts, CheckBase64Image(base64));
  v1::GeneratedImage image;
  image.set_mime_type(std::move(facts.mime_type));
  image.set_width(facts.width);
  image.set_height(facts.height);
  return image;
}

// A text of our own becomes the image's, without a copy.
absl::StatusOr<v1::GeneratedImage> ImageFromOwnText(std::string text, int64_t bytes_max) {
  ASSIGN_OR_RETURN(absl::string_view base64, Base64In(text));
  ASSIGN_OR_RETURN(v1::GeneratedImage image, Checked(base64, bytes_max));
  text.erase(0, text.size() - base64.size());
  image.set_base64(std::move(text));
  return image;
}

absl::Status NoString() { return absl::InvalidArgumentError("the image is no string"); }

}  // namespace

int64_t ImageBytesMax(const catalog::v1::Route& route) {
  return route.max_image_bytes() > 0 ? route.max_image_bytes() : kImageBytesDefault;
}

absl::StatusOr<v1::GeneratedImage> ImageFromBase64(absl::string_view text, int64_t bytes_max) {
  ASSIGN_OR_RETURN(absl::string_view base64, Base64In(text));
  ASSIGN_OR_RETURN(v1::GeneratedImage image, Checked(base64, bytes_max));
  image.mutable_base64()->assign(base64.data(), base64.size());
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
  if (std::optional<absl::string_view> plain = value.PlainString()) return ImageFromBase64(*plain, bytes_max);
  // Some escape every slash; undoing that is the copy that the image keeps.
  std::optional<std::string> text = value.String();
  return text ? ImageFromOwnText(*std::move(text), bytes_max) : NoString();
}

absl::StatusOr<v1::GeneratedImage> ImageFromUrl(const json::Value& value, int64_t bytes_max) {
  if (std::optional<absl::string_view> plain = value.PlainString()) return ImageFromUrl(*plain, bytes_max);
  std::optional<std::string> text = value.String();
  if (!text) return NoString();
  return IsDataUrl(*text) ? ImageFromOwnText(*std::move(text), bytes_max) : ImageFromUrl(*text, bytes_max);
}

}  // namespace prismatic::provider_proxy
