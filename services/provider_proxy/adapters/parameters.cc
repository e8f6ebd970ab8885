#include "services/provider_proxy/adapters/parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/shape_selector.h"

namespace prismatic::provider_proxy {
namespace {

using Values = google::protobuf::RepeatedPtrField<std::string>;

// Goes through the parameters one by one, in the order in which they are reported.
class Selector {
 public:
  Selector(const catalog::v1::Route& route, const FormatFields& format, Parameters& chosen)
      : route_(route), format_(format), chosen_(chosen) {}

  bool Takes(absl::string_view name) const {
    return std::find(format_.known.begin(), format_.known.end(), name) != format_.known.end() &&
           std::find(route_.supported_parameters().begin(), route_.supported_parameters().end(), name) !=
               route_.supported_parameters().end();
  }

  template <typename T>
  void Pass(absl::string_view name, bool asked, const T& value, std::optional<T>& out) {
    if (!asked) return;
    if (Takes(name)) {
      out = value;
    } else {
      chosen_.ignored.emplace_back(name);
    }
  }

  // One of a list, in the list's spelling; anything when the list is empty.
  void PassListed(absl::string_view name, bool asked, const std::string& value, const Values& list,
                  std::optional<std::string>& out) {
    if (!asked) return;
    const std::string* listed = list.empty() ? &value : nullptr;
    for (const std::string& each : list) {
      if (absl::EqualsIgnoreCase(each, value)) listed = &each;
    }
    if (listed != nullptr && Takes(name)) {
      out = *listed;
    } else {
      chosen_.ignored.emplace_back(name);
    }
  }

  void PassSeed(bool asked, int64_t seed) {
    int64_t max = route_.limits().seed_max();
    bool within = max <= 0 || (seed >= 0 && seed <= max);
    if (asked && !within) {
      chosen_.ignored.emplace_back("seed");
    } else {
      Pass("seed", asked, seed, chosen_.seed);
    }
  }

  void PassNegativePrompt(const v1::GenerateImagesRequest& request) {
    if (!route_.fold_negative_prompt()) {
      return Pass("negative_prompt", request.has_negative_prompt(), request.negative_prompt(),
                  chosen_.negative_prompt);
    }
    if (!request.negative_prompt().empty()) {
      absl::StrAppend(&chosen_.prompt, "\n\nAvoid: ", request.negative_prompt());
    }
  }

  void PassResponseFormat(v1::ResponseFormat format) {
    if (!Takes("response_format")) return;
    if (format == v1::RESPONSE_FORMAT_B64_JSON) {
      chosen_.response_format = route_.base64_word().empty() ? "b64_json" : route_.base64_word();
    } else if (format == v1::RESPONSE_FORMAT_URL) {
      chosen_.response_format = "url";
    }
  }

 private:
  const catalog::v1::Route& route_;
  const FormatFields& format_;
  Parameters& chosen_;
};

}  // namespace

Parameters SelectParameters(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                            const FormatFields& format) {
  Parameters chosen;
  Selector selector(route, format, chosen);
  const catalog::v1::ParameterLimits& limits = route.limits();
  chosen.n = selector.Takes("n");
  chosen.prompt = request.prompt();
  selector.PassNegativePrompt(request);
  SelectShape(
      request,
      {.form = route.size_form() == catalog::v1::SIZE_FORM_UNSPECIFIED ? format.size_form : route.size_form(),
       .takes_size = selector.Takes("size"),
       .takes_ratio = selector.Takes("aspect_ratio"),
       .limits = limits},
      chosen);
  selector.PassListed("quality", request.has_quality(), request.quality(), limits.qualities(),
                      chosen.quality);
  selector.PassListed("style", request.has_style(), request.style(), limits.styles(), chosen.style);
  selector.PassSeed(request.has_seed(), request.seed());
  selector.Pass("background", request.has_background(), request.background(), chosen.background);
  selector.Pass("moderation", request.has_moderation(), request.moderation(), chosen.moderation);
  selector.PassListed("output_format", request.has_output_format(), request.output_format(),
                      limits.output_formats(), chosen.output_format);
  selector.Pass("output_compression", request.has_output_compression(), int32_t{request.output_compression()},
                chosen.output_compression);
  selector.Pass("user", request.has_user(), request.user(), chosen.user);
  selector.PassResponseFormat(request.response_format());
  return chosen;
}

}  // namespace prismatic::provider_proxy
