#ifndef PRISMATIC_SERVICES_BILLING_TOTALS_H_
#define PRISMATIC_SERVICES_BILLING_TOTALS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/redis_ledger.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// What all accounts used, by day and model, and what of that cannot be read. A day is read from 256 keys, so
// what was read is remembered in the process. Thread-safe.
class Totals {
 public:
  // How old the figures of a day may be that still changes: what the proto promises.
  static constexpr absl::Duration kOpenDayAge = absl::Seconds(10);
  // Settlements are counted by Redis' clock in the step in which they are made, so a day is over when it
  // ends; this is for a clock that is put back a little.
  static constexpr absl::Duration kDayIsOverAfter = absl::Minutes(10);
  // A year and a good part of another; a day of 20 models takes 2 KB.
  static constexpr size_t kDaysMax = 600;

  // The ledger outlives it.
  explicit Totals(RedisLedger& ledger) : ledger_(ledger) {}

  struct Figures {
    // In order of day and model.
    std::vector<v1::TotalsRow> rows;
    // In words, the newest day first.
    std::vector<std::string> damaged;
  };
  // The days are in order.
  Task<absl::StatusOr<Figures>> Of(std::vector<int32_t> days);

 private:
  struct Day {
    Figures figures;
    // By the process' clock.
    int64_t read_us = 0;
    bool is_over = false;
  };
  using Days = std::map<int32_t, Figures>;
  // Puts what is remembered, and is not too old at this time, into `known`; answers the days that must be
  // read.
  std::vector<int32_t> Recall(const std::vector<int32_t>& days, int64_t now_us, Days& known);
  // `read` has an entry of each day.
  void Remember(const Days& read, int64_t now_us, int64_t redis_time_us);

  RedisLedger& ledger_;
  std::mutex mutex_;
  std::map<int32_t, Day> days_;  // guarded by mutex_
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_TOTALS_H_
