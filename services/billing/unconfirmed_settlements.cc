#include "services/billing/unconfirmed_settlements.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace prismatic::billing {

size_t UnconfirmedSettlements::size() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return settlements_.size();
}

bool UnconfirmedSettlements::Add(Settlement settlement) {
  std::lock_guard<std::mutex> lock(mutex_);
  settlements_.push_back(std::move(settlement));
  if (settlements_.size() <= kMax) return true;
  settlements_.pop_front();
  return false;
}

void UnconfirmedSettlements::Confirm(uint64_t history) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(settlements_, [history](const Settlement& s) { return s.history == history; });
}

std::vector<UnconfirmedSettlements::Settlement> UnconfirmedSettlements::TakeLost(uint64_t history) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto kept = std::stable_partition(settlements_.begin(), settlements_.end(),
                                    [history](const Settlement& s) { return s.history == history; });
  std::vector<Settlement> lost(std::make_move_iterator(kept), std::make_move_iterator(settlements_.end()));
  settlements_.erase(kept, settlements_.end());
  return lost;
}

}  // namespace prismatic::billing
