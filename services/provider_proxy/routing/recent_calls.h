#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RECENT_CALLS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RECENT_CALLS_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace prismatic::provider_proxy {

// Calls that ended in about the last minute, for people who look: nothing is decided by it. No lock of its
// own.
class RecentCalls {
 public:
  struct Counts {
    int64_t calls = 0;
    int64_t failures = 0;
  };

  void Add(absl::Time now, bool failed) {
    Slice& slice = At(now);
    ++slice.counts.calls;
    if (failed) ++slice.counts.failures;
  }

  // Of the slice that is under way and the five before it: 50 to 60 seconds.
  Counts Look(absl::Time now) const {
    Counts sum;
    for (const Slice& slice : slices_) {
      if (slice.number + kSlices <= Number(now)) continue;
      sum.calls += slice.counts.calls;
      sum.failures += slice.counts.failures;
    }
    return sum;
  }

 private:
  static constexpr int64_t kSlices = 6;
  static constexpr absl::Duration kSliceTime = absl::Seconds(10);
  struct Slice {
    int64_t number = -kSlices;
    Counts counts;
  };

  static int64_t Number(absl::Time now) { return (now - absl::UnixEpoch()) / kSliceTime; }
  Slice& At(absl::Time now) {
    Slice& slice = slices_[static_cast<size_t>(Number(now) % kSlices)];
    if (slice.number != Number(now)) slice = {Number(now), {}};
    return slice;
  }

  std::array<Slice, kSlices> slices_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_RECENT_CALLS_H_
