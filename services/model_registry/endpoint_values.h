#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_ENDPOINT_VALUES_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_ENDPOINT_VALUES_H_

#include <string>

#include "absl/strings/string_view.h"

// The forms of what a provider's requests are addressed with. Each check gives an empty string when the
// value is fine, else what is wrong with it.

namespace prismatic::model_registry {

// Behind base_url: begins with a slash, a plain path; `{model}` may stand in it.
std::string CheckEndpointPath(absl::string_view path);
// The header that carries the credential.
std::string CheckAuthHeader(absl::string_view name);
// A fixed header: not one that the sender writes, nor one that carries a secret.
std::string CheckHeaderName(absl::string_view name);
std::string CheckHeaderValue(absl::string_view value);
std::string CheckQueryName(absl::string_view name);
std::string CheckQueryValue(absl::string_view value);
// `direct` or http://host:port.
std::string CheckEgressProxy(absl::string_view proxy);
// `host`, or `*.host` with at least two labels below the asterisk; no port.
std::string CheckPollHost(absl::string_view host);
// An upstream model ID that is put into a path.
std::string CheckModelInPath(absl::string_view model);

// Whether a name says that its value is secret: `x-api-key`, `accessToken`.
bool SpeaksOfSecrets(absl::string_view name);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_ENDPOINT_VALUES_H_
