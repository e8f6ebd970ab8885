#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SHAPE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SHAPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"

// How big and how wide: sizes in pixels (`1024x768`), tiers (`2K`) and ratios (`16:9`), and what one of
// them is in the words of another.

namespace prismatic::provider_proxy {

struct PixelSize {
  int32_t width = 0;
  int32_t height = 0;
};

// "1024x768": whole numbers from 1 to 100,000.
std::optional<PixelSize> ParsePixels(absl::string_view size);
std::string PixelsText(const PixelSize& pixels);

// Width by height.
double RatioOf(const PixelSize& pixels);
// Of the square of the same area.
double SideOf(const PixelSize& pixels);

// Width by height of "16:9" or "19.5:9". Empty when it is no ratio.
std::optional<double> ParseRatio(absl::string_view aspect_ratio);

// The side of a square picture of that tier, in pixels: 2048 for "2K", "2k" and "2048". 0 when it is none.
int TierSide(absl::string_view tier);
// A size in pixels, a tier as its square. Empty when it is neither.
std::optional<PixelSize> PixelsOrSquare(absl::string_view size);

// "16:9", the nearest ratio that image models know, for "1344x768". Empty when it is no WxH or lies
// more than a tenth off all of them.
std::optional<std::string> AspectRatioOfSize(absl::string_view size);

// The size of about one megapixel, or of about a tier's square ("2K": 2048x2048), for "16:9": exactly
// that ratio and sides that are multiples of 16 where both can be had. Empty when it is no ratio or
// steeper than 16:1.
std::optional<std::string> SizeOfAspectRatio(absl::string_view aspect_ratio, absl::string_view tier = "");

// The nearest size whose sides are within the limits' side_min, side_max and side_multiple; its ratio is
// kept as far as can be. Empty when no side fits them.
std::optional<PixelSize> WithinSides(PixelSize pixels, const catalog::v1::ParameterLimits& limits);

// How far apart two ratios, or two areas, are, whichever is the larger: 0 when equal. log(1.1) is a tenth.
double Apart(double one, double other);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_SHAPE_H_
