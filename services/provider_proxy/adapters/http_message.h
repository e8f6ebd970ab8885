#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HTTP_MESSAGE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HTTP_MESSAGE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace prismatic::provider_proxy {

// One call to an upstream.
struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // The header that carries the credential, and what stands before it there. The adapter names them,
  // whoever sends the request fills them in.
  std::string credential_header = "Authorization";
  std::string credential_prefix = "Bearer ";
};

// What came back, complete.
struct HttpResponse {
  int status = 0;
  std::optional<absl::Duration> retry_after;
  std::string body;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HTTP_MESSAGE_H_
