#include "services/model_registry/catalog_yaml.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "services/common/money/money.h"
#include "services/model_registry/catalog_values.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/provider_yaml.h"
#include "services/model_registry/route_yaml.h"
#include "services/model_registry/yaml_fields.h"
#include "services/model_registry/yaml_tree.h"

namespace prismatic::model_registry {
namespace {

// Generous for any real catalog; they keep a snapshot, which every service copies, within a message.
constexpr size_t kProvidersMax = 1'000;
constexpr size_t kModelsMax = 10'000;
constexpr size_t kPublicIdsMax = 100;
constexpr size_t kRoutesMax = 100;
// Half of a gRPC message, so that an answer with it always fits.
constexpr size_t kCatalogBytesMax = size_t{32} << 20;

// The year 9999, so that a value in milliseconds is noticed.
constexpr int64_t kCreatedMax = 253'402'300'799;

// Converts one tree, noting errors and going on.
class Reader {
 public:
  explicit Reader(YamlErrors& errors) : errors_(errors) {}

  catalog::v1::Catalog Read(const YamlNode& root);

 private:
  void ReadProviders(const YamlNode& node, catalog::v1::Catalog& result);
  void ReadModel(const YamlNode& node, const std::string& path, catalog::v1::Model& model);
  void ReadPublicIds(const YamlFields& fields, catalog::v1::Model& model);
  void ReadCapabilities(const YamlFields& fields, catalog::v1::Model& model);
  void ReadPrice(const YamlFields& fields, catalog::v1::Model& model);
  void ReadRoutes(const YamlFields& fields, catalog::v1::Model& model);

  // Notes `what` when the name was seen before.
  void Unique(absl::flat_hash_set<std::string>& seen, const std::string& name, const YamlNode& node,
              const std::string& path, absl::string_view what);

  // Counts what was read against the bytes that a catalog may take. Beyond, nothing
  // more is read: aliases make a large catalog of a small file.
  void Count(size_t bytes, const YamlNode& node, const std::string& path);

  YamlErrors& errors_;
  ProvidersByName providers_;
  size_t bytes_ = 0;
  absl::flat_hash_set<std::string> models_;
  absl::flat_hash_set<std::string> public_ids_;
};

catalog::v1::Catalog Reader::Read(const YamlNode& root) {
  catalog::v1::Catalog result;
  YamlFields fields(root, "", {"providers", "models"}, errors_);
  // Providers first, wherever they stand: routes refer to them.
  if (const YamlNode* node = fields.Required("providers")) ReadProviders(*node, result);
  if (const YamlNode* node = fields.Required("models")) {
    ReadList(*node, "models", kModelsMax, errors_, [&](const YamlNode& element, const std::string& path) {
      if (bytes_ > kCatalogBytesMax) return;
      ReadModel(element, path, *result.add_models());
    });
  }
  // With the models' own fields.
  if (errors_.empty() && result.ByteSizeLong() > kCatalogBytesMax) {
    errors_.Add(root, "",
                absl::StrCat("the catalog takes ", result.ByteSizeLong(), " bytes, more than the ",
                             kCatalogBytesMax, " allowed"));
  }
  return result;
}

void Reader::Count(size_t bytes, const YamlNode& node, const std::string& path) {
  if (bytes_ > kCatalogBytesMax) return;
  bytes_ += bytes;
  if (bytes_ <= kCatalogBytesMax) return;
  errors_.Add(
      node, path,
      absl::StrCat("up to here the catalog takes more than the ", kCatalogBytesMax, " bytes allowed"));
}

void Reader::ReadProviders(const YamlNode& node, catalog::v1::Catalog& result) {
  ReadList(node, "providers", kProvidersMax, errors_, [&](const YamlNode& element, const std::string& path) {
    catalog::v1::Provider& provider = *result.add_providers();
    ReadProvider(element, path, errors_, provider);
    Count(provider.ByteSizeLong(), element, path);
    if (provider.name().empty()) return;
    if (providers_.emplace(provider.name(), &provider).second) return;
    for (const auto& [key, value] : element.entries) {
      if (key->text != "name") continue;
      errors_.Add(*value, absl::StrCat(path, ".name"),
                  absl::StrCat("the provider `", provider.name(), "` is there twice"));
      return;
    }
  });
}

void Reader::Unique(absl::flat_hash_set<std::string>& seen, const std::string& name, const YamlNode& node,
                    const std::string& path, absl::string_view what) {
  if (!seen.insert(name).second) errors_.Add(node, path, absl::StrCat(what, " `", name, "` is there twice"));
}

void Reader::ReadModel(const YamlNode& node, const std::string& path, catalog::v1::Model& model) {
  YamlFields fields(node, path,
                    {"name", "public_ids", "owned_by", "created", "capabilities", "retail_generation_usd",
                     "quota_units_per_image", "routes"},
                    errors_);
  model.set_name(fields.RequiredChecked("name", CheckModelId));
  if (!model.name().empty())
    Unique(models_, model.name(), *fields.Find("name"), fields.Path("name"), "the model");
  ReadPublicIds(fields, model);
  model.set_owned_by(fields.Checked("owned_by", CheckOwner));
  model.set_created(fields.Integer("created", 0, kCreatedMax).value_or(0));
  ReadCapabilities(fields, model);
  ReadPrice(fields, model);
  model.set_quota_units_per_image(
      static_cast<int32_t>(fields.Integer("quota_units_per_image", 1, 1'000'000).value_or(1)));
  ReadRoutes(fields, model);
}

void Reader::ReadRoutes(const YamlFields& fields, catalog::v1::Model& model) {
  const YamlNode* node = fields.Find("routes");
  if (node == nullptr) return;
  ReadList(*node, fields.Path("routes"), kRoutesMax, errors_,
           [&](const YamlNode& element, const std::string& path) {
             if (bytes_ > kCatalogBytesMax) return;
             catalog::v1::Route& route = *model.add_routes();
             ReadRoute(element, path, providers_, errors_, route);
             Count(route.ByteSizeLong(), element, path);
           });
}

void Reader::ReadPublicIds(const YamlFields& fields, catalog::v1::Model& model) {
  const YamlNode* node = fields.Required("public_ids");
  if (node == nullptr) return;
  const std::string path = fields.Path("public_ids");
  ReadList(*node, path, kPublicIdsMax, errors_,
           [&](const YamlNode& element, const std::string& element_path) {
             std::optional<std::string> id = ReadChecked(element, element_path, CheckModelId, errors_);
             if (!id.has_value()) return;
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
  fields.EachWord("capabilities", Capabilities(), [&](const YamlNode&, const std::string&, int value) {
    model.add_capabilities(static_cast<catalog::v1::Capability>(value));
  });
  if (node->kind == YamlNode::Kind::kSequence && node->elements.empty()) {
    fields.Note("capabilities", "must have at least one entry");
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
