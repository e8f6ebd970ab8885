#ifndef PRISMATIC_SERVICES_CLI_LEDGER_AUDIT_H_
#define PRISMATIC_SERVICES_CLI_LEDGER_AUDIT_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "prismatic/billing/v1/billing.pb.h"
#include "services/cli/ledger_book.h"

// What billing says of an account, compared with books that were written up from its ledger. Pure.

namespace prismatic::cli {

// `audit` was taken when the account's newest entry was the book's last one.
std::vector<Difference> CompareAccount(const Book& book, const billing::v1::AuditAccountResponse& audit);

using UsageTable = std::map<UsageKey, UsageSum>;
UsageTable TableOf(const google::protobuf::RepeatedPtrField<billing::v1::UsageRow>& rows);
// `table` was read between two moments: at the first the entries added up to `before`, at the second to
// `after`. Its sums only grow, and with the entries: they lie between both, and are exact where both are the
// same. Days before `whole_from` (of Book) and those `left_out` are not compared.
std::vector<Difference> CompareUsage(const UsageTable& before, const UsageTable& after,
                                     const UsageTable& table, int32_t whole_from,
                                     const std::set<int32_t>& left_out = {});

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_LEDGER_AUDIT_H_
