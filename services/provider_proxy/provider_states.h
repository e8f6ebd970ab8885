#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_STATES_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_STATES_H_

#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/catalog_watch/snapshot.h"
#include "services/provider_proxy/routing/health.h"
#include "services/provider_proxy/routing/slots.h"
#include "services/provider_proxy/upstream/credentials.h"

namespace prismatic::provider_proxy {

struct ProviderStateParts {
  Health& health;
  Slots& slots;
  Credentials& credentials;
};

// As the RPC GetProviderStates. Reads small files: not for a loop's thread.
v1::GetProviderStatesResponse ProviderStates(const catalog_watch::Snapshot& snapshot,
                                             const ProviderStateParts& parts);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_STATES_H_
