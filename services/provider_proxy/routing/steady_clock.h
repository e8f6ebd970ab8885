#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_STEADY_CLOCK_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_STEADY_CLOCK_H_

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/common/clock/clock.h"

namespace prismatic::provider_proxy {

// A clock that never steps: the time of day when it was made, and what has passed since. Health and
// budgets measure how long ago things were; a machine whose clock is set back by an hour must not leave
// a provider out for that hour. Thread-safe.
class SteadyClock : public Clock {
 public:
  absl::Time Now() const override {
    return started_ + absl::FromChrono(std::chrono::steady_clock::now() - steady_start_);
  }

 private:
  const absl::Time started_ = absl::Now();
  const std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_STEADY_CLOCK_H_
