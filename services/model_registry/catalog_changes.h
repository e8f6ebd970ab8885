#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_CHANGES_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_CHANGES_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"

namespace prismatic::model_registry {

// What makes `after` of `before`, in the order of the file, as CatalogChange says; overrides, versions and
// hashes are not looked at, but what the file says of images_enabled is. The order of providers, models,
// public IDs and routes is a value too. Pure.
std::vector<v1::CatalogChange> ChangesBetween(const catalog::v1::Catalog& before,
                                              const catalog::v1::Catalog& after);

// Whether a change is an owner's: prices, quota units, where requests or credentials go, a whole provider.
bool IsOwnersChange(const v1::CatalogChange& change);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_CHANGES_H_
