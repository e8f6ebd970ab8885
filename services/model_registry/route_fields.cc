#include "services/model_registry/route_fields.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/yaml_json.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;

constexpr size_t kExtraFieldsMax = 64;
// Together with the rest of a route, within the depth that a file may have.
constexpr int kExtraDepthMax = 8;
// Of all of a route's extra fields: they are part of every request.
constexpr size_t kExtraBytesMax = size_t{16} << 10;

bool IsFieldName(absl::string_view name, absl::string_view more) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(more, c);
  });
}

bool Supports(const pb::Route& route, absl::string_view parameter) {
  const auto& names = route.supported_parameters();
  return std::find(names.begin(), names.end(), parameter) != names.end();
}

// Whether the route puts this field into a request, so that its name is taken.
bool Sends(const pb::Route& route, absl::string_view field) {
  bool sides = route.size_form() == pb::SIZE_FORM_WIDTH_HEIGHT;
  if (field == "prompt") return true;
  if (field == "reference_images") return route.reference_images() == pb::REFERENCE_IMAGES_NATIVE;
  if (field == "width" || field == "height") return sides && Supports(route, "size");
  return Supports(route, field) && !(field == "size" && sides);
}

absl::flat_hash_map<std::string, const YamlNode*> RenamedTo(const YamlFields& fields, YamlErrors& errors,
                                                            pb::Route& route) {
  absl::flat_hash_map<std::string, const YamlNode*> renamed;  // our field -> the upstream's name for it
  const YamlNode* node = fields.Find("field_names");
  if (node == nullptr) return renamed;
  ReadMap(*node, fields.Path("field_names"), RenamedFields().size(), errors,
          [&](const YamlNode& key, const YamlNode& value, const std::string& path) {
            if (!ReadWord(key, path, RenamedFields(), errors).has_value()) return;
            std::optional<std::string> name = ReadChecked(value, path, CheckFieldName, errors);
            if (!name.has_value()) return;
            pb::NameValue& each = *route.add_field_names();
            each.set_name(key.text);
            each.set_value(*name);
            renamed.emplace(key.text, &value);
          });
  return renamed;
}

// Why a request's own field cannot be fixed; empty when it can.
std::string ExtraFieldTrouble(absl::string_view name, pb::WireFormat format, const pb::Route& route) {
  if (!IsFieldName(name, "_-.")) return "a field's name must be 1 to 64 letters, digits, _ - and .";
  bool openai = format == pb::WIRE_FORMAT_OPENAI_IMAGES, chat = format == pb::WIRE_FORMAT_CHAT_COMPLETIONS;
  bool own = (name == "model" && (openai || chat)) || (name == "messages" && chat) ||
             (name == "prompt" && !chat) || (name == "contents" && format == pb::WIRE_FORMAT_GEMINI);
  if (own) return "is written for each request and cannot be fixed";
  if (name == "modalities" && chat) return "has its own place: the route's `modalities`";
  bool streams = name == "stream" || name == "stream_options" || name == "partial_images";
  if (streams && (openai || chat)) return "asks for a stream, which is not read";
  if (name == "response_format" && IsGptImageModel(route.upstream_model())) {
    return "GPT image models refuse response_format; leave it out, they always answer with base64";
  }
  std::string lower = absl::AsciiStrToLower(name);
  for (absl::string_view secret : {"secret", "password", "apikey", "api_key", "api-key", "credential"}) {
    if (absl::StrContains(lower, secret)) return "speaks of a secret, and the catalog holds none";
  }
  return "";
}

}  // namespace

std::string CheckFieldName(absl::string_view name) {
  return IsFieldName(name, "_-") ? "" : "must be 1 to 64 letters, digits, _ and -";
}

bool IsGptImageModel(absl::string_view upstream_model) {
  size_t slash = upstream_model.rfind('/');
  if (slash != absl::string_view::npos) upstream_model.remove_prefix(slash + 1);
  return absl::StartsWithIgnoreCase(upstream_model, "gpt-image") ||
         absl::StartsWithIgnoreCase(upstream_model, "chatgpt-image");
}

void ReadFieldNames(const YamlFields& fields, pb::WireFormat format, YamlErrors& errors, pb::Route& route) {
  absl::flat_hash_map<std::string, const YamlNode*> renamed = RenamedTo(fields, errors, route);
  if (renamed.empty()) return;
  absl::flat_hash_map<std::string, std::string> taken;  // the upstream's name -> our field
  if (format == pb::WIRE_FORMAT_OPENAI_IMAGES) taken.emplace("model", "model");
  for (const auto& [field, unused] : RenamedFields()) {
    bool keeps_name = !renamed.contains(field) && Sends(route, field);
    if (keeps_name) taken.emplace(field == "reference_images" ? "image_url" : field, field);
  }
  for (const pb::NameValue& each : route.field_names()) {
    auto [other, fresh] = taken.emplace(each.value(), each.name());
    if (fresh) continue;
    errors.Add(*renamed[each.name()], absl::StrCat(fields.Path("field_names"), ".", each.name()),
               absl::StrCat("the upstream would get two fields called `", each.value(), "`: `", other->second,
                            "` is called so too"));
  }
}

void ReadExtraFields(const YamlFields& fields, pb::WireFormat format, YamlErrors& errors, pb::Route& route) {
  const YamlNode* node = fields.Find("extra_fields");
  if (node == nullptr) return;
  size_t bytes = 0;
  ReadMap(*node, fields.Path("extra_fields"), kExtraFieldsMax, errors,
          [&](const YamlNode& key, const YamlNode& value, const std::string& path) {
            std::string wrong = ExtraFieldTrouble(key.text, format, route);
            if (!wrong.empty()) return errors.Add(key, path, wrong);
            JsonBounds bounds = {.depth_max = kExtraDepthMax, .bytes_max = kExtraBytesMax};
            std::optional<std::string> json = ReadJson(value, path, bounds, errors);
            if (!json.has_value()) return;
            bool fitted = bytes <= kExtraBytesMax;
            bytes += json->size();
            if (fitted && bytes > kExtraBytesMax) {
              errors.Add(*node, fields.Path("extra_fields"),
                         absl::StrCat("takes more than ", kExtraBytesMax, " bytes as JSON"));
            }
            if (bytes > kExtraBytesMax) return;
            pb::NameValue& each = *route.add_extra_fields();
            each.set_name(key.text);
            each.set_value(*std::move(json));
          });
}

}  // namespace prismatic::model_registry
