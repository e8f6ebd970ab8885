#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_ERRORS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace prismatic::model_registry::error {

// No such public ID or canonical name. Reason: MODEL_NOT_FOUND.
absl::Status ModelNotFound(absl::string_view name);
// Reason: PROVIDER_NOT_FOUND.
absl::Status ProviderNotFound(absl::string_view name);
// The text has these errors. Reason: CATALOG_INVALID. The message holds them all.
absl::Status CatalogInvalid(const std::vector<std::string>& errors);
// Somebody else changed the catalog, again and again. Reason: CATALOG_CONFLICT.
absl::Status CatalogConflict();
// Redis did not take part; a write may have happened all the same. Reason: REGISTRY_UNAVAILABLE.
absl::Status RegistryUnavailable(absl::string_view why);
// The store holds something that is no catalog, and this registry holds none. Reason: INTERNAL_ERROR.
absl::Status StoreUnreadable();
// No catalog has been loaded since the start. Reason: REGISTRY_UNAVAILABLE.
absl::Status NotLoadedYet();

}  // namespace prismatic::model_registry::error

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_ERRORS_H_
