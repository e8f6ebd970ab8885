#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_ROUTE_YAML_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_ROUTE_YAML_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/model_registry/yaml_fields.h"

namespace prismatic::model_registry {

using ProvidersByName = absl::flat_hash_map<std::string, const catalog::v1::Provider*>;

// Reads one entry of a model's `routes`, defaults filled in, and holds it against its provider, which has
// been read; what is wrong is noted.
void ReadRoute(const YamlNode& node, const std::string& path, const ProvidersByName& providers,
               YamlErrors& errors, catalog::v1::Route& route);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_ROUTE_YAML_H_
