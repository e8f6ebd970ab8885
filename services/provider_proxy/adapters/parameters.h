#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PARAMETERS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PARAMETERS_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"

namespace prismatic::provider_proxy {

// What a wire format has fields for, whatever the route claims.
struct FormatFields {
  // Names as in Route.supported_parameters.
  std::vector<absl::string_view> known;
  // How `size` is written where the route says nothing.
  catalog::v1::SizeForm size_form = catalog::v1::SIZE_FORM_PIXELS;
};

struct PixelSize {
  int32_t width = 0;
  int32_t height = 0;
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
  // Asked for and sent as something else, as `name=what was sent`: `size=1536x1024`, `aspect_ratio=1360x768`.
  // A negative prompt that was folded is none.
  std::vector<std::string> changed;
};

Parameters SelectParameters(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                            const FormatFields& format);

// "16:9", the nearest ratio that image models know, for "1344x768". Empty when it is no WxH or lies
// more than a tenth off all of them.
std::optional<std::string> AspectRatioOfSize(absl::string_view size);

// The size of about one megapixel, or with the long side of a tier ("2K": 2048), for "16:9": exactly
// that ratio and sides that are multiples of 16 where both can be had. Empty when it is no ratio or
// steeper than 16:1.
std::optional<std::string> SizeOfAspectRatio(absl::string_view aspect_ratio, absl::string_view tier = "");

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_PARAMETERS_H_
