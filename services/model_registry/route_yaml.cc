#include "services/model_registry/route_yaml.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_defaults.h"
#include "services/model_registry/catalog_keys.h"
#include "services/model_registry/catalog_values.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/endpoint_values.h"
#include "services/model_registry/limits_yaml.h"
#include "services/model_registry/route_fields.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;

constexpr int64_t kMaxImageBytesMax = int64_t{32} << 20;
constexpr int kReferenceImagesMax = 16;

constexpr char kReferenceFormTakers[] =
    "openai_images, and `string` and `strings` for jobs of fal and replicate,";

// How a wire format takes reference images.
pb::ReferenceImages ReferenceImagesOf(pb::WireFormat format) {
  return format == pb::WIRE_FORMAT_CHAT_COMPLETIONS ? pb::REFERENCE_IMAGES_CHAT : pb::REFERENCE_IMAGES_NATIVE;
}

bool IsChat(pb::WireFormat format) { return format == pb::WIRE_FORMAT_CHAT_COMPLETIONS; }
bool IsGemini(pb::WireFormat format) { return format == pb::WIRE_FORMAT_GEMINI; }

// Whether the provider's requests have the upstream's model ID in their path.
bool HasModelInPath(const pb::Provider& provider) {
  const pb::Endpoint& endpoint = provider.endpoint();
  if (absl::StrContains(endpoint.path(), "{model}") ||
      absl::StrContains(endpoint.reference_path(), "{model}")) {
    return true;
  }
  // What the formats do by themselves.
  return endpoint.path().empty() &&
         (IsGemini(provider.wire_format()) || provider.wire_format() == pb::WIRE_FORMAT_ASYNC_JOB);
}

class RouteReader {
 public:
  RouteReader(const YamlFields& fields, YamlErrors& errors, pb::Route& route)
      : fields_(fields), errors_(errors), route_(route) {}

  void Read(const ProvidersByName& providers) {
    ReadProviderName(providers);
    route_.set_upstream_model(fields_.RequiredChecked("upstream_model", CheckUpstreamModel));
    if (provider_ != nullptr && !route_.upstream_model().empty() && HasModelInPath(*provider_)) {
      std::string wrong = CheckModelInPath(route_.upstream_model());
      if (!wrong.empty()) fields_.Note("upstream_model", wrong);
    }
    ReadShares();
    ReadParameters();
    ReadReferences();
    ReadSizeForm();
    ReadModalities();
    if (const YamlNode* limits = fields_.Find("limits")) {
      ReadLimits(*limits, fields_.Path("limits"), SizeFormInForce(), errors_, *route_.mutable_limits());
    }
    ReadFieldNames(fields_, format_, errors_, route_);
    ReadExtraFields(fields_, format_, errors_, route_);
  }

 private:
  void ReadProviderName(const ProvidersByName& providers) {
    route_.set_provider(fields_.RequiredChecked("provider", CheckProviderName));
    if (route_.provider().empty()) return;
    auto found = providers.find(route_.provider());
    if (found != providers.end()) {
      provider_ = found->second;
      format_ = provider_->wire_format();
      return;
    }
    std::vector<absl::string_view> names;
    for (const auto& [name, provider] : providers) names.push_back(name);
    // Among equally near ones always the same.
    std::sort(names.begin(), names.end());
    std::string nearest = NearestWord(route_.provider(), names);
    fields_.Note("provider",
                 absl::StrCat("there is no provider `", route_.provider(), "`",
                              nearest.empty() ? "" : absl::StrCat("; did you mean `", nearest, "`?")));
  }

  void ReadShares() {
    auto number = [&](absl::string_view key, int64_t min, int64_t max, int64_t otherwise) {
      return static_cast<int32_t>(fields_.Integer(key, min, max).value_or(otherwise));
    };
    route_.set_priority(number("priority", 0, 1'000, kPriorityDefault));
    route_.set_weight(number("weight", 1, 10'000, kWeightDefault));
    route_.set_max_images_per_call(number("max_images_per_call", 1, 10, kMaxImagesPerCallDefault));
    route_.set_retry_safe(fields_.Switch("retry_safe").value_or(false));
    route_.set_disabled(fields_.Switch("disabled").value_or(false));
    route_.set_max_image_bytes(
        fields_.Integer("max_image_bytes", 1, kMaxImageBytesMax).value_or(kMaxImageBytesDefault));
  }

  void ReadParameters() {
    fields_.EachWord("supported_parameters", Parameters(),
                     [&](const YamlNode& node, const std::string& path, int) {
                       std::string wrong = ParameterTrouble(node.text);
                       if (!wrong.empty()) return errors_.Add(node, path, wrong);
                       route_.add_supported_parameters(node.text);
                     });
    route_.set_fold_negative_prompt(fields_.Switch("fold_negative_prompt").value_or(false));
    std::string word = fields_.Checked("base64_word", CheckFieldName);
    route_.set_base64_word(word.empty() ? kBase64WordDefault : word);
  }

  std::string ParameterTrouble(absl::string_view name) const {
    if (name == "negative_prompt" && (IsChat(format_) || IsGemini(format_))) {
      return absl::StrCat(NameOf(format_, WireFormats()),
                          " has no field for a negative prompt; say `fold_negative_prompt: true` instead");
    }
    if (name == "response_format" && IsGptImageModel(route_.upstream_model())) {
      return "GPT image models refuse response_format; leave it out, they always answer with base64";
    }
    return "";
  }

  void ReadReferences() {
    auto form = static_cast<pb::ReferenceImages>(
        fields_.Word("reference_images", ReferenceImageWords()).value_or(pb::REFERENCE_IMAGES_NONE));
    route_.set_reference_images(form);
    bool known = format_ != pb::WIRE_FORMAT_UNSPECIFIED;
    if (known && form != pb::REFERENCE_IMAGES_NONE && form != ReferenceImagesOf(format_)) {
      fields_.Note("reference_images",
                   absl::StrCat("the provider `", route_.provider(), "` speaks ",
                                NameOf(format_, WireFormats()), ", which takes reference images as `",
                                NameOf(ReferenceImagesOf(format_), ReferenceImageWords()), "`, not as `",
                                NameOf(form, ReferenceImageWords()), "`"));
    }
    route_.set_reference_form(static_cast<pb::ReferenceForm>(
        fields_.Word("reference_form", ReferenceForms()).value_or(pb::REFERENCE_FORM_UNSPECIFIED)));
    if (known && !TakesReferenceForm()) OnlyFor("reference_form", kReferenceFormTakers);
    route_.set_inline_references(fields_.Switch("inline_references").value_or(false));
    bool one = route_.reference_form() == pb::REFERENCE_FORM_STRING;
    int64_t images = fields_.Integer("max_reference_images", 1, kReferenceImagesMax)
                         .value_or(MaxReferenceImagesDefault(route_.reference_form()));
    route_.set_max_reference_images(static_cast<int32_t>(images));
    if (one && images > 1) {
      fields_.Note("max_reference_images", "must be 1: the reference_form `string` holds one image");
    }
  }

  // The jobs of fal and Replicate have models that want one URL and models that want a list.
  bool TakesReferenceForm() const {
    if (format_ == pb::WIRE_FORMAT_OPENAI_IMAGES) return true;
    bool job = provider_->job_mapping() == pb::JOB_MAPPING_FAL ||
               provider_->job_mapping() == pb::JOB_MAPPING_REPLICATE;
    return job && (route_.reference_form() == pb::REFERENCE_FORM_STRINGS ||
                   route_.reference_form() == pb::REFERENCE_FORM_STRING);
  }

  void ReadSizeForm() {
    std::optional<int> word = fields_.Word("size_form", SizeForms());
    if (!word.has_value()) return;
    auto form = static_cast<pb::SizeForm>(*word);
    route_.set_size_form(form);
    if (form == pb::SIZE_FORM_WIDTH_HEIGHT && (IsChat(format_) || IsGemini(format_))) {
      fields_.Note("size_form",
                   absl::StrCat(NameOf(format_, WireFormats()), " has no fields for width and height"));
    }
    if (form != pb::SIZE_FORM_WIDTH_HEIGHT && format_ == pb::WIRE_FORMAT_SDAPI) {
      fields_.Note("size_form", "sdapi knows nothing but width_height");
    }
  }

  // Unspecified where both pixels and tiers may be meant.
  pb::SizeForm SizeFormInForce() const {
    if (route_.size_form() != pb::SIZE_FORM_UNSPECIFIED) return route_.size_form();
    if (IsChat(format_) || IsGemini(format_)) return pb::SIZE_FORM_TIER;
    return format_ == pb::WIRE_FORMAT_SDAPI ? pb::SIZE_FORM_WIDTH_HEIGHT : pb::SIZE_FORM_UNSPECIFIED;
  }

  // Absent: what the format asks for by itself, written down.
  void ReadModalities() {
    bool known = format_ != pb::WIRE_FORMAT_UNSPECIFIED;
    if (known && !IsChat(format_) && !IsGemini(format_))
      return OnlyFor("modalities", "chat_completions and gemini");
    bool image = false;
    fields_.EachWord("modalities", Modalities(), [&](const YamlNode& word, const std::string&, int) {
      route_.add_modalities(word.text);
      image = image || word.text == "image";
    });
    const YamlNode* node = fields_.Find("modalities");
    if (node != nullptr) {
      if (!image && node->kind == YamlNode::Kind::kSequence)
        fields_.Note("modalities", "must contain `image`");
      return;
    }
    if (IsChat(format_) || IsGemini(format_)) route_.add_modalities("image");
    if (IsChat(format_)) route_.add_modalities("text");
  }

  void OnlyFor(absl::string_view key, absl::string_view formats) {
    if (fields_.Find(key) == nullptr) return;
    fields_.Note(key, absl::StrCat("is for ", formats, " only; the provider `", route_.provider(),
                                   "` speaks ", NameOf(format_, WireFormats())));
  }

  const YamlFields& fields_;
  YamlErrors& errors_;
  pb::Route& route_;
  const pb::Provider* provider_ = nullptr;               // nullptr: noted
  pb::WireFormat format_ = pb::WIRE_FORMAT_UNSPECIFIED;  // of the provider
};

}  // namespace

void ReadRoute(const YamlNode& node, const std::string& path, const ProvidersByName& providers,
               YamlErrors& errors, catalog::v1::Route& route) {
  YamlFields fields(node, path, RouteKeys(), errors);
  RouteReader(fields, errors, route).Read(providers);
}

}  // namespace prismatic::model_registry
