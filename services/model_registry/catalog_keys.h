#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_KEYS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_KEYS_H_

#include <vector>

#include "absl/strings/string_view.h"

// The keys of each map of a catalog file, in the order in which they are written and documented.

namespace prismatic::model_registry {

using Keys = std::vector<absl::string_view>;

const Keys& CatalogKeys();
const Keys& ProviderKeys();
const Keys& EndpointKeys();
const Keys& ModelKeys();
const Keys& RouteKeys();
const Keys& LimitsKeys();

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_KEYS_H_
