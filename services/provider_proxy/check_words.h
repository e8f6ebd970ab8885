#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_CHECK_WORDS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_CHECK_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/common/loop/loop.h"
#include "services/provider_proxy/upstream/connect_report.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream_exchange.h"

// What is told to an operator about a provider: what was found, and what to do about it. Never a
// credential, never an upstream's text, never a URL beyond its host and port.
//
// An upstream chooses the host of an image's URL; it is shown as far as it looks like one.

namespace prismatic::provider_proxy {

// "api.example.com:443", "[::1]:8080".
std::string HostAndPort(const FetchTarget& target);

// The first few of them, each once.
std::string AddressesText(const std::vector<loop::Loop::Address>& addresses);

std::string FaultWords(const ConnectReport& report, const FetchTarget& target);

// What one call for one image came to; one that came as a URL has been fetched.
std::string ImageWords(const UpstreamExchange::Result& result, const catalog::v1::Provider& provider,
                       absl::Duration took);

// Why an image that was made is not had from the URL at which the upstream keeps it. `why` is as
// Fetcher::Fetch gives it, OUT_OF_RANGE for one that is larger than its route allows, or INVALID_ARGUMENT for
// what is no image.
std::string FetchWords(const std::string& url, const catalog::v1::Provider& provider,
                       const absl::Status& why);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_CHECK_WORDS_H_
