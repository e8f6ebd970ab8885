#include "services/provider_proxy/adapters/shape.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace prismatic::provider_proxy {
namespace {

constexpr int64_t kNumberMax = 100'000;
// Ratios are counted in thousandths, for "19.5:9".
constexpr int64_t kThousand = 1000;

// Two whole numbers without a common divisor.
struct Fraction {
  int64_t width = 0;
  int64_t height = 0;
};

// "19.5" as 19,500. Digits with at most three decimals, so that nothing else that strtod reads gets by.
std::optional<int64_t> Thousandths(absl::string_view text) {
  std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('.', 1));
  bool has_point = parts.first.size() != text.size();
  auto digits = [](absl::string_view part) {
    return !part.empty() && part.size() <= 6 && std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
  };
  if (!digits(parts.first)) return std::nullopt;
  if (has_point && (!digits(parts.second) || parts.second.size() > 3)) return std::nullopt;
  int64_t whole = 0, decimals = 0;
  if (!absl::SimpleAtoi(parts.first, &whole) || whole > kNumberMax) return std::nullopt;
  std::string padded(parts.second);
  padded.resize(3, '0');
  if (!absl::SimpleAtoi(padded, &decimals)) return std::nullopt;
  return whole * kThousand + decimals;
}

std::optional<Fraction> FractionOf(absl::string_view aspect_ratio) {
  std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(aspect_ratio, absl::MaxSplits(':', 1));
  std::optional<int64_t> width = Thousandths(halves.first);
  std::optional<int64_t> height = Thousandths(halves.second);
  if (!width || !height || *width == 0 || *height == 0) return std::nullopt;
  int64_t divisor = std::gcd(*width, *height);
  return Fraction{*width / divisor, *height / divisor};
}

int64_t MultipleOf16(double pixels) { return std::max<int64_t>(16, std::llround(pixels / 16) * 16); }

}  // namespace

double Apart(double one, double other) { return std::abs(std::log(one / other)); }

std::optional<PixelSize> ParsePixels(absl::string_view size) {
  std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(size, absl::MaxSplits('x', 1));
  int64_t width = 0, height = 0;
  if (!absl::SimpleAtoi(halves.first, &width) || !absl::SimpleAtoi(halves.second, &height)) {
    return std::nullopt;
  }
  if (width < 1 || height < 1 || width > kNumberMax || height > kNumberMax) return std::nullopt;
  return PixelSize{static_cast<int32_t>(width), static_cast<int32_t>(height)};
}

std::string PixelsText(const PixelSize& pixels) { return absl::StrCat(pixels.width, "x", pixels.height); }

double RatioOf(const PixelSize& pixels) { return static_cast<double>(pixels.width) / pixels.height; }

double SideOf(const PixelSize& pixels) {
  return std::sqrt(static_cast<double>(pixels.width) * static_cast<double>(pixels.height));
}

std::optional<double> ParseRatio(absl::string_view aspect_ratio) {
  std::optional<Fraction> ratio = FractionOf(aspect_ratio);
  if (!ratio) return std::nullopt;
  return static_cast<double>(ratio->width) / static_cast<double>(ratio->height);
}

int TierSide(absl::string_view tier) {
  if (absl::EndsWithIgnoreCase(tier, "k")) {
    std::optional<int64_t> thousandths = Thousandths(tier.substr(0, tier.size() - 1));
    if (!thousandths || *thousandths < 1 || *thousandths > 16 * kThousand) return 0;
    return static_cast<int>(*thousandths * 1024 / kThousand);
  }
  int pixels = 0;
  return absl::SimpleAtoi(tier, &pixels) && pixels > 0 && pixels <= 16'384 ? pixels : 0;
}

std::optional<PixelSize> PixelsOrSquare(absl::string_view size) {
  std::optional<PixelSize> pixels = ParsePixels(size);
  int side = TierSide(size);
  if (!pixels && side > 0) pixels = PixelSize{side, side};
  return pixels;
}

std::optional<std::string> AspectRatioOfSize(absl::string_view size) {
  static constexpr Fraction kRatios[] = {{1, 1},  {5, 4},  {4, 5}, {4, 3}, {3, 4},  {3, 2},  {2, 3},
                                         {16, 9}, {9, 16}, {2, 1}, {1, 2}, {21, 9}, {9, 21}, {3, 1},
                                         {1, 3},  {4, 1},  {1, 4}, {8, 1}, {1, 8}};
  std::optional<PixelSize> pixels = ParsePixels(size);
  if (!pixels) return std::nullopt;
  double wanted = RatioOf(*pixels);
  const Fraction* nearest = nullptr;
  double nearest_apart = std::log(1.1);
  for (const Fraction& ratio : kRatios) {
    double apart = Apart(wanted, static_cast<double>(ratio.width) / static_cast<double>(ratio.height));
    if (apart < nearest_apart) {
      nearest = &ratio;
      nearest_apart = apart;
    }
  }
  if (nearest == nullptr) return std::nullopt;
  return absl::StrCat(nearest->width, ":", nearest->height);
}

std::optional<std::string> SizeOfAspectRatio(absl::string_view aspect_ratio, absl::string_view tier) {
  std::optional<Fraction> ratio = FractionOf(aspect_ratio);
  if (!ratio) return std::nullopt;
  constexpr double kSteepest = 16;
  auto width = static_cast<double>(ratio->width), height = static_cast<double>(ratio->height);
  if (std::max(width / height, height / width) > kSteepest) return std::nullopt;

  int side = TierSide(tier);
  if (side == 0) side = 1024;
  // Both sides are multiples of 16 in the exact ratio when they are `times` such units.
  double scale = side / (16 * std::sqrt(width * height));
  int64_t times = std::llround(scale);
  if (times >= 1) return absl::StrCat(ratio->width * 16 * times, "x", ratio->height * 16 * times);
  return absl::StrCat(MultipleOf16(width * 16 * scale), "x", MultipleOf16(height * 16 * scale));
}

std::optional<PixelSize> WithinSides(PixelSize pixels, const catalog::v1::ParameterLimits& limits) {
  int64_t multiple = std::max(1, limits.side_multiple());
  int64_t high = (limits.side_max() > 0 ? limits.side_max() : kNumberMax) / multiple * multiple;
  int64_t low = std::max(multiple, (limits.side_min() + multiple - 1) / multiple * multiple);
  if (low > high) return std::nullopt;

  double longer = std::max(pixels.width, pixels.height), shorter = std::min(pixels.width, pixels.height);
  double scale = 1;
  if (longer > static_cast<double>(high)) scale = static_cast<double>(high) / longer;
  if (shorter * scale < static_cast<double>(low)) scale = static_cast<double>(low) / shorter;
  auto side = [&](int32_t given) {
    int64_t rounded = std::llround(given * scale / static_cast<double>(multiple)) * multiple;
    return static_cast<int32_t>(std::clamp(rounded, low, high));
  };
  return PixelSize{side(pixels.width), side(pixels.height)};
}

}  // namespace prismatic::provider_proxy
