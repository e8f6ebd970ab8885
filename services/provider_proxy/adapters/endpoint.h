#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ENDPOINT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ENDPOINT_H_

#include "absl/strings/string_view.h"
#include "services/provider_proxy/adapters/adapter.h"
#include "services/provider_proxy/adapters/http_message.h"

namespace prismatic::provider_proxy {

// What a wire format does where the catalog says nothing.
struct EndpointDefaults {
  // May hold `{model}`.
  absl::string_view path;
  // For requests with reference images; empty: `path`.
  absl::string_view reference_path;
  absl::string_view auth_header = "Authorization";
  AuthScheme auth_scheme = AuthScheme::kBearer;
};

// A request without a body, addressed as the provider's `endpoint` says: URL with its model and query,
// fixed headers, a Content-Type of JSON unless they have one, and how the credential is carried.
HttpRequest AddressedRequest(const Target& target, const EndpointDefaults& defaults,
                             bool has_reference_images);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_ENDPOINT_H_
