#include "services/provider_proxy/adapters/shape_selector.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace prismatic::provider_proxy {
namespace {

using Values = google::protobuf::RepeatedPtrField<std::string>;

// Further off than that, another ratio is another picture.
const double kRatioApartMax = std::log(1.1);
// Differences of rounding.
constexpr double kSame = 1e-9;

const std::string* FindListed(const Values& list, absl::string_view value) {
  for (const std::string& each : list) {
    if (absl::EqualsIgnoreCase(each, value)) return &each;
  }
  return nullptr;
}

// The listed size that is nearest in its ratio, and among equals in its area. Empty when none is WxH.
std::optional<PixelSize> NearestSize(const Values& list, const PixelSize& wanted) {
  auto ratio = [](const PixelSize& size) { return static_cast<double>(size.width) / size.height; };
  auto area = [](const PixelSize& size) { return static_cast<double>(size.width) * size.height; };
  std::optional<PixelSize> nearest;
  double best_ratio = 0, best_area = 0;
  for (const std::string& each : list) {
    std::optional<PixelSize> size = ParsePixels(each);
    if (!size) continue;
    double ratio_apart = Apart(ratio(*size), ratio(wanted)), area_apart = Apart(area(*size), area(wanted));
    bool nearer = ratio_apart < best_ratio - kSame ||
                  (ratio_apart < best_ratio + kSame && area_apart < best_area - kSame);
    if (nearest && !nearer) continue;
    nearest = size;
    best_ratio = ratio_apart;
    best_area = area_apart;
  }
  return nearest;
}

// The tier, spelled as listed, or as most upstreams spell it where any is taken. Empty when none is listed.
std::string NearestTier(const Values& list, double side) {
  static const Values* const usual = [] {
    auto* values = new Values;
    for (const char* tier : {"1K", "2K", "4K"}) values->Add(tier);
    return values;
  }();
  std::string nearest;
  double nearest_apart = 0;
  for (const std::string& each : list.empty() ? *usual : list) {
    int each_side = TierSide(each);
    if (each_side == 0) continue;
    double apart = Apart(each_side, side);
    if (!nearest.empty() && apart >= nearest_apart - kSame) continue;
    nearest = each;
    nearest_apart = apart;
  }
  return nearest;
}

// The listed ratio within a tenth of the wanted one.
const std::string* NearestRatio(const Values& list, double wanted) {
  const std::string* nearest = nullptr;
  double nearest_apart = kRatioApartMax;
  for (const std::string& each : list) {
    std::optional<double> ratio = ParseRatio(each);
    if (!ratio) continue;
    double apart = Apart(*ratio, wanted);
    if (apart >= nearest_apart) continue;
    nearest = &each;
    nearest_apart = apart;
  }
  return nearest;
}

// "name=value" for a header's list, whatever the catalog's values hold.
std::string Changed(absl::string_view name, absl::string_view value) {
  constexpr size_t kValueMax = 64;
  std::string text(value.substr(0, kValueMax));
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c)) || c == ',' || c == ';') c = '_';
  }
  return absl::StrCat(name, "=", text);
}

class ShapeSelector {
 public:
  ShapeSelector(const v1::GenerateImagesRequest& request, const ShapeRules& rules, Parameters& chosen)
      : rules_(rules), chosen_(chosen) {
    // `auto` asks for nothing; it is passed on where it is understood.
    if (request.has_size()) {
      if (request.size() == "auto") {
        size_is_auto_ = true;
      } else {
        size_ = request.size();
        pixels_ = ParsePixels(*size_);
      }
    }
    if (request.has_aspect_ratio()) {
      if (request.aspect_ratio() == "auto") {
        ratio_is_auto_ = true;
      } else {
        ratio_ = request.aspect_ratio();
      }
    }
  }

  void Select() {
    SelectRatio();
    if (rules_.takes_size) {
      if (rules_.form == catalog::v1::SIZE_FORM_TIER) {
        SelectTier();
      } else {
        SelectPixels();
      }
    }
    if (sent_size_.empty() || rules_.form == catalog::v1::SIZE_FORM_TIER) RatioFromPixels();
    SelectAuto();
    ReportRatio();
    ReportSize();
  }

 private:
  void SelectRatio() {
    if (!ratio_ || !rules_.takes_ratio) return;
    const Values& list = rules_.limits.aspect_ratios();
    if (list.empty()) {
      chosen_.aspect_ratio = ratio_;
    } else if (const std::string* listed = FindListed(list, *ratio_); listed != nullptr) {
      chosen_.aspect_ratio = *listed;
    } else if (std::optional<double> wanted = ParseRatio(*ratio_)) {
      const std::string* nearest = NearestRatio(list, *wanted);
      if (nearest != nullptr) chosen_.aspect_ratio = *nearest;
    }
  }

  // The ratio of a size in pixels, where nothing else can say it.
  void RatioFromPixels() {
    if (!pixels_ || ratio_ || !rules_.takes_ratio) return;
    const Values& list = rules_.limits.aspect_ratios();
    if (list.empty()) {
      chosen_.aspect_ratio = AspectRatioOfSize(*size_);
    } else if (const std::string* nearest =
                   NearestRatio(list, static_cast<double>(pixels_->width) / pixels_->height)) {
      chosen_.aspect_ratio = *nearest;
    }
  }

  void SelectTier() {
    if (!size_) return;
    const Values& list = rules_.limits.sizes();
    if (const std::string* listed = FindListed(list, *size_); listed != nullptr) {
      SendSize(*listed);
    } else if (pixels_) {
      double side = std::sqrt(static_cast<double>(pixels_->width) * pixels_->height);
      std::string tier = NearestTier(list, side);
      // 1K is what every model makes by itself: it is not worth a field that one may not know.
      if (!tier.empty() && (!list.empty() || tier != "1K")) SendSize(tier);
    } else if (int side = TierSide(*size_); side > 0) {
      std::string tier = list.empty() ? absl::AsciiStrToUpper(*size_) : NearestTier(list, side);
      if (!tier.empty()) SendSize(tier);
    }
  }

  void SelectPixels() {
    const Values& list = rules_.limits.sizes();
    if (size_) {
      if (const std::string* listed = FindListed(list, *size_); listed != nullptr && SendListed(*listed))
        return;
    }
    std::optional<PixelSize> wanted = WantedPixels();
    if (!wanted) return;
    std::optional<PixelSize> sent =
        list.empty() ? WithinSides(*wanted, rules_.limits) : NearestSize(list, *wanted);
    if (!sent) {
      ratio_in_size_ = false;
    } else if (rules_.form == catalog::v1::SIZE_FORM_WIDTH_HEIGHT) {
      chosen_.pixels = sent;
      sent_size_ = PixelsText(*sent);
    } else {
      SendSize(PixelsText(*sent));
    }
  }

  // A listed size as it is: also a tier, where the field takes both.
  bool SendListed(const std::string& listed) {
    std::optional<PixelSize> pixels = ParsePixels(listed);
    if (rules_.form == catalog::v1::SIZE_FORM_WIDTH_HEIGHT) {
      if (!pixels) return false;
      chosen_.pixels = pixels;
      sent_size_ = listed;
      return true;
    }
    // A tier is a square where the ratio cannot be said beside it.
    if (!pixels && ratio_ && !chosen_.aspect_ratio) return false;
    SendSize(listed);
    return true;
  }

  // What the request asks for in pixels; empty when it asks for nothing that they can say.
  std::optional<PixelSize> WantedPixels() {
    if (pixels_) return pixels_;
    bool tier = size_ && TierSide(*size_) > 0;
    bool ratio_to_say = ratio_ && !chosen_.aspect_ratio;
    if (!tier && !ratio_to_say) return std::nullopt;
    std::optional<std::string> text = SizeOfAspectRatio(ratio_.value_or("1:1"), tier ? *size_ : "");
    if (text && ratio_to_say) ratio_in_size_ = true;
    if (!text && tier) text = SizeOfAspectRatio("1:1", *size_);
    return text ? ParsePixels(*text) : std::nullopt;
  }

  void SelectAuto() {
    bool free_form = rules_.limits.sizes().empty() && rules_.form == catalog::v1::SIZE_FORM_PIXELS;
    bool understood = free_form || FindListed(rules_.limits.sizes(), "auto") != nullptr;
    if (size_is_auto_ && rules_.takes_size && understood && !chosen_.size && !chosen_.pixels) {
      chosen_.size = "auto";
    }
    if (ratio_is_auto_ && rules_.takes_ratio && !chosen_.aspect_ratio &&
        FindListed(rules_.limits.aspect_ratios(), "auto") != nullptr) {
      chosen_.aspect_ratio = "auto";
    }
  }

  void ReportRatio() {
    if (!ratio_) return;
    if (chosen_.aspect_ratio) {
      if (*chosen_.aspect_ratio != *ratio_) {
        chosen_.changed.push_back(Changed("aspect_ratio", *chosen_.aspect_ratio));
      }
    } else if (ratio_in_size_) {
      chosen_.changed.push_back(Changed("aspect_ratio", sent_size_));
    } else if (sent_size_.empty() || !SaysRatio(sent_size_)) {
      chosen_.ignored.emplace_back("aspect_ratio");
    }
  }

  void ReportSize() {
    if (!size_) return;
    bool as_ratio = pixels_ && chosen_.aspect_ratio && (!ratio_ || SaysRatio(*size_));
    if (!sent_size_.empty()) {
      if (absl::EqualsIgnoreCase(sent_size_, *size_)) return;
      bool ratio_too = as_ratio && !ratio_ && !ParsePixels(sent_size_);
      chosen_.changed.push_back(
          Changed("size", ratio_too ? absl::StrCat(*chosen_.aspect_ratio, "@", sent_size_) : sent_size_));
    } else if (as_ratio) {
      chosen_.changed.push_back(Changed("size", *chosen_.aspect_ratio));
    } else {
      chosen_.ignored.emplace_back("size");
    }
  }

  // Whether a size in pixels has the ratio that was asked for, about.
  bool SaysRatio(absl::string_view size) const {
    std::optional<PixelSize> pixels = ParsePixels(size);
    std::optional<double> ratio = ParseRatio(*ratio_);
    if (!pixels || !ratio) return false;
    // Less than half of what lies between the nearest two that image models know, 5:4 and 4:3.
    constexpr double kAboutSame = 0.03;
    return Apart(static_cast<double>(pixels->width) / pixels->height, *ratio) < kAboutSame;
  }

  void SendSize(std::string text) {
    sent_size_ = text;
    chosen_.size = std::move(text);
  }

  const ShapeRules& rules_;
  Parameters& chosen_;
  // As asked for; empty for nothing and for `auto`.
  std::optional<std::string> size_;
  std::optional<PixelSize> pixels_;  // of size_
  std::optional<std::string> ratio_;
  bool size_is_auto_ = false;
  bool ratio_is_auto_ = false;
  // What of it goes out in size, or in width and height.
  std::string sent_size_;
  bool ratio_in_size_ = false;
};

}  // namespace

void SelectShape(const v1::GenerateImagesRequest& request, const ShapeRules& rules, Parameters& chosen) {
  if (!request.has_size() && !request.has_aspect_ratio()) return;
  ShapeSelector(request, rules, chosen).Select();
}

}  // namespace prismatic::provider_proxy
