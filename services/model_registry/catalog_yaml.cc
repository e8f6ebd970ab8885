#include "services/model_registry/catalog_yaml.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "services/common/money/money.h"
#include "services/model_registry/catalog_values.h"
#include "services/model_registry/yaml_fields.h"
#include "services/model_registry/yaml_tree.h"

namespace prismatic::model_registry {
namespace {

// Generous for any real catalog; they keep a snapshot, which every service copies, within a message.
constexpr size_t kProvidersMax = 1'000;
constexpr size_t kModelsMax = 10'000;
constexpr size_t kPublicIdsMax = 100;
constexpr size_t kRoutesMax = 100;
constexpr size_t kFetchHostsMax = 100;
// Half of a gRPC message, so that an answer with it always fits.
constexpr size_t kCatalogBytesMax = size_t{32} << 20;

constexpr int32_t kMaxConcurrentDefault = 64;
constexpr int32_t kPriorityDefault = 1;
constexpr int32_t kWeightDefault = 100;
constexpr int64_t kMaxImageBytesDefault = int64_t{8} << 20;
constexpr int64_t kMaxImageBytesMax = int64_t{32} << 20;
// The year 9999, so that a value in milliseconds is noticed.
constexpr int64_t kCreatedMax = 253'402'300'799;

const Words& WireFormats() {
  static const Words* words = new Words{{"openai_images", catalog::v1::WIRE_FORMAT_OPENAI_IMAGES},
                                        {"chat_completions", catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS},
                                        {"gemini", catalog::v1::WIRE_FORMAT_GEMINI},
                                        {"async_job", catalog::v1::WIRE_FORMAT_ASYNC_JOB},
                                        {"sdapi", catalog::v1::WIRE_FORMAT_SDAPI}};
  return *words;
}

const Words& Capabilities() {
  static const Words* words = new Words{{"image_generation", catalog::v1::CAPABILITY_IMAGE_GENERATION},
                                        {"text_generation", catalog::v1::CAPABILITY_TEXT_GENERATION}};
  return *words;
}

const Words& ReferenceImageForms() {
  static const Words* words = new Words{{"none", catalog::v1::REFERENCE_IMAGES_NONE},
                                        {"native", catalog::v1::REFERENCE_IMAGES_NATIVE},
                                        {"chat", catalog::v1::REFERENCE_IMAGES_CHAT}};
  return *words;
}

// How provider-proxy's adapter for a wire format takes reference images; nullopt: there is no adapter yet.
std::optional<catalog::v1::ReferenceImages> ReferenceImagesOf(catalog::v1::WireFormat format) {
  switch (format) {
    case catalog::v1::WIRE_FORMAT_OPENAI_IMAGES:
      return catalog::v1::REFERENCE_IMAGES_NATIVE;
    case catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS:
      return catalog::v1::REFERENCE_IMAGES_CHAT;
    default:
      return std::nullopt;
  }
}

absl::string_view NameOf(int value, const Words& words) {
  for (const auto& [name, named] : words) {
    if (named == value) return name;
  }
  return "";
}

// The request fields that a route may name; the values have no meaning.
const Words& Parameters() {
  static const Words* words = new Words{{"n", 1},
                                        {"size", 2},
                                        {"aspect_ratio", 3},
                                        {"seed", 4},
                                        {"negative_prompt", 5},
                                        {"quality", 6},
                                        {"style", 7},
                                        {"response_format", 8},
                                        {"background", 9},
                                        {"moderation", 10},
                                        {"output_format", 11},
                                        {"output_compression", 12},
                                        {"user", 13}};
  return *words;
}

// Converts one tree, noting errors and going on.
class Reader {
 public:
  explicit Reader(YamlErrors& errors) : errors_(errors) {}

  catalog::v1::Catalog Read(const YamlNode& root);

 private:
  using Check = std::string (*)(absl::string_view);

  void ReadProvider(const YamlNode& node, const std::string& path, catalog::v1::Provider& provider);
  void ReadModel(const YamlNode& node, const std::string& path, catalog::v1::Model& model);
  void ReadPublicIds(const YamlFields& fields, catalog::v1::Model& model);
  void ReadCapabilities(const YamlFields& fields, catalog::v1::Model& model);
  void ReadPrice(const YamlFields& fields, catalog::v1::Model& model);
  void ReadRoute(const YamlNode& node, const std::string& path, catalog::v1::Route& route);
  void ReadParameters(const YamlFields& fields, catalog::v1::Route& route);
  catalog::v1::WireFormat ReadWireFormat(const YamlFields& fields);
  catalog::v1::ReferenceImages ReadReferenceImages(const YamlFields& fields, const std::string& provider);

  // The value of a key when it is there and has the right form; an empty string otherwise.
  std::string Checked(const YamlFields& fields, absl::string_view key, bool required, Check check);
  std::optional<int> Word(const YamlFields& fields, absl::string_view key, bool required, const Words& words);
  // Notes `what` when the name was seen before.
  void Unique(absl::flat_hash_set<std::string>& seen, const std::string& name, const YamlNode& node,
              const std::string& path, absl::string_view what);

  YamlErrors& errors_;
  absl::flat_hash_set<std::string> providers_;
  absl::flat_hash_map<std::string, catalog::v1::WireFormat> wire_formats_;  // by provider
  absl::flat_hash_set<std::string> models_;
  absl::flat_hash_set<std::string> public_ids_;
};

catalog::v1::Catalog Reader::Read(const YamlNode& root) {
  catalog::v1::Catalog result;
  YamlFields fields(root, "", {"providers", "models"}, errors_);
  // Providers first, wherever they stand: routes refer to them.
  if (const YamlNode* node = fields.Required("providers")) {
    ReadList(*node, "providers", kProvidersMax, errors_,
             [&](const YamlNode& element, const std::string& path) {
               ReadProvider(element, path, *result.add_providers());
             });
  }
  if (const YamlNode* node = fields.Required("models")) {
    ReadList(*node, "models", kModelsMax, errors_, [&](const YamlNode& element, const std::string& path) {
      ReadModel(element, path, *result.add_models());
    });
  }
  if (errors_.empty() && result.ByteSizeLong() > kCatalogBytesMax) {
    errors_.Add(root, "",
                absl::StrCat("the catalog takes ", result.ByteSizeLong(), " bytes, more than the ",
                             kCatalogBytesMax, " allowed"));
  }
  return result;
}

std::string Reader::Checked(const YamlFields& fields, absl::string_view key, bool required, Check check) {
  std::optional<std::string> text = required ? fields.RequiredText(key) : fields.Text(key);
  if (!text.has_value()) return "";
  std::string wrong = check(*text);
  if (wrong.empty()) return *text;
  errors_.Add(*fields.Find(key), fields.Path(key), wrong);
  return "";
}

std::optional<int> Reader::Word(const YamlFields& fields, absl::string_view key, bool required,
                                const Words& words) {
  const YamlNode* node = required ? fields.Required(key) : fields.Find(key);
  return node == nullptr ? std::nullopt : ReadWord(*node, fields.Path(key), words, errors_);
}

void Reader::Unique(absl::flat_hash_set<std::string>& seen, const std::string& name, const YamlNode& node,
                    const std::string& path, absl::string_view what) {
  if (!seen.insert(name).second) errors_.Add(node, path, absl::StrCat(what, " `", name, "` is there twice"));
}

void Reader::ReadProvider(const YamlNode& node, const std::string& path, catalog::v1::Provider& provider) {
  YamlFields fields(
      node, path,
      {"name", "wire_format", "base_url", "credential", "images_enabled", "max_concurrent", "fetch_hosts"},
      errors_);
  provider.set_name(Checked(fields, "name", true, CheckProviderName));
  if (!provider.name().empty()) {
    Unique(providers_, provider.name(), *fields.Find("name"), fields.Path("name"), "the provider");
  }
  provider.set_wire_format(ReadWireFormat(fields));
  wire_formats_.emplace(provider.name(), provider.wire_format());
  provider.set_base_url(Checked(fields, "base_url", true, CheckBaseUrl));
  std::string credential = Checked(fields, "credential", false, CheckCredential);
  if (!credential.empty()) provider.add_credentials(credential);
  provider.set_images_enabled(fields.Switch("images_enabled").value_or(false));
  provider.set_max_concurrent(
      static_cast<int32_t>(fields.Integer("max_concurrent", 1, 100'000).value_or(kMaxConcurrentDefault)));
  if (const YamlNode* hosts = fields.Find("fetch_hosts")) {
    ReadList(*hosts, fields.Path("fetch_hosts"), kFetchHostsMax, errors_,
             [&](const YamlNode& element, const std::string& element_path) {
               std::optional<std::string> host = ReadText(element, element_path, errors_);
               if (!host.has_value()) return;
               std::string wrong = CheckHost(*host);
               if (!wrong.empty()) return errors_.Add(element, element_path, wrong);
               provider.add_fetch_hosts(NormalHost(*host));
             });
  }
}

catalog::v1::WireFormat Reader::ReadWireFormat(const YamlFields& fields) {
  std::optional<int> word = Word(fields, "wire_format", true, WireFormats());
  if (!word.has_value()) return catalog::v1::WIRE_FORMAT_UNSPECIFIED;
  auto format = static_cast<catalog::v1::WireFormat>(*word);
  if (ReferenceImagesOf(format).has_value()) return format;
  std::string available;
  for (const auto& [name, value] : WireFormats()) {
    if (!ReferenceImagesOf(static_cast<catalog::v1::WireFormat>(value)).has_value()) continue;
    absl::StrAppend(&available, available.empty() ? "" : " or ", name);
  }
  errors_.Add(*fields.Find("wire_format"), fields.Path("wire_format"),
              absl::StrCat("`", NameOf(format, WireFormats()), "` is not available yet; use ", available));
  return format;
}

void Reader::ReadModel(const YamlNode& node, const std::string& path, catalog::v1::Model& model) {
  YamlFields fields(node, path,
                    {"name", "public_ids", "owned_by", "created", "capabilities", "retail_generation_usd",
                     "quota_units_per_image", "routes"},
                    errors_);
  model.set_name(Checked(fields, "name", true, CheckModelId));
  if (!model.name().empty())
    Unique(models_, model.name(), *fields.Find("name"), fields.Path("name"), "the model");
  ReadPublicIds(fields, model);
  model.set_owned_by(Checked(fields, "owned_by", false, CheckOwner));
  model.set_created(fields.Integer("created", 0, kCreatedMax).value_or(0));
  ReadCapabilities(fields, model);
  ReadPrice(fields, model);
  model.set_quota_units_per_image(
      static_cast<int32_t>(fields.Integer("quota_units_per_image", 1, 1'000'000).value_or(1)));
  if (const YamlNode* routes = fields.Find("routes")) {
    ReadList(*routes, fields.Path("routes"), kRoutesMax, errors_,
             [&](const YamlNode& element, const std::string& element_path) {
               ReadRoute(element, element_path, *model.add_routes());
             });
  }
}

void Reader::ReadPublicIds(const YamlFields& fields, catalog::v1::Model& model) {
  const YamlNode* node = fields.Required("public_ids");
  if (node == nullptr) return;
  const std::string path = fields.Path("public_ids");
  ReadList(*node, path, kPublicIdsMax, errors_,
           [&](const YamlNode& element, const std::string& element_path) {
             std::optional<std::string> id = ReadText(element, element_path, errors_);
             if (!id.has_value()) return;
             std::string wrong = CheckModelId(*id);
             if (!wrong.empty()) return errors_.Add(element, element_path, wrong);
             Unique(public_ids_, *id, element, element_path, "the public ID");
             model.add_public_ids(*id);
           });
  if (node->kind == YamlNode::Kind::kSequence && node->elements.empty()) {
    errors_.Add(*node, path, "must have at least one entry");
  }
}

void Reader::ReadCapabilities(const YamlFields& fields, catalog::v1::Model& model) {
  const YamlNode* node = fields.Required("capabilities");
  if (node == nullptr) return;
  const std::string path = fields.Path("capabilities");
  absl::flat_hash_set<int> seen;
  ReadList(*node, path, Capabilities().size(), errors_,
           [&](const YamlNode& element, const std::string& element_path) {
             std::optional<int> capability = ReadWord(element, element_path, Capabilities(), errors_);
             if (!capability.has_value()) return;
             if (!seen.insert(*capability).second)
               return errors_.Add(element, element_path, "is there twice");
             model.add_capabilities(static_cast<catalog::v1::Capability>(*capability));
           });
  if (node->kind == YamlNode::Kind::kSequence && node->elements.empty()) {
    errors_.Add(*node, path, "must have at least one entry");
  }
}

void Reader::ReadPrice(const YamlFields& fields, catalog::v1::Model& model) {
  const YamlNode* node = fields.Find("retail_generation_usd");
  if (node == nullptr) return;
  if (!errors_.Step(*node, fields.Path("retail_generation_usd"))) return;
  // From the text, quoted or not: a number that has been a double is no price.
  bool scalar = node->kind == YamlNode::Kind::kScalar;
  absl::StatusOr<Money> price = Money::Parse(scalar ? absl::string_view(node->text) : "");
  if (!scalar || !price.ok()) {
    errors_.Add(*node, fields.Path("retail_generation_usd"),
                scalar ? price.status().message() : "must be a decimal such as \"0.04\"");
    return;
  }
  model.add_prices()->set_retail_generation_nano_usd(price->nanos());
}

void Reader::ReadRoute(const YamlNode& node, const std::string& path, catalog::v1::Route& route) {
  YamlFields fields(node, path,
                    {"provider", "upstream_model", "priority", "weight", "supported_parameters",
                     "max_images_per_call", "reference_images", "retry_safe", "disabled", "max_image_bytes"},
                    errors_);
  route.set_provider(Checked(fields, "provider", true, CheckProviderName));
  if (!route.provider().empty() && !providers_.contains(route.provider())) {
    std::vector<absl::string_view> names(providers_.begin(), providers_.end());
    std::string nearest = NearestWord(route.provider(), names);
    errors_.Add(*fields.Find("provider"), fields.Path("provider"),
                absl::StrCat("there is no provider `", route.provider(), "`",
                             nearest.empty() ? "" : absl::StrCat("; did you mean `", nearest, "`?")));
  }
  route.set_upstream_model(Checked(fields, "upstream_model", true, CheckUpstreamModel));
  route.set_priority(static_cast<int32_t>(fields.Integer("priority", 0, 1'000).value_or(kPriorityDefault)));
  route.set_weight(static_cast<int32_t>(fields.Integer("weight", 1, 10'000).value_or(kWeightDefault)));
  ReadParameters(fields, route);
  route.set_max_images_per_call(
      static_cast<int32_t>(fields.Integer("max_images_per_call", 1, 10).value_or(1)));
  route.set_reference_images(ReadReferenceImages(fields, route.provider()));
  route.set_retry_safe(fields.Switch("retry_safe").value_or(false));
  route.set_disabled(fields.Switch("disabled").value_or(false));
  route.set_max_image_bytes(
      fields.Integer("max_image_bytes", 1, kMaxImageBytesMax).value_or(kMaxImageBytesDefault));
}

catalog::v1::ReferenceImages Reader::ReadReferenceImages(const YamlFields& fields,
                                                         const std::string& provider) {
  std::optional<int> word = Word(fields, "reference_images", false, ReferenceImageForms());
  auto form = static_cast<catalog::v1::ReferenceImages>(word.value_or(catalog::v1::REFERENCE_IMAGES_NONE));
  auto format = wire_formats_.find(provider);
  if (form == catalog::v1::REFERENCE_IMAGES_NONE || format == wire_formats_.end()) return form;
  std::optional<catalog::v1::ReferenceImages> taken = ReferenceImagesOf(format->second);
  if (!taken.has_value() || *taken == form) return form;
  errors_.Add(*fields.Find("reference_images"), fields.Path("reference_images"),
              absl::StrCat("the provider `", provider, "` speaks ", NameOf(format->second, WireFormats()),
                           ", which takes reference images as `", NameOf(*taken, ReferenceImageForms()),
                           "`, not as `", NameOf(form, ReferenceImageForms()), "`"));
  return form;
}

void Reader::ReadParameters(const YamlFields& fields, catalog::v1::Route& route) {
  const YamlNode* node = fields.Find("supported_parameters");
  if (node == nullptr) return;
  absl::flat_hash_set<std::string> seen;
  ReadList(*node, fields.Path("supported_parameters"), Parameters().size(), errors_,
           [&](const YamlNode& element, const std::string& path) {
             if (!ReadWord(element, path, Parameters(), errors_).has_value()) return;
             if (!seen.insert(element.text).second) return errors_.Add(element, path, "is there twice");
             route.add_supported_parameters(element.text);
           });
}

}  // namespace

CatalogFromYaml ReadCatalogYaml(absl::string_view text) {
  CatalogFromYaml result;
  YamlErrors errors;
  YamlTree tree(text);
  if (tree.ok()) {
    result.catalog = Reader(errors).Read(tree.root());
  } else {
    errors.Add(tree.error());
  }
  result.errors = errors.Lines();
  return result;
}

}  // namespace prismatic::model_registry
