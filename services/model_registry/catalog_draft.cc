#include "services/model_registry/catalog_draft.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/money/money.h"
#include "services/model_registry/catalog_defaults.h"
#include "services/model_registry/catalog_words.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;
using Texts = google::protobuf::RepeatedPtrField<std::string>;
using NameValues = google::protobuf::RepeatedPtrField<pb::NameValue>;

// One map in the making: each of these puts nothing where the value is the default.
class MapDraft {
 public:
  explicit MapDraft(YamlDraft map = YamlDraft::Map()) : map_(std::move(map)) {}

  void Text(absl::string_view key, absl::string_view text, absl::string_view otherwise = "") {
    if (!text.empty() && text != otherwise) map_.Put(key, YamlDraft::Text(text));
  }
  // 0 is what an older catalog has that does not know the field yet.
  void Number(absl::string_view key, int64_t number, int64_t otherwise = 0) {
    if (number != 0 && number != otherwise) AnyNumber(key, number);
  }
  void AnyNumber(absl::string_view key, int64_t number) {
    map_.Put(key, YamlDraft::AsIs(absl::StrCat(number)));
  }
  void Switch(absl::string_view key, bool on) {
    if (on) map_.Put(key, YamlDraft::AsIs("true"));
  }
  void Word(absl::string_view key, int value, const Words& words) { Text(key, NameOf(value, words)); }
  void List(absl::string_view key, const Texts& texts) {
    if (texts.empty()) return;
    YamlDraft list = YamlDraft::List();
    for (const std::string& text : texts) list.Add(YamlDraft::Text(text));
    map_.Put(key, std::move(list));
  }
  void Map(absl::string_view key, const NameValues& values) {
    if (values.empty()) return;
    YamlDraft map = YamlDraft::Map();
    for (const pb::NameValue& each : values) map.Put(each.name(), YamlDraft::Text(each.value()));
    map_.Put(key, std::move(map));
  }
  void JsonMap(absl::string_view key, const NameValues& values) {
    if (values.empty()) return;
    YamlDraft map = YamlDraft::Map();
    for (const pb::NameValue& each : values) map.Put(each.name(), YamlDraft::FromJson(each.value()));
    map_.Put(key, std::move(map));
  }
  void Put(absl::string_view key, YamlDraft value) { map_.Put(key, std::move(value)); }

  YamlDraft Take() { return std::move(map_); }

 private:
  YamlDraft map_;
};

YamlDraft EndpointDraft(const pb::Endpoint& endpoint) {
  MapDraft map;
  map.Text("path", endpoint.path());
  map.Text("reference_path", endpoint.reference_path());
  map.Map("query", endpoint.query());
  map.Text("auth_header", endpoint.auth_header());
  map.Word("auth_scheme", endpoint.auth_scheme(), AuthSchemes());
  map.Map("headers", endpoint.headers());
  return map.Take();
}

YamlDraft LimitsDraft(const pb::ParameterLimits& limits) {
  MapDraft map;
  map.List("sizes", limits.sizes());
  map.List("aspect_ratios", limits.aspect_ratios());
  map.List("qualities", limits.qualities());
  map.List("styles", limits.styles());
  map.List("output_formats", limits.output_formats());
  map.Number("side_min", limits.side_min());
  map.Number("side_max", limits.side_max());
  map.Number("side_multiple", limits.side_multiple());
  map.Number("seed_max", limits.seed_max());
  return map.Take();
}

YamlDraft RouteDraft(const pb::Route& route, const FormatsByName& formats) {
  MapDraft map(YamlDraft::TallMap());
  map.Text("provider", route.provider());
  map.Text("upstream_model", route.upstream_model());
  if (route.priority() != kPriorityDefault) map.AnyNumber("priority", route.priority());
  map.Number("weight", route.weight(), kWeightDefault);
  map.List("supported_parameters", route.supported_parameters());
  map.Number("max_images_per_call", route.max_images_per_call(), kMaxImagesPerCallDefault);
  if (route.reference_images() != pb::REFERENCE_IMAGES_NONE) {
    map.Word("reference_images", route.reference_images(), ReferenceImageWords());
  }
  map.Switch("retry_safe", route.retry_safe());
  map.Switch("disabled", route.disabled());
  map.Number("max_image_bytes", route.max_image_bytes(), kMaxImageBytesDefault);
  map.Word("size_form", route.size_form(), SizeForms());
  map.Switch("fold_negative_prompt", route.fold_negative_prompt());
  map.Text("base64_word", route.base64_word(), kBase64WordDefault);
  map.Word("reference_form", route.reference_form(), ReferenceForms());
  map.Switch("inline_references", route.inline_references());
  map.Number("max_reference_images", route.max_reference_images(),
             MaxReferenceImagesDefault(route.reference_form()));
  map.Map("field_names", route.field_names());
  map.JsonMap("extra_fields", route.extra_fields());
  auto format = formats.find(route.provider());
  bool by_itself = format != formats.end() && IsModalitiesDefault(route.modalities(), format->second);
  if (!by_itself) map.List("modalities", route.modalities());
  if (route.has_limits()) map.Put("limits", LimitsDraft(route.limits()));
  return map.Take();
}

YamlDraft CapabilityWords(const pb::Model& model) {
  YamlDraft words = YamlDraft::List();
  for (int capability : model.capabilities()) words.Add(YamlDraft::Text(NameOf(capability, Capabilities())));
  return words;
}

}  // namespace

FormatsByName FormatsOf(const pb::Catalog& catalog) {
  FormatsByName formats;
  for (const pb::Provider& provider : catalog.providers())
    formats.emplace(provider.name(), provider.wire_format());
  return formats;
}

YamlDraft ProviderDraft(const pb::Provider& provider) {
  MapDraft map;
  map.Text("name", provider.name());
  map.Word("wire_format", provider.wire_format(), WireFormats());
  map.Text("base_url", provider.base_url());
  if (provider.credentials_size() == 1) {
    map.Text("credential", provider.credentials(0));
  } else {
    map.List("credentials", provider.credentials());
  }
  map.Switch("images_enabled", provider.has_images_override() ? provider.images_override().file_enabled()
                                                              : provider.images_enabled());
  map.Number("max_concurrent", provider.max_concurrent(), kMaxConcurrentDefault);
  map.List("fetch_hosts", provider.fetch_hosts());
  if (provider.has_endpoint()) map.Put("endpoint", EndpointDraft(provider.endpoint()));
  map.Number("timeout_seconds", provider.timeout_seconds(), kTimeoutSecondsDefault);
  map.Text("egress_proxy", provider.egress_proxy());
  map.Word("job_mapping", provider.job_mapping(), JobMappings());
  map.List("poll_hosts", provider.poll_hosts());
  return map.Take();
}

YamlDraft ModelDraft(const pb::Model& model, const FormatsByName& formats) {
  MapDraft map;
  map.Text("name", model.name());
  map.List("public_ids", model.public_ids());
  map.Text("owned_by", model.owned_by());
  map.Number("created", model.created());
  map.Put("capabilities", CapabilityWords(model));
  if (!model.prices().empty()) {
    Money price = Money::FromNanos(model.prices(0).retail_generation_nano_usd());
    map.Put("retail_generation_usd", YamlDraft::Quoted(price.ToDecimal()));
  }
  map.Number("quota_units_per_image", model.quota_units_per_image(), kQuotaUnitsDefault);
  if (model.routes().empty()) return map.Take();
  YamlDraft routes = YamlDraft::List();
  for (const pb::Route& route : model.routes()) routes.Add(RouteDraft(route, formats));
  map.Put("routes", std::move(routes));
  return map.Take();
}

}  // namespace prismatic::model_registry
