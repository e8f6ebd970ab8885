#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_COMPOSE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_COMPOSE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/model_registry/store.h"

// How a new catalog comes from the one in force. Pure.

namespace prismatic::model_registry {

// What a file makes of the present state: the file's content, with the present overrides unless they
// are to be dropped (of providers that are still there), with the first import's time for models that
// name none, and with its hash. The version stays the present one.
StoredCatalog Compose(catalog::v1::Catalog file, const StoredCatalog& present, bool drop_overrides);

// The present state with one provider's switch overridden; false when it has no such provider.
bool OverrideImages(absl::string_view provider, const catalog::v1::ImagesOverride& images_override,
                    StoredCatalog& state);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_COMPOSE_H_
