#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PARAMETERS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PARAMETERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/provider_proxy/adapters/shape.h"

namespace prismatic::provider_proxy {

// What a wire format has fields for, whatever the route claims.
struct FormatFields {
  // Names as in Route.supported_parameters.
  std::vector<absl::string_view> known;
  // How `size` is written where the route says nothing.
  catalog::v1::SizeForm size_form = catalog::v1::SIZE_FORM_PIXELS;
};

// The fields of a request as one route gets them, within its limits. Absent: not asked for, or not
// understood there.
struct Parameters {
  bool n = false;
  // With the negative prompt folded in where the route says so.
  std::string prompt;
  // For the format's own field.
  std::optional<std::string> negative_prompt;
  std::optional<std::string> aspect_ratio;
  // In the form that the route wants: `1024x768` or a tier. Absent with SIZE_FORM_WIDTH_HEIGHT.
  std::optional<std::string> size;
  // With SIZE_FORM_WIDTH_HEIGHT, instead of `size`.
  std::optional<PixelSize> pixels;
  std::optional<std::string> quality;
  std::optional<std::string> style;
  std::optional<int64_t> seed;
  // `b64_json`, or the route's word for it, or `url`.
  std::optional<std::string> response_format;
  std::optional<std::string> background;
  std::optional<std::string> moderation;
  std::optional<std::string> output_format;
  std::optional<int32_t> output_compression;
  std::optional<std::string> user;
  // Asked for and left out. `response_format` is never among them: we bring it about ourselves.
  std::vector<std::string> ignored;
  // Asked for and sent as something else, as `name=what was sent`: `size=1536x1024`, `size=16:9` where only
  // ratios are taken, `size=16:9@2K` where a size became a ratio and a tier, `aspect_ratio=1360x768`. What is
  // sent is printable ASCII without commas and semicolons, at most 64 bytes. A negative prompt that was
  // folded is none, nor is another spelling of the same (`1k` for `1K`).
  std::vector<std::string> changed;
  // The shape that is sent is not the one asked for: another ratio, other pixels, another tier. False for a
  // conversion that keeps what was asked: 16:9 as 1280x720, 1536x1024 as 3:2 where only ratios are taken, or
  // as 3:2 and the tier it belongs to. What `ignored` names is none of it.
  bool approximated = false;
};

// Some microseconds; copies the prompt, nothing else that is long.
Parameters SelectParameters(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                            const FormatFields& format);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PARAMETERS_H_
