// One entry of a catalog replaced by a text: the catalog in force is written as a file, the entry's tree is
// put into that file's tree, and the whole is read as any file is.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/model_registry/catalog_reader.h"
#include "services/model_registry/catalog_size.h"
#include "services/model_registry/catalog_text.h"
#include "services/model_registry/catalog_values.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/yaml_fields.h"
#include "services/model_registry/yaml_tree.h"

namespace prismatic::model_registry {
namespace {

namespace pb = catalog::v1;

// Models that an error names; more are counted.
constexpr size_t kModelsNamed = 10;

constexpr char kProviders[] = "providers";
constexpr char kModels[] = "models";

template <typename Entries>
std::optional<size_t> IndexOf(const Entries& entries, absl::string_view name) {
  for (int i = 0; i < entries.size(); ++i) {
    if (entries[i].name() == name) return static_cast<size_t>(i);
  }
  return std::nullopt;
}

// The entry's own name, when it is text that passes the check; else empty.
std::string NameIn(const YamlNode& entry, TextCheck check) {
  for (const auto& [key, value] : entry.entries) {
    bool name = key->text == "name" && value->kind == YamlNode::Kind::kScalar;
    if (name && check(value->text).empty()) return value->text;
  }
  return "";
}

void RenameProvider(const std::string& from, const std::string& to, pb::Catalog& catalog) {
  for (pb::Provider& provider : *catalog.mutable_providers()) {
    if (provider.name() == from) provider.set_name(to);
  }
  for (pb::Model& model : *catalog.mutable_models()) {
    for (pb::Route& route : *model.mutable_routes()) {
      if (route.provider() == from) route.set_provider(to);
    }
  }
}

// The root of a catalog's tree with one entry of a list replaced or added. Valid as long as both trees are.
class EditedTree {
 public:
  EditedTree(const YamlNode& root, const EditedEntry& edited, const YamlNode& entry) : root_(root) {
    for (auto& [key, value] : root_.entries) {
      if (key->text != edited.list) continue;
      list_ = *value;
      value = &list_;
    }
    if (edited.index < list_.elements.size()) {
      list_.elements[edited.index] = &entry;
    } else {
      list_.elements.push_back(&entry);
    }
  }
  EditedTree(const EditedTree&) = delete;

  const YamlNode& root() const { return root_; }

 private:
  YamlNode root_;
  YamlNode list_;
};

// What was flipped at run time stays so, and what the text says counts when that ends.
void KeepOverrides(const pb::Catalog& from, pb::Catalog& catalog) {
  for (int i = 0; i < std::min(from.providers_size(), catalog.providers_size()); ++i) {
    if (!from.providers(i).has_images_override()) continue;
    pb::Provider& provider = *catalog.mutable_providers(i);
    *provider.mutable_images_override() = from.providers(i).images_override();
    provider.mutable_images_override()->set_file_enabled(provider.images_enabled());
    provider.set_images_enabled(provider.images_override().enabled());
  }
}

// `base` has the entry's new name already.
void ReadInto(const pb::Catalog& base, const EditedEntry& edited, const YamlTree& entry, YamlErrors& errors,
              pb::Catalog& result) {
  YamlTree tree(CatalogYaml(base, 0));
  if (!tree.ok()) return errors.Add({0, 0, absl::StrCat("the catalog in force: ", tree.error().message)});
  tree.ForgetPlaces();
  EditedTree whole(tree.root(), edited, entry.root());
  result = ReadCatalog(whole.root(), &edited, errors).catalog;
  if (!errors.empty()) return;
  std::string trouble = ExportTrouble(result, entry.has_aliases());
  if (!trouble.empty()) errors.Add({0, 0, trouble});
  KeepOverrides(base, result);
}

CatalogFromYaml ReadEdited(const pb::Catalog& present, EditedEntry edited, absl::string_view name,
                           absl::string_view yaml) {
  CatalogFromYaml result;
  YamlErrors errors;
  YamlTree entry(yaml);
  bool providers = edited.list == kProviders;
  if (!entry.ok()) {
    errors.Add(entry.error());
  } else {
    std::string own_name = NameIn(entry.root(), providers ? CheckProviderName : CheckModelId);
    edited.label = !name.empty() ? std::string(name) : own_name.empty() ? "new" : own_name;
    bool renamed = providers && !name.empty() && !own_name.empty() && own_name != name;
    bool taken = own_name != name && IndexOf(present.providers(), own_name).has_value();
    pb::Catalog base = present;
    if (renamed && !taken) RenameProvider(std::string(name), own_name, base);
    ReadInto(base, edited, entry, errors, result.catalog);
    // Routes look for a provider that has lost its name, or find another one: one mistake, said once.
    if (providers && (own_name.empty() || taken)) errors.KeepPlaced();
  }
  result.errors = errors.Lines();
  return result;
}

template <typename Entries>
CatalogFromYaml ReadWith(const pb::Catalog& present, const Entries& entries, const char* list,
                         absl::string_view name, absl::string_view yaml) {
  std::optional<size_t> index = IndexOf(entries, name);
  if (!name.empty() && !index.has_value()) return {.found = false};
  return ReadEdited(present, {.list = list, .index = index.value_or(static_cast<size_t>(entries.size()))},
                    name, yaml);
}

// The names of the models with a route to the provider.
std::vector<std::string> ModelsOf(const pb::Catalog& catalog, absl::string_view provider) {
  std::vector<std::string> names;
  for (const pb::Model& model : catalog.models()) {
    bool uses = std::any_of(model.routes().begin(), model.routes().end(),
                            [&](const pb::Route& route) { return route.provider() == provider; });
    if (uses) names.push_back(model.name());
  }
  return names;
}

std::string StillUsed(absl::string_view provider, std::vector<std::string> models) {
  size_t more = models.size() - std::min(models.size(), kModelsNamed);
  models.resize(models.size() - more);
  return absl::StrCat("providers[", provider, "]: is used by the routes of ", absl::StrJoin(models, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more models") : "",
                      "; remove these routes first");
}

pb::Catalog WithoutVersion(pb::Catalog catalog) {
  catalog.clear_version();
  catalog.clear_sha256();
  return catalog;
}

}  // namespace

std::string NameOfEntry(absl::string_view yaml) {
  YamlTree entry(yaml);
  if (!entry.ok()) return "";
  return NameIn(entry.root(), [](absl::string_view) { return std::string(); });
}

CatalogFromYaml ReadCatalogWithProvider(const pb::Catalog& present, absl::string_view name,
                                        absl::string_view yaml) {
  return ReadWith(present, present.providers(), kProviders, name, yaml);
}

CatalogFromYaml ReadCatalogWithModel(const pb::Catalog& present, absl::string_view name,
                                     absl::string_view yaml) {
  return ReadWith(present, present.models(), kModels, name, yaml);
}

CatalogFromYaml ReadCatalogWithoutProvider(const pb::Catalog& present, absl::string_view name) {
  CatalogFromYaml result;
  std::optional<size_t> index = IndexOf(present.providers(), name);
  result.found = index.has_value();
  if (!result.found) return result;
  std::vector<std::string> models = ModelsOf(present, name);
  if (!models.empty()) {
    result.errors.push_back(StillUsed(name, std::move(models)));
    return result;
  }
  result.catalog = WithoutVersion(present);
  result.catalog.mutable_providers()->DeleteSubrange(static_cast<int>(*index), 1);
  return result;
}

CatalogFromYaml ReadCatalogWithoutModel(const pb::Catalog& present, absl::string_view name) {
  CatalogFromYaml result;
  std::optional<size_t> index = IndexOf(present.models(), name);
  result.found = index.has_value();
  if (!result.found) return result;
  result.catalog = WithoutVersion(present);
  result.catalog.mutable_models()->DeleteSubrange(static_cast<int>(*index), 1);
  return result;
}

CatalogFromYaml CatalogWithPrice(const pb::Catalog& present, absl::string_view model,
                                 std::optional<int64_t> nano_usd, int32_t quota_units) {
  CatalogFromYaml result;
  std::optional<size_t> index = IndexOf(present.models(), model);
  result.found = index.has_value();
  if (!result.found) return result;
  result.catalog = WithoutVersion(present);
  pb::Model& changed = *result.catalog.mutable_models(static_cast<int>(*index));
  changed.clear_prices();
  if (nano_usd) changed.add_prices()->set_retail_generation_nano_usd(*nano_usd);
  if (quota_units > 0) changed.set_quota_units_per_image(quota_units);
  return result;
}

}  // namespace prismatic::model_registry
