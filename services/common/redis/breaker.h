#ifndef PRISMATIC_SERVICES_COMMON_REDIS_BREAKER_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_BREAKER_H_

#include "absl/time/time.h"

namespace prismatic::redis {

// Whether calls are worth sending: after `misses_max` in a row that Redis left unanswered it is open, and
// stays so until a probe of the owner's is answered in time. No clock of its own; not thread-safe.
class Breaker {
 public:
  explicit Breaker(int misses_max) : misses_max_(misses_max) {}

  bool open() const { return open_; }
  // A call was not answered in time, or the connection went with calls on the way. True when this opened it.
  bool Miss() {
    if (open_ || ++misses_ < misses_max_) return false;
    open_ = true;
    failed_probes_ = 0;
    return true;
  }
  // A call was answered in time.
  void Answer() { misses_ = 0; }
  void Close() {
    open_ = false;
    misses_ = 0;
  }
  // A probe was answered too late: how long to wait before the next. None at first, since an answer behind
  // a stall says that the stall is over; then 250 ms growing to 2 s.
  absl::Duration ProbeFailed() {
    int failed = failed_probes_++;
    if (failed == 0) return absl::ZeroDuration();
    constexpr int kDoublingsMax = 3;
    int doublings = failed - 1 < kDoublingsMax ? failed - 1 : kDoublingsMax;
    return absl::Milliseconds(250) * (1 << doublings);
  }

 private:
  const int misses_max_;
  int misses_ = 0;
  int failed_probes_ = 0;
  bool open_ = false;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_BREAKER_H_
