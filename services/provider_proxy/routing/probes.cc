#include "services/provider_proxy/routing/probes.h"

#include <utility>

namespace prismatic::provider_proxy {

int64_t Probes::LastOf(uint64_t caller) const {
  for (const Probe& probe : made_) {
    if (probe.caller == caller) return probe.call;
  }
  return -1;
}

void Probes::Take(absl::Time now, int64_t call, uint64_t caller) {
  before_ = Before{call, at_, first_waiting_, made_};
  at_ = now + interval_;
  first_waiting_ = kNobody;
  std::erase_if(made_, [caller](const Probe& probe) { return probe.caller == caller; });
  if (made_.size() == kRememberedMax) made_.erase(made_.begin());
  made_.push_back({call, caller});
}

void Probes::TakeBack(int64_t call) {
  if (!before_ || before_->call != call) return;
  at_ = before_->at;
  made_ = std::move(before_->made);
  // Those who were refused meanwhile have asked all the same; what they had probed has not changed.
  first_waiting_ = std::min(first_waiting_, before_->first_waiting);
  before_.reset();
}

}  // namespace prismatic::provider_proxy
