#ifndef PRISMATIC_TESTS_SUPPORT_FAKE_CLOCK_H_
#define PRISMATIC_TESTS_SUPPORT_FAKE_CLOCK_H_

#include <mutex>

#include "absl/time/time.h"
#include "services/common/clock/clock.h"

namespace prismatic::testing {

// A clock that stands until it is told to go. Thread-safe.
class FakeClock : public Clock {
 public:
  // 2026-01-01T00:00:00Z unless told otherwise.
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'767'225'600)) : now_(start) {}

  absl::Time Now() const override {
    std::lock_guard<std::mutex> lock(mutex_);
    return now_;
  }
  void Set(absl::Time now) {
    std::lock_guard<std::mutex> lock(mutex_);
    now_ = now;
  }
  void Advance(absl::Duration duration) {
    std::lock_guard<std::mutex> lock(mutex_);
    now_ += duration;
  }

 private:
  mutable std::mutex mutex_;
  absl::Time now_;  // guarded by mutex_
};

}  // namespace prismatic::testing

#endif  // PRISMATIC_TESTS_SUPPORT_FAKE_CLOCK_H_
