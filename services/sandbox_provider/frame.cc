#include "services/sandbox_provider/frame.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace prismatic::sandbox {
namespace {

constexpr double kSideMin = 256;
constexpr double kSideMax = 2048;

// "16:9" or "1024x768".
std::optional<std::pair<double, double>> TwoNumbers(absl::string_view text, absl::string_view separators) {
  std::vector<absl::string_view> parts = absl::StrSplit(text, absl::ByAnyChar(separators));
  std::pair<double, double> numbers;
  if (parts.size() != 2 || !absl::SimpleAtod(parts[0], &numbers.first) ||
      !absl::SimpleAtod(parts[1], &numbers.second)) {
    return std::nullopt;
  }
  bool sane =
      numbers.first > 0 && numbers.second > 0 && numbers.first <= 100'000 && numbers.second <= 100'000;
  return sane ? std::optional(numbers) : std::nullopt;
}

// The side of the tier's square; 0 when it is no tier.
double TierSide(absl::string_view size) {
  std::string name = absl::AsciiStrToUpper(size);
  if (name == "AUTO" || name.empty()) return 1024;
  if (name == "0.5K" || name == "512") return 512;
  if (name == "1K") return 1024;
  if (name == "2K" || name == "4K") return 2048;
  return 0;
}

Frame Fitted(double width, double height) {
  double shrink = std::min(1.0, kSideMax / std::max(width, height));
  double grow = std::max(1.0, kSideMin / std::min(width * shrink, height * shrink));
  auto side = [&](double wanted) {
    return static_cast<int>(std::lround(std::clamp(wanted * shrink * grow, kSideMin, kSideMax)));
  };
  return {.width = side(width), .height = side(height)};
}

}  // namespace

absl::StatusOr<Frame> FrameFor(absl::string_view size, absl::string_view aspect_ratio) {
  if (auto sides = TwoNumbers(size, "xX")) return Fitted(sides->first, sides->second);
  double side = TierSide(size);
  if (side == 0) return absl::InvalidArgumentError(absl::StrCat("`", size, "` is no size."));
  if (aspect_ratio.empty() || aspect_ratio == "auto") return Fitted(side, side);
  auto ratio = TwoNumbers(aspect_ratio, ":");
  if (!ratio) return absl::InvalidArgumentError(absl::StrCat("`", aspect_ratio, "` is no aspect ratio."));
  // The multiple of the ratio with the tier's area: 16:9 becomes 1360x765, exactly.
  double unit = std::round(side / std::sqrt(ratio->first * ratio->second));
  double unit_max = std::floor(kSideMax / std::max(ratio->first, ratio->second));
  unit = std::max(1.0, std::min(unit, unit_max));
  return Fitted(ratio->first * unit, ratio->second * unit);
}

}  // namespace prismatic::sandbox
