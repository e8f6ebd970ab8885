#include "services/provider_proxy/routing/random.h"

#include <random>

namespace prismatic::provider_proxy {

Random RealRandom() {
  return [](uint32_t bound) {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_int_distribution<uint32_t>(0, bound - 1)(generator);
  };
}

}  // namespace prismatic::provider_proxy
