#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_PROBES_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_PROBES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/time/time.h"

namespace prismatic::provider_proxy {

// Whose turn it is to try an open circuit. One probe per interval; and so that no caller can have them
// all, and fail them on purpose, whoever asked in vain since the last one goes before those who have
// probed later than he did. These may go an interval later, in case he does not come back.
class Probes {
 public:
  Probes() = default;
  Probes(absl::Time now, absl::Duration interval) : interval_(interval), at_(now + interval) {}

  absl::Duration interval() const { return interval_; }
  absl::Time NextFor(uint64_t caller) const {
    return LastOf(caller) > first_waiting_ ? at_ + interval_ : at_;
  }
  void NoteRefused(uint64_t caller) { first_waiting_ = std::min(first_waiting_, LastOf(caller)); }

  void Take(absl::Time now, int64_t call, uint64_t caller);
  // It was not made after all: as if it had never been taken, unless another was taken since.
  void TakeBack(int64_t call);
  void NoteFailed(absl::Time now, absl::Duration interval) {
    interval_ = interval;
    at_ = std::max(at_, now + interval);
  }

 private:
  // As many who probed are remembered. Who is forgotten counts as one who never did.
  static constexpr size_t kRememberedMax = 16;
  static constexpr int64_t kNobody = std::numeric_limits<int64_t>::max();

  struct Probe {
    int64_t call = -1;  // grows
    uint64_t caller = 0;
  };
  struct Before {
    int64_t call = -1;
    absl::Time at;
    int64_t first_waiting = kNobody;
    std::vector<Probe> made;
  };

  // -1: never.
  int64_t LastOf(uint64_t caller) const;

  absl::Duration interval_;
  absl::Time at_;                    // when the next may go
  int64_t first_waiting_ = kNobody;  // the longest ago that one of those who were refused had probed
  std::vector<Probe> made_;          // the last of each caller, the oldest first
  std::optional<Before> before_;     // the last one was taken
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_PROBES_H_
