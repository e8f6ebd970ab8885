#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_JSON_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_JSON_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/model_registry/yaml_fields.h"

namespace prismatic::model_registry {

struct JsonBounds {
  // 1: a scalar alone.
  int depth_max = 1;
  size_t bytes_max = 0;
};

// Any value as compact JSON, in the order of the file. Plain scalars are what YAML 1.2's core schema says
// (`yes` is text, 0x10 is 16), those in quotes are text. Numbers keep their digits, so that none goes
// through a double. What JSON cannot say, or is out of bounds, is noted and gives nullopt.
std::optional<std::string> ReadJson(const YamlNode& node, absl::string_view path, const JsonBounds& bounds,
                                    YamlErrors& errors);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_JSON_H_
