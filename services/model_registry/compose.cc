#include "services/model_registry/compose.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_changes.h"

namespace prismatic::model_registry {
namespace {

bool FileEnabled(const catalog::v1::Provider& provider) {
  return provider.has_images_override() ? provider.images_override().file_enabled()
                                        : provider.images_enabled();
}

void Apply(const catalog::v1::ImagesOverride& images_override, catalog::v1::Provider& provider) {
  bool file_enabled = FileEnabled(provider);
  *provider.mutable_images_override() = images_override;
  provider.mutable_images_override()->set_file_enabled(file_enabled);
  provider.set_images_enabled(images_override.enabled());
}

using Overrides = absl::flat_hash_map<absl::string_view, bool>;

Overrides OverridesOf(const catalog::v1::Catalog& catalog) {
  Overrides overrides;
  for (const catalog::v1::Provider& provider : catalog.providers()) {
    if (provider.has_images_override()) overrides[provider.name()] = provider.images_override().enabled();
  }
  return overrides;
}

std::optional<bool> OverrideOf(const Overrides& overrides, absl::string_view provider) {
  auto found = overrides.find(provider);
  return found == overrides.end() ? std::nullopt : std::optional<bool>(found->second);
}

const char* Word(bool enabled) { return enabled ? "true" : "false"; }

// Those of the providers of `listed`; with `only_gone`, of those that have none in `after`.
void AddOverrideChanges(const catalog::v1::Catalog& listed, const Overrides& before, const Overrides& after,
                        bool only_gone, std::vector<v1::CatalogChange>& changes) {
  for (const catalog::v1::Provider& provider : listed.providers()) {
    std::optional<bool> was = OverrideOf(before, provider.name());
    std::optional<bool> is = OverrideOf(after, provider.name());
    if (was == is || is.has_value() == only_gone) continue;
    v1::CatalogChange change;
    change.set_path(absl::StrCat("providers[", provider.name(), "].images_override"));
    if (was.has_value()) change.set_before(Word(*was));
    if (is.has_value()) change.set_after(Word(*is));
    changes.push_back(std::move(change));
  }
}

catalog::v1::Provider* Find(absl::string_view name, catalog::v1::Catalog& catalog) {
  for (catalog::v1::Provider& provider : *catalog.mutable_providers()) {
    if (provider.name() == name) return &provider;
  }
  return nullptr;
}

}  // namespace

const catalog::v1::Provider* FindProvider(absl::string_view name, const catalog::v1::Catalog& catalog) {
  for (const catalog::v1::Provider& provider : catalog.providers()) {
    if (provider.name() == name) return &provider;
  }
  return nullptr;
}

catalog::v1::Catalog AsFile(catalog::v1::Catalog catalog, int64_t first_import_ms) {
  catalog = Unstamped(std::move(catalog), first_import_ms);
  for (catalog::v1::Provider& provider : *catalog.mutable_providers()) {
    provider.set_images_enabled(FileEnabled(provider));
    provider.clear_images_override();
  }
  return catalog;
}

catalog::v1::Catalog Unstamped(catalog::v1::Catalog catalog, int64_t first_import_ms) {
  catalog.clear_version();
  catalog.clear_sha256();
  for (catalog::v1::Model& model : *catalog.mutable_models()) {
    if (model.created() == first_import_ms / 1000) model.clear_created();
  }
  return catalog;
}

std::vector<v1::CatalogChange> AllChanges(const catalog::v1::Catalog& before,
                                          const catalog::v1::Catalog& after, int64_t first_import_ms) {
  std::vector<v1::CatalogChange> changes =
      ChangesBetween(AsFile(before, first_import_ms), AsFile(after, first_import_ms));
  Overrides were = OverridesOf(before);
  Overrides are = OverridesOf(after);
  AddOverrideChanges(before, were, are, true, changes);
  AddOverrideChanges(after, were, are, false, changes);
  return changes;
}

StoredCatalog Compose(catalog::v1::Catalog file, const StoredCatalog& present, bool drop_overrides) {
  StoredCatalog next = present;
  next.catalog = std::move(file);
  next.unreadable = false;
  if (next.first_import_ms == 0) next.first_import_ms = present.read_ms;
  for (catalog::v1::Model& model : *next.catalog.mutable_models()) {
    if (model.created() == 0) model.set_created(next.first_import_ms / 1000);
  }
  for (const catalog::v1::Provider& provider : present.catalog.providers()) {
    if (drop_overrides || !provider.has_images_override()) continue;
    catalog::v1::Provider* same = Find(provider.name(), next.catalog);
    if (same != nullptr) Apply(provider.images_override(), *same);
  }
  next.catalog.set_sha256(CatalogSha256(next.catalog));
  next.catalog.set_version(present.version());
  return next;
}

bool OverrideImages(absl::string_view provider, const catalog::v1::ImagesOverride& images_override,
                    StoredCatalog& state) {
  catalog::v1::Provider* found = Find(provider, state.catalog);
  if (found == nullptr) return false;
  Apply(images_override, *found);
  state.catalog.set_sha256(CatalogSha256(state.catalog));
  return true;
}

}  // namespace prismatic::model_registry
