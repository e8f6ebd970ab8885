#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_PROVIDER_YAML_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_PROVIDER_YAML_H_

#include <string>

#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/model_registry/yaml_fields.h"

namespace prismatic::model_registry {

// Reads one entry of `providers`, defaults filled in; what is wrong is noted.
void ReadProvider(const YamlNode& node, const std::string& path, YamlErrors& errors,
                  catalog::v1::Provider& provider);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_PROVIDER_YAML_H_
