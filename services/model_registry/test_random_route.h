#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_RANDOM_ROUTE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_RANDOM_ROUTE_H_

#include <set>
#include <string>
#include <utility>

#include "services/model_registry/test_random_catalog.h"

// The routes of a RandomCatalog.

namespace prismatic::model_registry {

inline Spelled RandomCatalog::Route(catalog::v1::Route& route) {
  const catalog::v1::Provider& provider = catalog_.providers(Below(random_, catalog_.providers_size()));
  Spelled map = Spelled::Map();
  route.set_provider(provider.name());
  map.Put("provider", Spelled::Text(route.provider()));
  int format = provider.wire_format();
  bool in_path = format == catalog::v1::WIRE_FORMAT_GEMINI || format == catalog::v1::WIRE_FORMAT_ASYNC_JOB ||
                 provider.endpoint().path().find("{model}") != std::string::npos;
  route.set_upstream_model(UpstreamModel(in_path));
  map.Put("upstream_model", Spelled::Text(route.upstream_model()));
  Number(map, "priority", 0, 1'000, 1, [&](int64_t n) { route.set_priority(static_cast<int32_t>(n)); });
  Number(map, "weight", 1, 10'000, 100, [&](int64_t n) { route.set_weight(static_cast<int32_t>(n)); });
  Number(map, "max_images_per_call", 1, 10, 1,
         [&](int64_t n) { route.set_max_images_per_call(static_cast<int32_t>(n)); });
  Switch(map, "retry_safe", [&](bool on) { route.set_retry_safe(on); });
  Switch(map, "disabled", [&](bool on) { route.set_disabled(on); });
  Number(map, "max_image_bytes", 1, 33'554'432, 8'388'608, [&](int64_t n) { route.set_max_image_bytes(n); });
  Switch(map, "fold_negative_prompt", [&](bool on) { route.set_fold_negative_prompt(on); });
  route.set_base64_word(OneOf<std::string>(random_, {"b64_json", "base64", "null", "1e3"}));
  if (route.base64_word() != "b64_json" || Chance(random_, 30))
    map.Put("base64_word", Spelled::Text(route.base64_word()));
  Switch(map, "inline_references", [&](bool on) { route.set_inline_references(on); });
  Parameters_(route, provider, map);
  References(route, provider, map);
  Forms(route, provider, map);
  Fields(route, map);
  return map;
}

inline void RandomCatalog::Parameters_(catalog::v1::Route& route, const catalog::v1::Provider& provider,
                                       Spelled& map) {
  bool no_negative = provider.wire_format() == catalog::v1::WIRE_FORMAT_GEMINI ||
                     provider.wire_format() == catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS;
  Spelled list = Spelled::List();
  for (const auto& [word, value] : SomeOf(Parameters())) {
    if (no_negative && word == "negative_prompt") continue;
    route.add_supported_parameters(std::string(word));
    list.Add(Spelled::Text(std::string(word)));
  }
  if (!list.elements.empty() || Chance(random_, 30)) map.Put("supported_parameters", std::move(list));
}

inline void RandomCatalog::References(catalog::v1::Route& route, const catalog::v1::Provider& provider,
                                      Spelled& map) {
  bool chat = provider.wire_format() == catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS;
  bool takes = Chance(random_, 50);
  route.set_reference_images(!takes ? catalog::v1::REFERENCE_IMAGES_NONE
                             : chat ? catalog::v1::REFERENCE_IMAGES_CHAT
                                    : catalog::v1::REFERENCE_IMAGES_NATIVE);
  if (takes || Chance(random_, 30))
    map.Put("reference_images", Spelled::Text(!takes ? "none" : chat ? "chat" : "native"));
  bool images_api = provider.wire_format() == catalog::v1::WIRE_FORMAT_OPENAI_IMAGES;
  bool job = provider.job_mapping() == catalog::v1::JOB_MAPPING_FAL ||
             provider.job_mapping() == catalog::v1::JOB_MAPPING_REPLICATE;
  if ((images_api || job) && Chance(random_, 50)) {
    size_t forms = images_api ? ReferenceForms().size() : 2;
    const auto& [word, form] = ReferenceForms()[static_cast<size_t>(Below(random_, static_cast<int>(forms)))];
    route.set_reference_form(static_cast<catalog::v1::ReferenceForm>(form));
    map.Put("reference_form", Spelled::Text(std::string(word)));
  }
  bool one = route.reference_form() == catalog::v1::REFERENCE_FORM_STRING;
  Number(map, "max_reference_images", 1, one ? 1 : 16, one ? 1 : 16,
         [&](int64_t n) { route.set_max_reference_images(static_cast<int32_t>(n)); });
}

inline void RandomCatalog::Forms(catalog::v1::Route& route, const catalog::v1::Provider& provider,
                                 Spelled& map) {
  bool chat = provider.wire_format() == catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS;
  bool gemini = provider.wire_format() == catalog::v1::WIRE_FORMAT_GEMINI;
  bool sdapi = provider.wire_format() == catalog::v1::WIRE_FORMAT_SDAPI;
  if (Chance(random_, 40)) {
    int form = sdapi ? 3 : 1 + Below(random_, chat || gemini ? 2 : 3);
    route.set_size_form(static_cast<catalog::v1::SizeForm>(form));
    map.Put("size_form", Spelled::Text(std::string(NameOf(form, SizeForms()))));
  }
  bool by_itself = route.size_form() == catalog::v1::SIZE_FORM_UNSPECIFIED;
  bool tiers = route.size_form() == catalog::v1::SIZE_FORM_TIER || (by_itself && (chat || gemini));
  bool sides = route.size_form() == catalog::v1::SIZE_FORM_WIDTH_HEIGHT || (by_itself && sdapi);
  if (Chance(random_, 60)) map.Put("limits", Limits(*route.mutable_limits(), tiers, sides));
  if (!chat && !gemini) return;
  Spelled list = Spelled::List();
  bool said = Chance(random_, 50);
  std::vector<std::string> all =
      OneOf<std::vector<std::string>>(random_, {{"image"}, {"image", "text"}, {"text", "image"}});
  if (!said) all = chat ? std::vector<std::string>{"image", "text"} : std::vector<std::string>{"image"};
  for (const std::string& each : all) {
    route.add_modalities(each);
    list.Add(Spelled::Text(each));
  }
  if (said) map.Put("modalities", std::move(list));
}

inline Spelled RandomCatalog::Limits(catalog::v1::ParameterLimits& limits, bool tiers, bool sides) {
  Spelled map = Spelled::Map();
  auto put = [&](const char* key, std::vector<std::string> all, auto* out) {
    if (Chance(random_, 50)) return;
    std::shuffle(all.begin(), all.end(), random_);
    all.resize(static_cast<size_t>(Below(random_, static_cast<int>(all.size()) + 1)));
    std::set<std::string> seen;
    Spelled list = Spelled::List();
    for (const std::string& each : all) {
      if (!seen.insert(each).second) continue;
      out->Add(std::string(each));
      list.Add(Spelled::Text(each));
    }
    map.Put(key, std::move(list));
  };
  std::vector<std::string> sizes;
  if (!tiers) sizes = {"1024x1024", "1536x1024", "256x4096"};
  if (!sides) sizes.insert(sizes.end(), {"auto", "1K", "0.5K", "512", "2k"});
  put("sizes", sizes, limits.mutable_sizes());
  put("aspect_ratios", {"1:1", "16:9", "19.5:9", "9:20", "auto", "2.35:1"}, limits.mutable_aspect_ratios());
  put("qualities", {"auto", "low", "no", "1", "null", absl::StrCat(AnyText(50), "q")},
      limits.mutable_qualities());
  put("styles", {"vivid", "~", "a b", absl::StrCat(AnyText(50), "s"), AnyText(50)}, limits.mutable_styles());
  put("output_formats", {"png", "jpeg", "webp"}, limits.mutable_output_formats());
  Number(map, "side_min", 1, 256, 0, [&](int64_t n) { limits.set_side_min(static_cast<int32_t>(n)); });
  Number(map, "side_max", 4096, 16'384, 0, [&](int64_t n) { limits.set_side_max(static_cast<int32_t>(n)); });
  int multiple = OneOf<int>(random_, {0, 1, 8, 16});
  limits.set_side_multiple(multiple);
  if (multiple > 0 || Chance(random_, 30)) map.Put("side_multiple", Spelled::Plain(absl::StrCat(multiple)));
  Number(map, "seed_max", 1, std::numeric_limits<int64_t>::max() - 1, 0,
         [&](int64_t n) { limits.set_seed_max(n); });
  return map;
}

inline void RandomCatalog::Fields(catalog::v1::Route& route, Spelled& map) {
  if (Chance(random_, 40)) {
    Spelled names = Spelled::Map(true);
    for (const auto& [word, value] : SomeOf(RenamedFields())) {
      auto& each = *route.add_field_names();
      each.set_name(std::string(word));
      // One of these is no text when it stands bare.
      each.set_value(absl::StrCat(OneOf<std::string>(random_, {"f_", "1e", "0x", "-"}), value));
      if (Chance(random_, 5)) each.set_value(absl::StrCat("own-", value));
      names.Put(each.name(), Spelled::Text(each.value()));
    }
    std::set<std::string> values;
    for (const auto& each : route.field_names()) values.insert(each.value());
    bool unlike = values.size() == static_cast<size_t>(route.field_names_size());
    if (!unlike) route.clear_field_names();
    if (unlike) map.Put("field_names", std::move(names));
  }
  if (!Chance(random_, 50)) return;
  Spelled fields = Spelled::Map(true);
  std::vector<std::string> names = {"steps", "on", "1e3", "null", "0x1F", "-", "a.b", "true", "12", "..."};
  std::shuffle(names.begin(), names.end(), random_);
  for (int count = Below(random_, 5), i = 0; i < count; ++i) {
    auto [json, spelled] = Json(1);
    auto& each = *route.add_extra_fields();
    each.set_name(names[static_cast<size_t>(i)]);
    each.set_value(json);
    fields.Put(each.name(), std::move(spelled));
  }
  map.Put("extra_fields", std::move(fields));
}

inline std::pair<std::string, Spelled> RandomCatalog::Json(int depth) {
  static const std::vector<std::pair<std::string, std::string>> plain = {
      {"0", "0"},
      {"-1", "-1"},
      {"12", "12"},
      {"1.5", "1.5"},
      {"1e5", "1e5"},
      {"1.0e-7", "1.0e-7"},
      {"true", "true"},
      {"null", "~"},
      {"false", "False"},
      {"31", "0x1F"},
      {"0.5", ".5"},
      {"5.0", "5."},
      {"0", "-0"},
      {"-0.0", "-.0"},
      {"15", "0o17"},
      {"null", "null"},
      {"18446744073709551615", "18446744073709551615"}};
  int kind = Below(random_, depth < 6 ? 10 : 6);
  if (kind < 3) {
    const auto& [json, said] = OneOf(random_, plain);
    return {json, Spelled::Plain(said)};
  }
  if (kind < 6) {
    std::string text = AnyText(64);
    if (Chance(random_, 20))
      text += OneOf<std::string>(random_, {"\n", "\t", std::string(1, '\0'), "\x1b", "\r\n", "\x7f"});
    if (Chance(random_, 20))
      text = absl::StrCat("Line one\n", Chance(random_, 50) ? "  two\n" : "# two\n\n", text);
    if (Chance(random_, 5)) text = std::string(300, 'x') + text;
    return {json::Quote(text), Spelled::Text(text)};
  }
  Spelled spelled = kind < 8 ? Spelled::List() : Spelled::Map(true);
  std::string json;
  for (int count = Below(random_, 4), i = 0; i < count; ++i) {
    auto [inner, inner_spelled] = Json(depth + 1);
    std::string key = absl::StrCat(AnyText(30), Chance(random_, 5) ? std::string(1100, 'k') : "", i);
    absl::StrAppend(&json, i > 0 ? "," : "", kind < 8 ? "" : absl::StrCat(json::Quote(key), ":"), inner);
    kind < 8 ? spelled.Add(std::move(inner_spelled)) : spelled.Put(key, std::move(inner_spelled));
  }
  return {kind < 8 ? absl::StrCat("[", json, "]") : absl::StrCat("{", json, "}"), std::move(spelled)};
}

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_RANDOM_ROUTE_H_
