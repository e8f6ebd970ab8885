#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_COMPOSE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_COMPOSE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "services/model_registry/store.h"

// How a new catalog comes from the one in force. Pure.

namespace prismatic::model_registry {

// Without version and hash, and without the `created` that the first import gave.
catalog::v1::Catalog Unstamped(catalog::v1::Catalog catalog, int64_t first_import_ms);

// What a file would say: unstamped, and without run-time overrides.
catalog::v1::Catalog AsFile(catalog::v1::Catalog catalog, int64_t first_import_ms);

// What is different between two states: what their files would say, then run-time overrides as
// `providers[name].images_override`.
std::vector<v1::CatalogChange> AllChanges(const catalog::v1::Catalog& before,
                                          const catalog::v1::Catalog& after, int64_t first_import_ms);

// What a file makes of the present state: the file's content, with the present overrides unless they
// are to be dropped (of providers that are still there, besides those that it has already), with the first
// import's time for models that name none, and with its hash. The version stays the present one; so do the
// records.
StoredCatalog Compose(catalog::v1::Catalog file, const StoredCatalog& present, bool drop_overrides);

// The present state with one provider's switch overridden; false when it has no such provider.
bool OverrideImages(absl::string_view provider, const catalog::v1::ImagesOverride& images_override,
                    StoredCatalog& state);

// nullptr when there is none.
const catalog::v1::Provider* FindProvider(absl::string_view name, const catalog::v1::Catalog& catalog);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_COMPOSE_H_
