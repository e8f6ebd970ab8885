#include "services/model_registry/catalog_reader.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "services/common/money/money.h"
#include "services/model_registry/catalog_defaults.h"
#include "services/model_registry/catalog_keys.h"
#include "services/model_registry/catalog_values.h"
#include "services/model_registry/catalog_words.h"
#include "services/model_registry/provider_yaml.h"
#include "services/model_registry/route_yaml.h"

namespace prismatic::model_registry {
namespace {

// Generous for any real catalog; they keep a snapshot, which every service copies, within a message.
constexpr size_t kProvidersMax = 1'000;
constexpr size_t kModelsMax = 10'000;
constexpr size_t kPublicIdsMax = 100;
constexpr size_t kRoutesMax = 100;
// Half of a gRPC message, so that an answer with it always fits.
constexpr size_t kCatalogBytesMax = size_t{32} << 20;

// An amount takes 17; what is far longer is not worth showing.
constexpr size_t kPriceCharactersMax = 60;
// The year 9999, so that a value in milliseconds is noticed.
constexpr int64_t kCreatedMax = 253'402'300'799;

// The text of a map's `name`, whatever it is; nullptr when there is none.
const YamlNode* NameIn(const YamlNode& entry) {
  for (const auto& [key, value] : entry.entries) {
    if (key->text == "name") return value;
  }
  return nullptr;
}

// Converts one tree, noting errors and going on.
class Reader {
 public:
  Reader(const EditedEntry* edited, YamlErrors& errors) : edited_(edited), errors_(errors) {}

  CatalogRead Read(const YamlNode& root);

 private:
  struct Entry {
    const YamlNode* node;
    std::string path;
    size_t index;
  };
  // By what names it was seen before, and where.
  using Seen = absl::flat_hash_map<std::string, std::string>;

  // The entries of `providers` or `models`, in the order of reading.
  std::vector<Entry> Entries(const YamlNode& node, absl::string_view list, size_t count_max);
  void ReadProviders(const YamlNode& node, catalog::v1::Catalog& result);
  void ReadModels(const YamlNode& node, catalog::v1::Catalog& result);
  void ReadModel(const YamlNode& node, const std::string& path, catalog::v1::Model& model);
  void ReadPublicIds(const YamlFields& fields, catalog::v1::Model& model);
  void ReadCapabilities(const YamlFields& fields, catalog::v1::Model& model);
  void ReadPrice(const YamlFields& fields, catalog::v1::Model& model);
  void ReadRoutes(const YamlFields& fields, catalog::v1::Model& model);

  // Notes `what` when the name was seen before.
  void Unique(Seen& seen, const std::string& name, const YamlNode& node, const std::string& path,
              absl::string_view what);

  // Counts what was read against the bytes that a catalog may take. Beyond, nothing
  // more is read: aliases make a large catalog of a small file.
  void Count(size_t bytes, const YamlNode& node, const std::string& path);

  const EditedEntry* const edited_;
  YamlErrors& errors_;
  ProvidersByName providers_;
  size_t bytes_ = 0;
  Seen provider_names_;
  Seen models_;
  Seen public_ids_;
};

CatalogRead Reader::Read(const YamlNode& root) {
  CatalogRead result;
  YamlFields fields(root, "", CatalogKeys(), errors_);
  result.based_on = fields.Integer("based_on", 0, std::numeric_limits<int64_t>::max()).value_or(0);
  // Providers first, wherever they stand: routes refer to them.
  if (const YamlNode* node = fields.Required("providers")) ReadProviders(*node, result.catalog);
  if (const YamlNode* node = fields.Required("models")) ReadModels(*node, result.catalog);
  // With the models' own fields.
  size_t bytes = result.catalog.ByteSizeLong();
  if (errors_.empty() && bytes > kCatalogBytesMax) {
    errors_.Add(
        root, "",
        absl::StrCat("the catalog takes ", bytes, " bytes, more than the ", kCatalogBytesMax, " allowed"));
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

std::vector<Reader::Entry> Reader::Entries(const YamlNode& node, absl::string_view list, size_t count_max) {
  std::vector<Entry> entries;
  ReadList(node, list, count_max, errors_, [&](const YamlNode& element, const std::string& path) {
    entries.push_back({&element, path, entries.size()});
  });
  if (edited_ == nullptr) return entries;
  for (Entry& entry : entries) {
    const YamlNode* name = NameIn(*entry.node);
    if (name != nullptr) entry.path = absl::StrCat(list, "[", name->text, "]");
  }
  if (edited_->list != list || edited_->index >= entries.size()) return entries;
  auto edited = entries.begin() + static_cast<ptrdiff_t>(edited_->index);
  edited->path = absl::StrCat(list, "[", edited_->label, "]");
  std::rotate(edited, edited + 1, entries.end());
  return entries;
}

void Reader::ReadProviders(const YamlNode& node, catalog::v1::Catalog& result) {
  std::vector<Entry> entries = Entries(node, "providers", kProvidersMax);
  for (size_t i = 0; i < entries.size(); ++i) result.add_providers();
  for (const Entry& entry : entries) {
    if (errors_.spent()) return;
    catalog::v1::Provider& provider = *result.mutable_providers(static_cast<int>(entry.index));
    ReadProvider(*entry.node, entry.path, errors_, provider);
    Count(provider.ByteSizeLong(), *entry.node, entry.path);
    if (provider.name().empty()) continue;
    providers_.emplace(provider.name(), &provider);
    Unique(provider_names_, provider.name(), *NameIn(*entry.node), absl::StrCat(entry.path, ".name"),
           "the provider");
  }
}

void Reader::ReadModels(const YamlNode& node, catalog::v1::Catalog& result) {
  std::vector<Entry> entries = Entries(node, "models", kModelsMax);
  for (size_t i = 0; i < entries.size(); ++i) result.add_models();
  for (const Entry& entry : entries) {
    if (bytes_ > kCatalogBytesMax || errors_.spent()) return;
    ReadModel(*entry.node, entry.path, *result.mutable_models(static_cast<int>(entry.index)));
  }
}

void Reader::Unique(Seen& seen, const std::string& name, const YamlNode& node, const std::string& path,
                    absl::string_view what) {
  auto [other, fresh] = seen.emplace(name, path);
  if (fresh) return;
  errors_.Add(node, path, absl::StrCat(what, " `", name, "` is there twice; first as ", other->second));
}

void Reader::ReadModel(const YamlNode& node, const std::string& path, catalog::v1::Model& model) {
  YamlFields fields(node, path, ModelKeys(), errors_);
  model.set_name(fields.RequiredChecked("name", CheckModelId));
  if (!model.name().empty())
    Unique(models_, model.name(), *fields.Find("name"), fields.Path("name"), "the model");
  ReadPublicIds(fields, model);
  model.set_owned_by(fields.Checked("owned_by", CheckOwner));
  model.set_created(fields.Integer("created", 0, kCreatedMax).value_or(0));
  ReadCapabilities(fields, model);
  ReadPrice(fields, model);
  model.set_quota_units_per_image(static_cast<int32_t>(
      fields.Integer("quota_units_per_image", 1, 1'000'000).value_or(kQuotaUnitsDefault)));
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
  if (scalar && node->text.size() > kPriceCharactersMax) {
    errors_.Add(*node, fields.Path("retail_generation_usd"),
                "must be a decimal such as \"0.04\", and is much longer; is its closing quote missing?");
    return;
  }
  absl::StatusOr<Money> price = Money::Parse(scalar ? absl::string_view(node->text) : "");
  if (!scalar || !price.ok()) {
    errors_.Add(*node, fields.Path("retail_generation_usd"),
                scalar ? price.status().message() : "must be a decimal such as \"0.04\"");
    return;
  }
  model.add_prices()->set_retail_generation_nano_usd(price->nanos());
}

}  // namespace

CatalogRead ReadCatalog(const YamlNode& root, const EditedEntry* edited, YamlErrors& errors) {
  return Reader(edited, errors).Read(root);
}

}  // namespace prismatic::model_registry
