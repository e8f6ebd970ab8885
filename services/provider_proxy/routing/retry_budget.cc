#include "services/provider_proxy/routing/retry_budget.h"

#include <algorithm>

namespace prismatic::provider_proxy {

RetryBudget::RetryBudget(const Clock& clock, metrics::Registry& metrics)
    : clock_(clock),
      exhausted_(metrics.GetCounter("prismatic_retry_budget_exhausted_total",
                                    "Further upstream calls that were not made because the budget for them "
                                    "was used up.")),
      filled_at_(clock.Now()) {}

void RetryBudget::AddLocked(double earned) {
  absl::Time now = clock_.Now();
  double seconds = std::max(0.0, absl::ToDoubleSeconds(now - filled_at_));
  filled_at_ = now;
  saved_ = std::min(kSavedMax, saved_ + earned + seconds * kEarnedPerSecond);
}

void RetryBudget::NoteFirstCall() {
  std::lock_guard<std::mutex> lock(mutex_);
  AddLocked(kEarnedPerCall);
}

bool RetryBudget::TryTake() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    AddLocked(0);
    // Fifths do not add up to whole numbers in binary.
    constexpr double kAlmostOne = 1 - 1e-9;
    if (saved_ >= kAlmostOne) {
      saved_ = std::max(0.0, saved_ - 1);
      return true;
    }
  }
  exhausted_.Add();
  return false;
}

}  // namespace prismatic::provider_proxy
