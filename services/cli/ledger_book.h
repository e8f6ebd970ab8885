#ifndef PRISMATIC_SERVICES_CLI_LEDGER_BOOK_H_
#define PRISMATIC_SERVICES_CLI_LEDGER_BOOK_H_

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/billing/v1/billing.pb.h"

namespace prismatic::cli {

// Something that does not add up.
struct Difference {
  // "entry 7", "account", "usage 2026-11-30 acme.1 imagen-4".
  std::string where;
  // "balance".
  std::string what;
  std::string expected;
  std::string found;
};

// A row of the usage table.
struct UsageKey {
  int32_t day = 0;
  std::string key_id;
  std::string model;
  friend auto operator<=>(const UsageKey&, const UsageKey&) = default;
};
struct UsageSum {
  int64_t requests = 0;
  int64_t images = 0;
  int64_t charged_nano_usd = 0;
  int64_t units = 0;
  friend bool operator==(const UsageSum&, const UsageSum&) = default;
};

// An account's books, written up from its ledger entries alone: hand them over in order, from the first one
// or from a carried-forward one. Every entry is checked against those before it and against the rules of its
// type; after a fault the book goes on from what the entry says, so that one fault is one difference. Pure.
class Book {
 public:
  void Add(const billing::v1::LedgerEntry& entry);

  const std::vector<Difference>& differences() const { return differences_; }
  // Of the last entry; 0 before the first.
  int64_t sequence() const { return sequence_; }
  int64_t balance_nano_usd() const { return balance_; }
  int64_t owed_nano_usd() const { return owed_; }
  int64_t entries() const { return entries_; }

  // The period of the subscription that the entries speak of, and what was settled in it.
  struct Period {
    int64_t start_us = 0;
    int64_t end_us = 0;
    int64_t quota_units = 0;
    int64_t used_units = 0;
    int64_t over_units = 0;
    // Its quota was made smaller, perhaps below what was used and held.
    bool lowered = false;
  };
  const Period& period() const { return period_; }

  const std::map<UsageKey, UsageSum>& usage() const { return usage_; }
  // Days before this one are not whole, because entries were carried forward; 0: all are.
  int32_t usage_whole_from() const { return usage_whole_from_; }

 private:
  void Differ(const billing::v1::LedgerEntry& entry, absl::string_view what, int64_t expected, int64_t found);
  void Wrong(const billing::v1::LedgerEntry& entry, absl::string_view what, absl::string_view expected,
             absl::string_view found);
  void Begin(const billing::v1::LedgerEntry& entry);
  void CheckChain(const billing::v1::LedgerEntry& entry);
  void CheckType(const billing::v1::LedgerEntry& entry);
  void CheckCharge(const billing::v1::LedgerEntry& entry);
  void CheckNoMoney(const billing::v1::LedgerEntry& entry);
  void CheckOnce(const billing::v1::LedgerEntry& entry);
  void CountCharge(const billing::v1::LedgerEntry& entry);
  void CountUnits(const billing::v1::LedgerEntry& entry);
  void TurnPeriod(const billing::v1::LedgerEntry& entry);

  std::vector<Difference> differences_;
  std::string account_;
  int64_t entries_ = 0;
  int64_t sequence_ = 0;
  int64_t balance_ = 0;
  int64_t owed_ = 0;
  Period period_;
  std::map<UsageKey, UsageSum> usage_;
  int32_t usage_whole_from_ = 0;
  std::unordered_set<std::string> reservations_;
  std::unordered_set<std::string> requests_;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_LEDGER_BOOK_H_
