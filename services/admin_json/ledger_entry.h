#ifndef PRISMATIC_SERVICES_ADMIN_JSON_LEDGER_ENTRY_H_
#define PRISMATIC_SERVICES_ADMIN_JSON_LEDGER_ENTRY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "prismatic/billing/v1/billing.pb.h"

// A ledger entry as text. All of it follows the message's own fields, so that a field that billing gains is
// exported, read back and compared without anybody having to think of it here:
//
//   x_nano_usd  two members, `x_usd`, a decimal string, and `x_nano_usd`, an integer
//   x_us        `x`, RFC 3339 in UTC to the microsecond; null for 0
//   enums       the value's word in lower case; null for UNSPECIFIED
//   texts       null when empty
//   numbers     as they are
//
// billing_json.h has the members without `account`, as they stand in lists.

namespace prismatic::admin_json {

// One line of JSON, `account` first, without the line's end. What a file of exported entries is made of.
std::string EntryLine(const billing::v1::LedgerEntry& entry);
// Fails on what EntryLine cannot have written: no such object, a member of another form, an amount whose two
// members differ. Members that this build does not know are ignored, and those that a line is too old to have
// are empty.
absl::StatusOr<billing::v1::LedgerEntry> ParseEntryLine(absl::string_view line);

// For CSV: the names of all members, and an entry's values in that order; empty where they are null.
std::vector<std::string> EntryColumns();
std::vector<std::string> EntryCells(const billing::v1::LedgerEntry& entry);

}  // namespace prismatic::admin_json

#endif  // PRISMATIC_SERVICES_ADMIN_JSON_LEDGER_ENTRY_H_
