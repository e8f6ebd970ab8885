#ifndef PRISMATIC_GATEWAY_ADMIN_ENDPOINT_H_
#define PRISMATIC_GATEWAY_ADMIN_ENDPOINT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/admin/admin_call.h"
#include "gateway/admin/admin_clients.h"
#include "gateway/admin/exports.h"
#include "gateway/admin/trusted_proxies.h"
#include "gateway/openai/api.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/http/message.h"
#include "services/common/task/task.h"

// The admin API is tables of endpoints; each says all that is decided before its handler runs.
//
//   Task<Answer> ShowAccount(AdminParts parts, CallPtr call) {
//     billing::v1::GetAccountRequest request;
//     request.set_name(call->words[0]);
//     auto asking = parts.clients->AskBilling(call, &BillingMethods::GetAccount, std::move(request));
//     absl::StatusOr<billing::v1::GetAccountResponse> response = co_await asking;
//     if (!response.ok()) co_return response.status();
//     ...
//     co_return JsonAnswer(writer);
//   }
//   {"GET", "/admin/v1/accounts/{name}", Access::kViewer, BodyKind::kNone, ShowAccount}

namespace prismatic::gateway::admin {

// What handlers work with; all of it outlives every call.
struct AdminParts {
  AdminClients* clients = nullptr;
  // The snapshot of this gateway.
  const catalog_watch::CatalogHolder* catalog = nullptr;
  // The public API, for the playground.
  openai::Api* api = nullptr;
  // How many ledgers are exported at once.
  Exports* exports = nullptr;
  // Whose word for where a request comes from is taken.
  const TrustedProxies* proxies = nullptr;
};

// Who may call: anybody, or whoever has at least this role.
enum class Access { kAnyone, kViewer, kOperator, kOwner };

enum class BodyKind {
  // None; an empty object passes for it.
  kNone,
  // A JSON object, required.
  kObject,
  // The same, and it may be large: it holds YAML or pictures.
  kLargeObject,
};

// A key with the 100 longest names of models has 13 KiB, all else less than 1.
inline constexpr int64_t kBodyBytesMax = int64_t{16} << 10;
// A catalog of 8 MiB as a JSON string.
inline constexpr int64_t kLargeBodyBytesMax = int64_t{9} << 20;

// A status becomes the error object, by its reason (see error_answers.h).
using Answer = absl::StatusOr<http::Response>;

struct Endpoint {
  // GET also answers HEAD.
  const char* method;
  // Compared word by word: `/admin/v1/accounts/{name}/keys`. What stands at `{...}` is percent-decoded, `%2F`
  // too.
  const char* path;
  Access access;
  BodyKind body;
  // Called on a worker; waits, never blocks.
  Task<Answer> (*handle)(AdminParts parts, CallPtr call);
};

using Endpoints = std::vector<Endpoint>;

// session_endpoints.cc
Endpoints SessionEndpoints();
// overview.cc, status.cc, audit.cc
Endpoints OverviewEndpoints();
Endpoints StatusEndpoints();
Endpoints AuditEndpoints();
// provider_endpoints.cc, model_endpoints.cc, catalog_endpoints.cc
Endpoints ProviderEndpoints();
Endpoints ModelEndpoints();
Endpoints CatalogEndpoints();
// operator_endpoints.cc
Endpoints OperatorEndpoints();
// accounts.cc: accounts, keys, ledger, usage, reservations, playground
Endpoints AccountEndpoints();

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ENDPOINT_H_
