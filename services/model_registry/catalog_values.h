#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_VALUES_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_VALUES_H_

#include <string>

#include "absl/strings/string_view.h"

// The forms of a catalog's texts. Each check gives an empty string when the value is fine, else what
// is wrong with it.

namespace prismatic::model_registry {

// 1 to 40 of a-z, 0-9 and -.
std::string CheckProviderName(absl::string_view name);
// A canonical name or a public ID: 1 to 128 of letters, digits and . _ : / @ + -, beginning with a
// letter or digit.
std::string CheckModelId(absl::string_view id);
// 1 to 256 printable ASCII characters without blanks: it goes into URLs and JSON as it is.
std::string CheckUpstreamModel(absl::string_view id);
// http or https, a host, perhaps a port and a path; no user, query, fragment or trailing slash.
std::string CheckBaseUrl(absl::string_view url);
// `env:PROVIDER_KEY_NAME` or `file:NAME`.
std::string CheckCredential(absl::string_view credential);
// A host name or an IP address, perhaps with a port; no scheme, no path.
std::string CheckHost(absl::string_view host);
// A checked host as a URL's reader writes it, which is what it is compared with: lower case, an IPv6
// address in brackets and in its shortest form.
std::string NormalHost(absl::string_view host);
// At most 128 bytes without control characters.
std::string CheckOwner(absl::string_view owner);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_VALUES_H_
