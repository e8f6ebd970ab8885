#include "services/model_registry/compose.h"

#include <utility>

namespace prismatic::model_registry {
namespace {

void Apply(const catalog::v1::ImagesOverride& images_override, catalog::v1::Provider& provider) {
  *provider.mutable_images_override() = images_override;
  provider.set_images_enabled(images_override.enabled());
}

catalog::v1::Provider* FindProvider(absl::string_view name, catalog::v1::Catalog& catalog) {
  for (catalog::v1::Provider& provider : *catalog.mutable_providers()) {
    if (provider.name() == name) return &provider;
  }
  return nullptr;
}

}  // namespace

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
    catalog::v1::Provider* same = FindProvider(provider.name(), next.catalog);
    if (same != nullptr) Apply(provider.images_override(), *same);
  }
  next.catalog.set_sha256(CatalogSha256(next.catalog));
  next.catalog.set_version(present.version());
  return next;
}

bool OverrideImages(absl::string_view provider, const catalog::v1::ImagesOverride& images_override,
                    StoredCatalog& state) {
  catalog::v1::Provider* found = FindProvider(provider, state.catalog);
  if (found == nullptr) return false;
  Apply(images_override, *found);
  state.catalog.set_sha256(CatalogSha256(state.catalog));
  return true;
}

}  // namespace prismatic::model_registry
