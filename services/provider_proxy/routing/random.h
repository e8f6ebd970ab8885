#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RANDOM_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RANDOM_H_

#include <cstdint>
#include <functional>

namespace prismatic::provider_proxy {

// A random number from 0 to bound - 1. Thread-safe.
using Random = std::function<uint32_t(uint32_t bound)>;
Random RealRandom();

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RANDOM_H_
