#include "services/cli/ledger_reader.h"

#include "absl/status/statusor.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// The largest page that billing gives.
constexpr int kPageSize = 1000;

}  // namespace

absl::Status ReadLedger(Connections& connections, const LedgerRange& range, const TakeEntry& take,
                        const std::function<absl::Status()>& page_end) {
  billing::v1::ListLedgerEntriesRequest request;
  request.set_account(range.account);
  request.set_after_sequence(range.after);
  request.set_page_size(kPageSize);
  bool more = request.after_sequence() < range.through;
  while (more) {
    ASSIGN_OR_RETURN(billing::v1::ListLedgerEntriesResponse page, connections.ListLedgerEntries(request));
    int64_t before = request.after_sequence();
    for (const billing::v1::LedgerEntry& entry : page.entries()) {
      if (entry.sequence() > range.through) return page_end ? page_end() : absl::OkStatus();
      RETURN_IF_ERROR(take(entry));
      request.set_after_sequence(entry.sequence());
    }
    if (page_end) RETURN_IF_ERROR(page_end());
    if (page.more() && request.after_sequence() <= before) {
      return InternalError("billing promises more entries and gives none");
    }
    more = page.more() && request.after_sequence() < range.through;
  }
  return absl::OkStatus();
}

}  // namespace prismatic::cli
