#ifndef PRISMATIC_SERVICES_BILLING_INSPECTION_H_
#define PRISMATIC_SERVICES_BILLING_INSPECTION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace prismatic::billing {

// A place in the list of a bucket's holds; empty: its begin.
struct HoldPosition {
  std::string end_us;
  std::string reservation_id;
};

struct InspectionLimits {
  // A bucket with more holds than this is not looked at in one call, for which all others wait: about two
  // milliseconds.
  int holds_max = 500;
  // So many of one account are looked at in one call, where several calls have not seen it unchanged: 20 to
  // 30 milliseconds, of the 100 that a reservation waits for Redis.
  int holds_of_one_max = 5'000;
  // So long after its time a hold is overdue; the sweeper looks every second.
  absl::Duration overdue_after = absl::Seconds(5);
};

// What stands in Redis of one account, and what its ledger and its holds say that should.
struct AccountView {
  // It is listed, and not there or not readable.
  bool damaged = false;
  // Changes with the account.
  std::string version;
  int64_t balance = 0;
  int64_t owed = 0;
  int64_t held = 0;
  int64_t sequence = 0;
  // Of its last entry; all 0 when there is none.
  int64_t entry_sequence = 0;
  int64_t entry_balance = 0;
  int64_t entry_owed = 0;
  // The number of its subscription's period, 0 when it has none, and the units that are held of it.
  int64_t period = 0;
  int64_t held_units = 0;
  // What its holds add up to; nothing when there are too many to look at.
  struct Holds {
    int64_t nanos = 0;
    // Of `period`.
    int64_t units = 0;
  };
  std::optional<Holds> pending;
};

// What is pending of one account.
struct PendingOfAccount {
  int64_t nanos = 0;
  // By the number of the subscription's period.
  std::map<int64_t, int64_t> units;
};

// What is pending of a bucket.
struct PendingSums {
  int64_t count = 0;
  int64_t nanos = 0;
  // When the oldest was made, Unix microseconds; 0: there is none.
  int64_t first_us = 0;
  // By account; only where pages of it are added up.
  std::map<std::string, PendingOfAccount> of;
  // Whose holds there are, and the bucket's list of accounts has no such name.
  std::set<std::string> unlisted;
};

struct BucketView {
  // All that are listed, and those of them whose time was over too long ago.
  int64_t holds = 0;
  int64_t overdue = 0;
  // Nothing when there are too many to look at in one call.
  std::optional<PendingSums> pending;
  // As they were asked for.
  std::vector<AccountView> accounts;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_INSPECTION_H_
