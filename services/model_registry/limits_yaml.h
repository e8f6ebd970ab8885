#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_LIMITS_YAML_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_LIMITS_YAML_H_

#include <string>

#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/model_registry/yaml_fields.h"

namespace prismatic::model_registry {

// Reads a route's `limits`; `form` is how the route writes a size, which the listed sizes have to match.
void ReadLimits(const YamlNode& node, const std::string& path, catalog::v1::SizeForm form, YamlErrors& errors,
                catalog::v1::ParameterLimits& limits);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_LIMITS_YAML_H_
