#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_ROUTE_PICKER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_ROUTE_PICKER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/provider_proxy/adapters/adapter.h"

namespace prismatic::provider_proxy {

// A route with what is needed to use it. Points into the snapshot that it was made from.
struct Candidate {
  const catalog::v1::Route* route = nullptr;
  const catalog::v1::Provider* provider = nullptr;
  const Adapter* adapter = nullptr;

  Target target() const { return {*provider, *route}; }
};

// A random number from 0 to bound - 1. Thread-safe.
using Random = std::function<uint32_t(uint32_t bound)>;
Random RealRandom();

// Those that can take so many reference images.
std::vector<Candidate> ThatTakeReferences(std::vector<Candidate> candidates, int references);

// The order in which routes are tried: by priority, the lower first, and within one priority drawn by
// weight. The place where a route's health will count.
std::vector<Candidate> InOrderOfTrial(std::vector<Candidate> candidates, const Random& random);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_ROUTE_PICKER_H_
