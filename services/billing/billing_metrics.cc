#include "services/billing/billing_metrics.h"

#include "absl/strings/ascii.h"
#include "services/common/status/status.h"

namespace prismatic::billing {
namespace {

// An outage of Redis of some minutes; a megabyte.
constexpr size_t kLostAnswersMax = 10'000;

}  // namespace

void CounterFamily::Add(const std::string& value, const std::string& second, double amount) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = counters_.find({value, second});
  if (found == counters_.end()) {
    metrics::Labels labels = {{label_, value}};
    if (!second_label_.empty()) labels[second_label_] = second;
    found =
        counters_.emplace(std::make_pair(value, second), registry_.GetCounter(name_, help_, labels)).first;
  }
  found->second.Add(amount);
}

void LostAnswers::Add(const std::string& reservation_id) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!ids_.insert(reservation_id).second) return;
  in_order_.push_back(reservation_id);
  if (in_order_.size() <= kLostAnswersMax) return;
  ids_.erase(in_order_.front());
  in_order_.pop_front();
}

bool LostAnswers::Take(const std::string& reservation_id) {
  std::lock_guard<std::mutex> lock(mutex_);
  return ids_.erase(reservation_id) > 0;
}

std::string ResultLabel(const absl::Status& status) {
  common::v1::ErrorReason reason = ReasonOf(status);
  if (reason == common::v1::ERROR_REASON_UNSPECIFIED) return "error";
  return absl::AsciiStrToLower(ReasonName(reason));
}

}  // namespace prismatic::billing
