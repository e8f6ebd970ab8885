#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_POLL_HOST_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_POLL_HOST_H_

#include <string>

#include "prismatic/catalog/v1/catalog.pb.h"

namespace prismatic::provider_proxy {

// Whether a job may be polled at `url`, which the provider named in an answer, and so whether that host
// gets the credential: base_url's own scheme, host and port, or a host of poll_hosts over https.
bool MayPoll(const std::string& url, const catalog::v1::Provider& provider);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_POLL_HOST_H_
