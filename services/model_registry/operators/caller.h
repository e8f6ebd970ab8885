#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_CALLER_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_CALLER_H_

#include <string>

#include "prismatic/model_registry/v1/operators.pb.h"

namespace prismatic::model_registry {

// Whoever makes a call on the admin port, proven.
struct Caller {
  // What the audit log says: an operator's name, or what the holder of the admin token calls itself.
  std::string actor;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  // Of the session; empty with the admin token.
  std::string session_sha256;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_CALLER_H_
