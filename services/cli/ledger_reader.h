#ifndef PRISMATIC_SERVICES_CLI_LEDGER_READER_H_
#define PRISMATIC_SERVICES_CLI_LEDGER_READER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/cli/connections.h"

namespace prismatic::cli {

using TakeEntry = std::function<absl::Status(const billing::v1::LedgerEntry&)>;

// Where to read an account's entries from billing, and up to where.
struct LedgerRange {
  std::string account;
  // Entries after this one.
  int64_t after = 0;
  // The last one wanted; it may be newer than what there is.
  int64_t through = INT64_MAX;
};

// Hands each entry of the range to `take`, in order, page after page. `page_end` (may be empty) is called
// after each page.
absl::Status ReadLedger(Connections& connections, const LedgerRange& range, const TakeEntry& take,
                        const std::function<absl::Status()>& page_end = nullptr);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_LEDGER_READER_H_
