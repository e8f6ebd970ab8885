#ifndef PRISMATIC_TESTS_SUPPORT_WAIT_H_
#define PRISMATIC_TESTS_SUPPORT_WAIT_H_

#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace prismatic::testing {

// For what a test waits at most before it fails; far above what anything needs, also under sanitizers
// on a busy machine.
constexpr absl::Duration kPatience = absl::Seconds(20);

// Looks every few milliseconds until `condition` holds; false when it does not within `timeout`.
//
//   ASSERT_TRUE(WaitUntil([&] { return client->connected(); }));
inline bool WaitUntil(const std::function<bool()>& condition, absl::Duration timeout = kPatience) {
  absl::Time end = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() > end) return false;
    absl::SleepFor(absl::Milliseconds(3));
  }
  return true;
}

}  // namespace prismatic::testing

#endif  // PRISMATIC_TESTS_SUPPORT_WAIT_H_
