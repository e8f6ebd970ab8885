#ifndef PRISMATIC_GATEWAY_ADMIN_LEDGER_SCAN_H_
#define PRISMATIC_GATEWAY_ADMIN_LEDGER_SCAN_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "prismatic/billing/v1/billing.pb.h"

// Billing gives a ledger upwards from a sequence; people read it downwards, and look for entries of a kind.

namespace prismatic::gateway::admin {

// Which entries are wanted; what is empty lets all through.
struct EntryFilter {
  std::set<billing::v1::LedgerEntryType> types;
  std::string model;
  std::string key_id;

  bool LetsThrough(const billing::v1::LedgerEntry& entry) const;
  bool LetsAllThrough() const { return types.empty() && model.empty() && key_id.empty(); }
};
// `type` (words, separated by commas), `model`, `key_id`.
EntryFilter ReadEntryFilter(QueryReader& query);

struct LedgerQuestion {
  EntryFilter filter;
  // Entries below this sequence; empty: from the newest.
  std::optional<int64_t> before;
  int page_size = 0;
};

struct LedgerPage {
  // Newest first.
  std::vector<billing::v1::LedgerEntry> entries;
  // Where to go on; empty: the first entry was reached.
  std::optional<int64_t> next_before;
};

// Looks at no more than this many entries, however few the filter lets through.
inline constexpr int kEntriesLookedAtMax = 1'000;
Task<absl::StatusOr<LedgerPage>> ReadLedgerPage(AdminParts parts, CallPtr call, LedgerQuestion question);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_LEDGER_SCAN_H_
