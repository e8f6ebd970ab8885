#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HTTP_MESSAGE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HTTP_MESSAGE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace prismatic::provider_proxy {

// What stands before the credential in its header.
enum class AuthScheme { kBearer, kKey, kBasic, kPlain };

// One call to an upstream.
struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // How the credential is carried. The adapter says so, whoever sends the request fills it in.
  std::string auth_header = "Authorization";
  AuthScheme auth_scheme = AuthScheme::kBearer;
};

// What came back, complete.
struct HttpResponse {
  int status = 0;
  std::optional<absl::Duration> retry_after;
  std::string body;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_HTTP_MESSAGE_H_
