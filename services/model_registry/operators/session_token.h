#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_SESSION_TOKEN_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_SESSION_TOKEN_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace prismatic::model_registry {

// `ps_` and 43 characters: 256 random bits in base64url without padding.
std::string NewSessionToken();

// Of the token in `Bearer <token>`, as the store knows it; nullopt when it has not the form of one.
std::optional<std::string> SessionSha256(absl::string_view authorization);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_SESSION_TOKEN_H_
