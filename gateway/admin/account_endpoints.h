#ifndef PRISMATIC_GATEWAY_ADMIN_ACCOUNT_ENDPOINTS_H_
#define PRISMATIC_GATEWAY_ADMIN_ACCOUNT_ENDPOINTS_H_

#include "gateway/admin/endpoint.h"

// The parts that AccountEndpoints() is made of, each beside its handlers.

namespace prismatic::gateway::admin {

// key_endpoints.cc
Endpoints KeyEndpoints();
// ledger_endpoints.cc: ledger, CSV, usage, reservations
Endpoints LedgerEndpoints();
// playground.cc
Endpoints PlaygroundEndpoints();

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ACCOUNT_ENDPOINTS_H_
