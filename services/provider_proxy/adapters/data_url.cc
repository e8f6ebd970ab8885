#include "services/provider_proxy/adapters/data_url.h"

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "services/provider_proxy/adapters/image_check.h"

namespace prismatic::provider_proxy {

std::optional<DataUrl> ParseDataUrl(absl::string_view url) {
  constexpr absl::string_view kScheme = "data:";
  constexpr absl::string_view kEncoding = ";base64";
  // A media type with parameters is short; a comma that comes later belongs to something else.
  constexpr size_t kHeadMax = 256;
  if (!absl::StartsWithIgnoreCase(url, kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  size_t comma = url.substr(0, kHeadMax).find(',');
  if (comma == absl::string_view::npos) return std::nullopt;
  absl::string_view head = url.substr(0, comma);
  if (!absl::EndsWithIgnoreCase(head, kEncoding)) return std::nullopt;
  head.remove_suffix(kEncoding.size());
  DataUrl parts{.mime_type = absl::AsciiStrToLower(head.substr(0, head.find(';'))),
                .base64 = url.substr(comma + 1)};
  if (parts.base64.empty()) return std::nullopt;
  if (parts.mime_type == "image/jpg") parts.mime_type = "image/jpeg";  // a common misspelling
  if (parts.mime_type.empty()) {
    absl::StatusOr<ImageFacts> facts = CheckBase64Image(parts.base64);
    if (!facts.ok()) return std::nullopt;
    parts.mime_type = facts->mime_type;
  }
  return parts;
}

}  // namespace prismatic::provider_proxy
