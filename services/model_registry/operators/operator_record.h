#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_RECORD_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_RECORD_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "prismatic/model_registry/v1/operators.pb.h"

// An operator in the words of the store and of people.

namespace prismatic::model_registry {

// An operator as kept.
struct StoredOperator {
  v1::Operator shown;
  // In argon2id's own text form, with salt and limits.
  std::string password_hash;
  // As it stands in the store: what a change is compared with. Empty: there was no such operator.
  std::string record;
};

// Reads what functions/operators.lua writes. nullopt when it is no record.
std::optional<StoredOperator> ReadOperator(absl::string_view name, absl::string_view record);

// 1 to 40 of a-z, 0-9 and -.
bool IsOperatorName(absl::string_view name);

// "viewer", "operator", "owner"; "none" for what is no role.
absl::string_view RoleName(v1::Role role);
// One of the three.
bool IsRole(v1::Role role);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_RECORD_H_
