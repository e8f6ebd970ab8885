#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_ERRORS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_ERRORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"

namespace prismatic::model_registry::error {

// No such public ID or canonical name. Reason: MODEL_NOT_FOUND.
absl::Status ModelNotFound(absl::string_view name);
// Reason: PROVIDER_NOT_FOUND.
absl::Status ProviderNotFound(absl::string_view name);
// The text has these errors. Reason: CATALOG_INVALID. The message holds them all.
absl::Status CatalogInvalid(const std::vector<std::string>& errors);
// Somebody else was faster, and the same call may be made again. Reason: CATALOG_CONFLICT, with `lost_race`.
absl::Status LostRace();
bool IsLostRace(const absl::Status& status);
// The content was changed by `since` after the version that a change is based on; 0: it names none.
// Reason: CATALOG_CONFLICT.
absl::Status ChangedSince(int64_t based_on, const v1::CatalogVersion& since);
// A change is based on a version that this catalog does not have yet. Reason: CATALOG_CONFLICT.
absl::Status BasedOnUnknown(int64_t based_on, int64_t version);
// Reason: CATALOG_VERSION_NOT_FOUND.
absl::Status CatalogVersionNotFound(int64_t version);
// A change of this path is an owner's. Reason: ROLE_NOT_ALLOWED.
absl::Status OnlyOwners(absl::string_view path);
// Redis did not take part; a write may have happened all the same. Reason: REGISTRY_UNAVAILABLE.
absl::Status RegistryUnavailable(absl::string_view why);
// The store holds something that is no catalog, and this registry holds none. Reason: INTERNAL_ERROR.
absl::Status StoreUnreadable();
// No catalog has been loaded since the start. Reason: REGISTRY_UNAVAILABLE.
absl::Status NotLoadedYet();

}  // namespace prismatic::model_registry::error

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_ERRORS_H_
