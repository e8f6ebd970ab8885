#include "services/cli/ledger_copy.h"
#include "services/admin_json/ledger_entry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

using Entry = billing::v1::LedgerEntry;

// The largest page that billing gives.
constexpr int kPageSize = 1000;

bool IsCarriedForward(const Entry& entry) {
  return entry.type() == billing::v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD;
}

std::string WhereOf(int64_t sequence) { return absl::StrCat("entry ", sequence, " against the file"); }

// An entry that stands for others has their sums in the members that are not `money_only`.
void AddDifferences(const Entry& copy, const Entry& there, bool money_only,
                    std::vector<Difference>& differences) {
  std::vector<std::string> columns = admin_json::EntryColumns(), expected = admin_json::EntryCells(copy),
                           found = admin_json::EntryCells(there);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (money_only && columns[i] != "balance_usd" && columns[i] != "owed_usd") continue;
    if (expected[i] == found[i]) continue;
    differences.push_back({WhereOf(copy.sequence()), columns[i], expected[i], found[i]});
  }
}

}  // namespace

bool IsCopyOf(const Entry& copy, const Entry& there) {
  if (IsCarriedForward(there) && !IsCarriedForward(copy)) {
    return there.sequence() == copy.sequence() && there.balance_nano_usd() == copy.balance_nano_usd() &&
           there.owed_nano_usd() == copy.owed_nano_usd();
  }
  return admin_json::EntryLine(there) == admin_json::EntryLine(copy);
}

// Until the page stands at the entry with this number, or at the next one behind it.
absl::Status CopyComparison::ReadOn(int64_t sequence) {
  while (true) {
    while (at_ < page_.entries_size() && page_.entries(at_).sequence() < sequence) ++at_;
    if (at_ < page_.entries_size() || ended_) return absl::OkStatus();
    billing::v1::ListLedgerEntriesRequest request;
    request.set_account(account_);
    request.set_after_sequence(sequence - 1);
    request.set_page_size(kPageSize);
    ASSIGN_OR_RETURN(page_, connections_.ListLedgerEntries(request));
    at_ = 0;
    ended_ = page_.entries().empty();
    // A trim may have happened since the last page.
    if (!ended_ && (first_ == 0 || IsCarriedForward(page_.entries(0)))) RETURN_IF_ERROR(FindFirst());
  }
}

absl::Status CopyComparison::FindFirst() {
  billing::v1::ListLedgerEntriesRequest request;
  request.set_account(account_);
  request.set_page_size(1);
  ASSIGN_OR_RETURN(billing::v1::ListLedgerEntriesResponse page, connections_.ListLedgerEntries(request));
  if (!page.entries().empty()) first_ = page.entries(0).sequence();
  return absl::OkStatus();
}

absl::Status CopyComparison::Add(const Entry& copy) {
  if (copy.sequence() <= last_) return absl::OkStatus();
  last_ = copy.sequence();
  RETURN_IF_ERROR(ReadOn(copy.sequence()));
  if (at_ == page_.entries_size() || page_.entries(at_).sequence() != copy.sequence()) {
    // Billing drops entries only for one that stays in their place, so none at all is not a trimmed ledger.
    if (first_ == 0 || copy.sequence() > first_) Missing(copy.sequence());
    return absl::OkStatus();
  }
  EndGap();
  const Entry& there = page_.entries(at_);
  // In the middle none can stand for others.
  bool money_only = there.sequence() == first_ && IsCarriedForward(there) && !IsCarriedForward(copy);
  AddDifferences(copy, there, money_only, differences_);
  return absl::OkStatus();
}

void CopyComparison::Missing(int64_t sequence) {
  if (gap_first_ != 0 && sequence != gap_last_ + 1) EndGap();
  if (gap_first_ == 0) gap_first_ = sequence;
  gap_last_ = sequence;
}

void CopyComparison::EndGap() {
  if (gap_first_ == 0) return;
  std::string there = gap_first_ == gap_last_ ? "there" : absl::StrCat("there, up to ", gap_last_);
  differences_.push_back({WhereOf(gap_first_), "place in billing", there, "missing"});
  gap_first_ = 0;
}

std::vector<Difference> CopyComparison::Take() {
  EndGap();
  return std::exchange(differences_, {});
}

}  // namespace prismatic::cli
