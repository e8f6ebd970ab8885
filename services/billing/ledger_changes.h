#ifndef PRISMATIC_SERVICES_BILLING_LEDGER_CHANGES_H_
#define PRISMATIC_SERVICES_BILLING_LEDGER_CHANGES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/ledger_replies.h"
#include "services/common/redis/reply.h"

// What the functions of administration take and refuse, beyond ledger_replies.h.

namespace prismatic::billing {

// Of requests a minute, images a minute, concurrency: "" stays, "-" becomes unlimited, or the new limit.
std::vector<std::string> WordsOfChange(const v1::LimitsChange& change);

// OK for {"OK" or "REPLAY", ...}; else the named error, those that only administration meets among them.
absl::Status RefusalOfBooks(const absl::StatusOr<std::vector<redis::Reply>>& answer);

// The subscription's counters as the ledger tells them after each entry; see functions/shared.lua,
// append_ledger.
struct SubscriptionCount {
  bool exists = false;
  int64_t quota_units = 0;
  int64_t period_start_us = 0;
  int64_t period_end_us = 0;
  int64_t used_units = 0;
  int64_t over_units = 0;

  void Take(const v1::LedgerEntry& entry);
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_LEDGER_CHANGES_H_
