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
// Less than half of what lies between the nearest two ratios that image models know, 5:4 and 4:3.
constexpr double kAboutSame = 0.03;
// A tier stands for what is nearer to it than to the double and the half of it.
const double kTierReach = std::log(2) / 2;

const std::string* FindListed(const Values& list, absl::string_view value) {
  for (const std::string& each : list) {
    if (absl::EqualsIgnoreCase(each, value)) return &each;
  }
  return nullptr;
}

// The listed size that is nearest in its ratio, and among equals in its area; a tier counts as its square.
// Null when none is listed.
const std::string* NearestSize(const Values& list, const PixelSize& wanted) {
  const std::string* nearest = nullptr;
  double best_ratio = 0, best_side = 0;
  for (const std::string& each : list) {
    std::optional<PixelSize> size = PixelsOrSquare(each);
    if (!size) continue;
    double ratio_apart = Apart(RatioOf(*size), RatioOf(wanted));
    double side_apart = Apart(SideOf(*size), SideOf(wanted));
    bool same_ratio = std::abs(ratio_apart - best_ratio) <= kSame;
    bool same_side = std::abs(side_apart - best_side) <= kSame;
    bool nearer = same_ratio ? side_apart < best_side && !same_side : ratio_apart < best_ratio;
    // Of a tier and its square in pixels the latter says more.
    bool clearer =
        same_ratio && same_side && nearest != nullptr && !ParsePixels(*nearest) && ParsePixels(each);
    if (nearest != nullptr && !nearer && !clearer) continue;
    nearest = &each;
    best_ratio = ratio_apart;
    best_side = side_apart;
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
    DropContradiction();
    SelectRatio();
    if (rules_.takes_size) {
      if (rules_.form == catalog::v1::SIZE_FORM_TIER) {
        SelectTier();
      } else {
        SelectPixels();
      }
    }
    ResolveContradiction();
    if (!ParsePixels(sent_size_)) RatioFromPixels();
    SelectAuto();
    ReportRatio();
    ReportSize();
    if (RatioIsOff() || PixelsAreOff() || TierIsOff()) chosen_.approximated = true;
  }

 private:
  // Of two that contradict each other an upstream that gets both refuses the call, or follows either.
  void DropContradiction() {
    if (!rules_.takes_size || !rules_.takes_ratio || !pixels_ || !ratio_ || SaysRatio(*pixels_)) return;
    ratio_.reset();
    chosen_.ignored.emplace_back("aspect_ratio");
  }

  // The same when it was the limits that moved them apart.
  void ResolveContradiction() {
    std::optional<PixelSize> sent = ParsePixels(sent_size_);
    if (!sent || !chosen_.aspect_ratio) return;
    std::optional<double> ratio = ParseRatio(*chosen_.aspect_ratio);
    if (ratio && Apart(RatioOf(*sent), *ratio) < kAboutSame) return;
    if (pixels_ && SaysRatio(*sent)) {
      chosen_.aspect_ratio.reset();
      return;
    }
    chosen_.size.reset();
    chosen_.pixels.reset();
    sent_size_.clear();
    chosen_.approximated = pixels_.has_value();
  }

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
    } else if (const std::string* nearest = NearestRatio(list, RatioOf(*pixels_))) {
      chosen_.aspect_ratio = *nearest;
    }
  }

  void SelectTier() {
    if (!size_) return;
    const Values& list = rules_.limits.sizes();
    if (const std::string* listed = FindListed(list, *size_); listed != nullptr) {
      SendTier(*listed);
    } else if (pixels_) {
      std::string tier = NearestTier(list, SideOf(*pixels_));
      tier_side_ = TierSide(tier);
      // 1K is what every model makes by itself: it is not worth a field that one may not know.
      if (!tier.empty() && (!list.empty() || tier != "1K")) SendTier(tier);
    } else if (int side = TierSide(*size_); side > 0) {
      std::string tier = list.empty() ? absl::AsciiStrToUpper(*size_) : NearestTier(list, side);
      if (!tier.empty()) SendTier(tier);
    }
  }

  void SelectPixels() {
    const Values& list = rules_.limits.sizes();
    if (size_) {
      if (const std::string* listed = FindListed(list, *size_); listed != nullptr && SendListed(*listed))
        return;
    }
    wanted_ = WantedPixels();
    if (!wanted_) return;
    if (!list.empty()) {
      if (const std::string* nearest = NearestSize(list, *wanted_)) SendNearest(*nearest);
    } else if (std::optional<PixelSize> within = WithinSides(*wanted_, rules_.limits)) {
      SendPixels(*within);
    }
    if (sent_size_.empty()) ratio_in_size_ = false;
  }

  void SendNearest(const std::string& listed) {
    std::optional<PixelSize> pixels = ParsePixels(listed);
    if (pixels) return SendPixels(*pixels);
    // A tier says no ratio but its square's.
    if (ratio_in_size_ && !SaysRatio(*PixelsOrSquare(listed))) ratio_in_size_ = false;
    if (size_ || ratio_in_size_) SendTier(listed);
  }

  // A listed size as it is: also a tier, where the field takes both.
  bool SendListed(const std::string& listed) {
    if (std::optional<PixelSize> pixels = ParsePixels(listed)) {
      SendPixels(*pixels);
      return true;
    }
    if (rules_.form == catalog::v1::SIZE_FORM_WIDTH_HEIGHT) return false;
    // Pixels say a ratio that cannot be said beside a tier.
    std::optional<PixelSize> square = PixelsOrSquare(listed);
    if (ratio_ && !chosen_.aspect_ratio && !(square && SaysRatio(*square))) return false;
    SendTier(listed);
    return true;
  }

  // What the request asks for in pixels; empty when it asks for nothing that they can say.
  std::optional<PixelSize> WantedPixels() {
    if (pixels_) return pixels_;
    bool tier = size_ && TierSide(*size_) > 0;
    bool ratio_to_say = ratio_ && !chosen_.aspect_ratio;
    if (!tier && !ratio_to_say) return std::nullopt;
    // The ratio that goes out beside it, if one does.
    std::string ratio = chosen_.aspect_ratio.value_or(ratio_.value_or("1:1"));
    std::optional<std::string> text = SizeOfAspectRatio(ratio, tier ? *size_ : "");
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
    } else if (std::optional<PixelSize> sent = SentPixels(); !sent || !SaysRatio(*sent)) {
      chosen_.ignored.emplace_back("aspect_ratio");
    }
  }

  void ReportSize() {
    if (!size_) return;
    bool as_ratio = pixels_ && chosen_.aspect_ratio && (!ratio_ || SaysRatio(*pixels_));
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

  // Whether a size has the ratio that was asked for, about.
  bool SaysRatio(const PixelSize& size) const {
    std::optional<double> ratio = ParseRatio(*ratio_);
    return ratio && Apart(RatioOf(size), *ratio) < kAboutSame;
  }

  // What goes out in pixels; a tier in their place counts as its square.
  std::optional<PixelSize> SentPixels() const {
    return rules_.form == catalog::v1::SIZE_FORM_TIER ? ParsePixels(sent_size_) : PixelsOrSquare(sent_size_);
  }

  // These three: whether something else is sent than was asked for, beyond another spelling of it. What is
  // left out altogether is none of that.
  bool RatioIsOff() const {
    if (!ratio_) return false;
    if (!chosen_.aspect_ratio) {
      std::optional<PixelSize> sent = SentPixels();
      return ratio_in_size_ && sent && !SaysRatio(*sent);
    }
    if (*chosen_.aspect_ratio == *ratio_) return false;
    std::optional<double> asked = ParseRatio(*ratio_), sent = ParseRatio(*chosen_.aspect_ratio);
    return !asked || !sent || Apart(*asked, *sent) > kSame;
  }

  bool PixelsAreOff() const {
    if (!pixels_) return false;
    if (std::optional<PixelSize> sent = ParsePixels(sent_size_)) {
      return sent->width != pixels_->width || sent->height != pixels_->height;
    }
    bool ignored = sent_size_.empty() && ratio_ && !SaysRatio(*pixels_);
    if (ignored) return false;
    // A tier alone is a square; a ratio may stand beside it, or alone where no size is taken.
    std::optional<double> ratio = chosen_.aspect_ratio ? ParseRatio(*chosen_.aspect_ratio) : std::nullopt;
    if (!ratio && !sent_size_.empty()) ratio = 1;
    if (ratio && Apart(*ratio, RatioOf(*pixels_)) >= kAboutSame) return true;
    // Where the field is one of pixels, a tier could be missed by little only.
    double reach = rules_.form == catalog::v1::SIZE_FORM_TIER ? kTierReach : kSame;
    return tier_side_ > 0 && Apart(tier_side_, SideOf(*pixels_)) > reach;
  }

  bool TierIsOff() const {
    if (!size_ || pixels_ || sent_size_.empty()) return false;
    if (std::optional<PixelSize> sent = ParsePixels(sent_size_)) {
      return !wanted_ || Apart(SideOf(*sent), SideOf(*wanted_)) >= kAboutSame;
    }
    return !absl::EqualsIgnoreCase(sent_size_, *size_) && TierSide(sent_size_) != TierSide(*size_);
  }

  void SendPixels(const PixelSize& pixels) {
    sent_size_ = PixelsText(pixels);
    if (rules_.form == catalog::v1::SIZE_FORM_WIDTH_HEIGHT) {
      chosen_.pixels = pixels;
    } else {
      chosen_.size = sent_size_;
    }
  }

  void SendTier(const std::string& text) {
    sent_size_ = text;
    chosen_.size = text;
    tier_side_ = TierSide(text);
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
  // Of the tier that goes out, or that is understood without being sent. 0: none.
  int tier_side_ = 0;
  // What would say it all in pixels, before the limits; where it was needed.
  std::optional<PixelSize> wanted_;
};

}  // namespace

void SelectShape(const v1::GenerateImagesRequest& request, const ShapeRules& rules, Parameters& chosen) {
  if (!request.has_size() && !request.has_aspect_ratio()) return;
  ShapeSelector(request, rules, chosen).Select();
}

}  // namespace prismatic::provider_proxy
