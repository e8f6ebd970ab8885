#include "services/billing/totals.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "services/billing/days.h"

namespace prismatic::billing {

std::vector<int32_t> Totals::Recall(const std::vector<int32_t>& days, int64_t now_us, Days& known) {
  std::vector<int32_t> missing;
  std::lock_guard<std::mutex> lock(mutex_);
  for (int32_t day : days) {
    auto found = days_.find(day);
    if (found == days_.end()) {
      missing.push_back(day);
      continue;
    }
    const Day& read = found->second;
    // A clock that stepped back makes it seem to be of the future.
    bool fresh = read.read_us <= now_us && now_us - read.read_us < absl::ToInt64Microseconds(kOpenDayAge);
    if (read.is_over || fresh) {
      known[day] = read.figures;
    } else {
      missing.push_back(day);
    }
  }
  return missing;
}

void Totals::Remember(const Days& read, int64_t now_us, int64_t redis_time_us) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (days_.size() + read.size() > kDaysMax) days_.clear();
  for (const auto& [day, figures] : read) {
    int64_t over_us = EndOfDayUs(day) + absl::ToInt64Microseconds(kDayIsOverAfter);
    // What is damaged may be mended, and is read again.
    bool is_over = redis_time_us >= over_us && figures.damaged.empty();
    days_[day] = {.figures = figures, .read_us = now_us, .is_over = is_over};
  }
}

Task<absl::StatusOr<Totals::Figures>> Totals::Of(std::vector<int32_t> days) {
  const int64_t now_us = ledger_.NowUs();
  Days by_day;
  std::vector<int32_t> missing = Recall(days, now_us, by_day);
  if (!missing.empty()) {
    auto read = ledger_.ReadTotals(missing);
    absl::StatusOr<RedisLedger::TotalsRead> told = co_await read;
    if (!told.ok()) co_return told.status();
    Days anew;
    for (int32_t day : missing) anew[day];
    for (v1::TotalsRow& row : told->rows) anew[row.day()].rows.push_back(std::move(row));
    for (Damage& damage : told->damaged) anew[damage.day].damaged.push_back(std::move(damage.words));
    Remember(anew, now_us, told->time_us);
    by_day.merge(anew);
  }
  Figures all;
  for (auto& [day, figures] : by_day) {
    std::move(figures.rows.begin(), figures.rows.end(), std::back_inserter(all.rows));
    all.damaged.insert(all.damaged.begin(), figures.damaged.begin(), figures.damaged.end());
  }
  co_return all;
}

}  // namespace prismatic::billing
