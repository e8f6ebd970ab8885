#ifndef PRISMATIC_SERVICES_COMMON_CLOCK_CLOCK_H_
#define PRISMATIC_SERVICES_COMMON_CLOCK_CLOCK_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace prismatic {

// The time of day. Thread-safe. May step; durations are measured with steady clocks instead.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  // The machine's clock.
  static const Clock& Real();
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_CLOCK_CLOCK_H_
