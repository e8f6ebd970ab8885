#include "services/provider_proxy/adapters/parameters.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace prismatic::provider_proxy {
namespace {

struct Pair {
  int64_t width = 0;
  int64_t height = 0;
};

// "16:9" or "1024x768": two whole numbers from 1 to 100,000.
std::optional<Pair> ParsePair(absl::string_view text, char separator) {
  std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(text, absl::MaxSplits(separator, 1));
  Pair pair;
  if (!absl::SimpleAtoi(halves.first, &pair.width) || !absl::SimpleAtoi(halves.second, &pair.height)) {
    return std::nullopt;
  }
  constexpr int64_t kMax = 100'000;
  if (pair.width < 1 || pair.height < 1 || pair.width > kMax || pair.height > kMax) return std::nullopt;
  return pair;
}

// "1K", "2k", "4K", "0.5K", "512": the long side in pixels; 0 when it is no tier.
int64_t TierSide(absl::string_view tier) {
  double thousands = 0;
  if (absl::EndsWithIgnoreCase(tier, "k")) {
    if (!absl::SimpleAtod(tier.substr(0, tier.size() - 1), &thousands)) return 0;
    if (!(thousands > 0 && thousands <= 16)) return 0;
    return std::llround(thousands * 1024);
  }
  int64_t pixels = 0;
  return absl::SimpleAtoi(tier, &pixels) && pixels > 0 && pixels <= 16'384 ? pixels : 0;
}

std::string SizeText(int64_t width, int64_t height) { return absl::StrCat(width, "x", height); }

int64_t MultipleOf16(double pixels) { return std::max<int64_t>(16, std::llround(pixels / 16) * 16); }

class Selector {
 public:
  Selector(const catalog::v1::Route& route, const FormatFields& format) {
    for (const std::string& name : route.supported_parameters()) {
      bool known = std::find(format.known.begin(), format.known.end(), name) != format.known.end();
      if (known) usable_.push_back(name);
    }
  }

  bool Takes(absl::string_view name) const {
    return std::find(usable_.begin(), usable_.end(), name) != usable_.end();
  }

  template <typename T>
  void Pass(absl::string_view name, bool asked, const T& value, std::optional<T>& out,
            std::vector<std::string>& ignored) const {
    if (!asked) return;
    if (Takes(name)) {
      out = value;
    } else {
      ignored.emplace_back(name);
    }
  }

 private:
  std::vector<absl::string_view> usable_;
};

// Decides size and aspect_ratio together, since each can stand in for the other.
void SelectShape(const v1::GenerateImagesRequest& request, const Selector& selector, bool pixel_sizes,
                 Parameters& chosen) {
  bool takes_size = selector.Takes("size");
  bool takes_ratio = selector.Takes("aspect_ratio");
  bool takes_pixels = takes_size && pixel_sizes;
  std::optional<std::string> size, ratio;
  if (request.has_size()) size = request.size();
  if (request.has_aspect_ratio()) ratio = request.aspect_ratio();
  std::optional<std::string> ratio_of_size = size ? AspectRatioOfSize(*size) : std::nullopt;
  bool size_has_pixels = size && ParsePair(*size, 'x').has_value();
  bool says_nothing = size && *size == "auto";

  bool size_sent = size && (size_has_pixels ? takes_pixels : takes_size);
  bool ratio_sent = ratio && takes_ratio;
  if (size_sent) chosen.size = size;
  if (ratio_sent) chosen.aspect_ratio = ratio;

  if (ratio && !ratio_sent) {
    bool free_to_set = !size || says_nothing || !size_has_pixels;
    std::optional<std::string> converted;
    if (takes_pixels && free_to_set) converted = SizeOfAspectRatio(*ratio, size ? *size : "");
    if (converted) {
      chosen.size = converted;
    } else if (ratio_of_size != ratio) {
      chosen.ignored.push_back("aspect_ratio");
    }
  }
  if (size && !size_sent && !says_nothing) {
    if (takes_ratio && !ratio && ratio_of_size) {
      chosen.aspect_ratio = ratio_of_size;
    } else if (!ratio_sent || ratio_of_size != ratio) {
      chosen.ignored.push_back("size");
    }
  }
}

}  // namespace

Parameters SelectParameters(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                            const FormatFields& format) {
  Selector selector(route, format);
  Parameters chosen;
  auto pass = [&](absl::string_view name, bool asked, const auto& value, auto& out) {
    selector.Pass(name, asked, value, out, chosen.ignored);
  };
  chosen.n = selector.Takes("n");
  chosen.prompt = request.prompt();
  if (route.fold_negative_prompt() && request.has_negative_prompt()) {
    absl::StrAppend(&chosen.prompt, "\n\nAvoid: ", request.negative_prompt());
  } else {
    pass("negative_prompt", request.has_negative_prompt(), request.negative_prompt(), chosen.negative_prompt);
  }
  bool pixels =
      (route.size_form() == catalog::v1::SIZE_FORM_UNSPECIFIED ? format.size_form : route.size_form()) !=
      catalog::v1::SIZE_FORM_TIER;
  SelectShape(request, selector, pixels, chosen);
  pass("quality", request.has_quality(), request.quality(), chosen.quality);
  pass("style", request.has_style(), request.style(), chosen.style);
  pass("seed", request.has_seed(), int64_t{request.seed()}, chosen.seed);
  pass("background", request.has_background(), request.background(), chosen.background);
  pass("moderation", request.has_moderation(), request.moderation(), chosen.moderation);
  pass("output_format", request.has_output_format(), request.output_format(), chosen.output_format);
  pass("output_compression", request.has_output_compression(), int32_t{request.output_compression()},
       chosen.output_compression);
  pass("user", request.has_user(), request.user(), chosen.user);
  if (selector.Takes("response_format")) {
    if (request.response_format() == v1::RESPONSE_FORMAT_B64_JSON) chosen.response_format = "b64_json";
    if (request.response_format() == v1::RESPONSE_FORMAT_URL) chosen.response_format = "url";
  }
  return chosen;
}

std::optional<std::string> AspectRatioOfSize(absl::string_view size) {
  static constexpr Pair kRatios[] = {{1, 1},  {5, 4},  {4, 5}, {4, 3}, {3, 4},  {3, 2},  {2, 3},
                                     {16, 9}, {9, 16}, {2, 1}, {1, 2}, {21, 9}, {9, 21}, {3, 1},
                                     {1, 3},  {4, 1},  {1, 4}, {8, 1}, {1, 8}};
  std::optional<Pair> pixels = ParsePair(size, 'x');
  if (!pixels) return std::nullopt;
  double wanted = std::log(static_cast<double>(pixels->width) / static_cast<double>(pixels->height));
  const Pair* nearest = nullptr;
  double nearest_distance = std::log(1.1);
  for (const Pair& ratio : kRatios) {
    double distance =
        std::abs(wanted - std::log(static_cast<double>(ratio.width) / static_cast<double>(ratio.height)));
    if (distance < nearest_distance) {
      nearest = &ratio;
      nearest_distance = distance;
    }
  }
  if (nearest == nullptr) return std::nullopt;
  return absl::StrCat(nearest->width, ":", nearest->height);
}

std::optional<std::string> SizeOfAspectRatio(absl::string_view aspect_ratio, absl::string_view tier) {
  std::optional<Pair> ratio = ParsePair(aspect_ratio, ':');
  if (!ratio) return std::nullopt;
  int64_t divisor = std::gcd(ratio->width, ratio->height);
  double width = static_cast<double>(ratio->width) / static_cast<double>(divisor);
  double height = static_cast<double>(ratio->height) / static_cast<double>(divisor);
  if (std::max(width / height, height / width) > 16) return std::nullopt;

  int64_t long_side = TierSide(tier);
  if (long_side == 0) {
    // The sizes that OpenAI's image models take, in place of the computed ones.
    if (width == 3 && height == 2) return "1536x1024";
    if (width == 2 && height == 3) return "1024x1536";
  }
  // Both sides are multiples of 16 in the exact ratio when they are `times` such units.
  double unit_width = width * 16, unit_height = height * 16;
  double scale = long_side > 0 ? static_cast<double>(long_side) / std::max(unit_width, unit_height)
                               : std::sqrt(1024.0 * 1024.0 / (unit_width * unit_height));
  int64_t times = long_side > 0 ? static_cast<int64_t>(scale) : std::llround(scale);
  if (times >= 1)
    return SizeText(static_cast<int64_t>(unit_width) * times, static_cast<int64_t>(unit_height) * times);
  return SizeText(MultipleOf16(unit_width * scale), MultipleOf16(unit_height * scale));
}

}  // namespace prismatic::provider_proxy
