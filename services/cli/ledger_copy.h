#ifndef PRISMATIC_SERVICES_CLI_LEDGER_COPY_H_
#define PRISMATIC_SERVICES_CLI_LEDGER_COPY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/cli/connections.h"
#include "services/cli/ledger_book.h"

namespace prismatic::cli {

// Whether what billing has is what was copied: the same in all words, or, where billing has one entry that
// stands for those up to this one, the same money after it.
bool IsCopyOf(const billing::v1::LedgerEntry& copy, const billing::v1::LedgerEntry& there);

// Compares copied entries, handed over in order, with those that billing still has. Reads billing's as it
// goes, a page at a time. Entries before billing's first one were trimmed and have nothing to be compared
// with; each later one must be there.
class CopyComparison {
 public:
  CopyComparison(Connections& connections, std::string account)
      : connections_(connections), account_(std::move(account)) {}

  // Fails only when billing cannot be asked.
  absl::Status Add(const billing::v1::LedgerEntry& copy);
  // `expected` is what the copies say, `found` what billing has.
  std::vector<Difference> Take();

 private:
  absl::Status ReadOn(int64_t sequence);
  absl::Status FindFirst();
  void Missing(int64_t sequence);
  void EndGap();

  Connections& connections_;
  const std::string account_;
  // Of billing's entries: a page, how far it was used, the first one of all, and whether there are no more.
  billing::v1::ListLedgerEntriesResponse page_;
  int at_ = 0;
  int64_t first_ = 0;
  bool ended_ = false;
  // The last copy; an earlier one that comes later is the book's to name.
  int64_t last_ = 0;
  // Entries in a row that billing does not have; 0: none.
  int64_t gap_first_ = 0;
  int64_t gap_last_ = 0;
  std::vector<Difference> differences_;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_LEDGER_COPY_H_
