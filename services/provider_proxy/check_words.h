#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_CHECK_WORDS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_CHECK_WORDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/provider_proxy/upstream/connect_report.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream_exchange.h"

// What is told to an operator about a provider: what was found, and what to do about it. Never a
// credential, never an upstream's text, never a URL beyond its host and port.

namespace prismatic::provider_proxy {

// "api.example.com:443", "[::1]:8080".
std::string HostAndPort(const FetchTarget& target);

std::string FaultWords(const ConnectReport& report, const FetchTarget& target);

// What one call for one image came to.
std::string ImageWords(const UpstreamExchange::Result& result, absl::Duration took);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_CHECK_WORDS_H_
