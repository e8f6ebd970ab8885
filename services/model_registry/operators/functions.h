#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_FUNCTIONS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_FUNCTIONS_H_

namespace prismatic::model_registry {

// The text of functions/*.lua, put here by the build.
extern const char kOperatorsLua[];

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_FUNCTIONS_H_
