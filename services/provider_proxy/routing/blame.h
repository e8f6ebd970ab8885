#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_BLAME_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_BLAME_H_

#include "services/provider_proxy/adapters/outcome.h"

namespace prismatic::provider_proxy {

// Of whom an outcome speaks.
enum class Blame {
  // It says nothing about the upstream: the caller left, the request was never sent, our own memory was
  // full, or what the caller sent may be why.
  kNothing,
  // The upstream did its work. So it did when it refused the content or the request.
  kNobody,
  // The whole provider: it cannot be reached, it does not take our credential, it wants money.
  kProvider,
  // This model at this provider, while the provider as such answers.
  kTarget,
  // One of the two, and the outcome does not say which.
  kEither,
};

Blame BlameOf(const Outcome& outcome);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_BLAME_H_
