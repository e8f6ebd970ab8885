#ifndef PRISMATIC_GATEWAY_ADMIN_LEDGER_CSV_H_
#define PRISMATIC_GATEWAY_ADMIN_LEDGER_CSV_H_

#include "gateway/admin/endpoint.h"

namespace prismatic::gateway::admin {

// GET /admin/v1/accounts/{name}/ledger.csv: an account's ledger for spreadsheets, oldest entries first. What
// it may take of memory and time is bounded; `x-prismatic-more: true` says that the ledger goes on.
Task<Answer> ExportLedger(AdminParts parts, CallPtr call);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_LEDGER_CSV_H_
