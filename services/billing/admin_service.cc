#include "services/billing/admin_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "services/billing/billing_metrics.h"
#include "services/billing/names.h"
#include "services/common/log/log.h"

namespace prismatic::billing {
namespace {

constexpr char kDomain[] = "billing.prismatic";
constexpr char kActorKey[] = "x-prismatic-actor";
// A person's address or a service's name.
constexpr size_t kActorBytesMax = 128;
// What is no name of ours is not put into the log at any length.
constexpr size_t kSubjectBytesMax = 100;

// Who acts, as the caller tells, who shows the token; empty: it does not tell.
std::string ActorOf(const grpc::CallbackServerContext& context) {
  auto found = context.client_metadata().find(kActorKey);
  if (found == context.client_metadata().end()) return "";
  std::string actor(found->second.data(), std::min(found->second.size(), kActorBytesMax));
  std::replace_if(
      actor.begin(), actor.end(), [](unsigned char c) { return !absl::ascii_isprint(c); }, '?');
  return actor;
}

// Who the audit log names: without a word of the caller, the holder of the token.
AdminCall CallOf(const grpc::CallbackServerContext& context) {
  std::string actor = ActorOf(context);
  return actor.empty() ? AdminCall() : AdminCall{.actor = std::move(actor)};
}

// The account that a request is about, from whichever field names it; empty: none.
template <typename Request>
std::string AccountOf(const Request& request) {
  std::string text;
  if constexpr (requires { request.account(); }) {
    text = request.account();
  } else if constexpr (requires { request.name(); }) {
    text = request.name();
  } else if constexpr (requires { request.key_id(); }) {
    text = request.key_id();
  } else if constexpr (requires { request.reservation_id(); }) {
    text = request.reservation_id();
  }
  return text.substr(0, std::min(text.find('.'), kSubjectBytesMax));
}

void LogCall(const CallContext& call, const char* method, const std::string& account,
             const std::string& actor, const absl::Status& status) {
  log::Info("admin call", {{"request_id", call.request_id},
                           call.trace,
                           {"method", method},
                           {"account", account},
                           {"actor", actor},
                           {"outcome", status.ok() ? "ok" : ResultLabel(status)}});
}

template <typename Response>
Task<absl::StatusOr<Response>> Refuse(absl::Status status) {
  co_return status;
}

template <typename Response>
Task<absl::StatusOr<Response>> Logged(CallContext call, const char* method, std::string account,
                                      std::string actor, Task<absl::StatusOr<Response>> task) {
  absl::StatusOr<Response> response = co_await task;
  LogCall(call, method, account, actor, response.status());
  co_return response;
}

}  // namespace

BillingAdminService::BillingAdminService(Admin& admin, LedgerTails& tails, metrics::Registry& metrics,
                                         rpc::AdminToken token)
    : admin_(admin),
      tails_(tails),
      metrics_(metrics, v1::BillingAdmin::service_full_name(), kDomain),
      token_(std::move(token)) {}

template <typename Request, typename Response, typename... Call>
grpc::ServerUnaryReactor* BillingAdminService::Serve(
    const char* name, grpc::CallbackServerContext* context, const Request* request, Response* response,
    Task<absl::StatusOr<Response>> (Admin::*method)(Request, Call...), Call... call) {
  absl::Status allowed = token_.Check(*context);
  auto task = allowed.ok() ? (admin_.*method)(*request, std::move(call)...) : Refuse<Response>(allowed);
  CallContext traced = rpc::ContextOf(context);
  return rpc::Serve(metrics_, name, context, response,
                    Logged(traced, name, AccountOf(*request), ActorOf(*context), std::move(task)), traced);
}

grpc::ServerWriteReactor<v1::TailLedgerEntriesResponse>* BillingAdminService::TailLedgerEntries(
    grpc::CallbackServerContext* context, const v1::TailLedgerEntriesRequest* request) {
  static constexpr char kName[] = "TailLedgerEntries";
  auto ended = [this, call = rpc::ContextOf(context), account = AccountOf(*request),
                actor = ActorOf(*context), started = metrics_.Begin(kName)](const absl::Status& status) {
    LogCall(call, kName, account, actor, status);
    return metrics_.Finish(kName, started, status);
  };
  return tails_.Open(*request, token_.Check(*context), std::move(ended));
}

grpc::ServerUnaryReactor* BillingAdminService::CreateAccount(grpc::CallbackServerContext* context,
                                                             const v1::CreateAccountRequest* request,
                                                             v1::CreateAccountResponse* response) {
  return Serve("CreateAccount", context, request, response, &Admin::CreateAccount, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::UpdateAccount(grpc::CallbackServerContext* context,
                                                             const v1::UpdateAccountRequest* request,
                                                             v1::UpdateAccountResponse* response) {
  return Serve("UpdateAccount", context, request, response, &Admin::UpdateAccount, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::SuspendAccount(grpc::CallbackServerContext* context,
                                                              const v1::SuspendAccountRequest* request,
                                                              v1::SuspendAccountResponse* response) {
  return Serve("SuspendAccount", context, request, response, &Admin::SuspendAccount, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::ResumeAccount(grpc::CallbackServerContext* context,
                                                             const v1::ResumeAccountRequest* request,
                                                             v1::ResumeAccountResponse* response) {
  return Serve("ResumeAccount", context, request, response, &Admin::ResumeAccount, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::GetAccount(grpc::CallbackServerContext* context,
                                                          const v1::GetAccountRequest* request,
                                                          v1::GetAccountResponse* response) {
  return Serve("GetAccount", context, request, response, &Admin::GetAccount);
}

grpc::ServerUnaryReactor* BillingAdminService::TopUpWallet(grpc::CallbackServerContext* context,
                                                           const v1::TopUpWalletRequest* request,
                                                           v1::TopUpWalletResponse* response) {
  return Serve("TopUpWallet", context, request, response, &Admin::TopUpWallet, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::AdjustWallet(grpc::CallbackServerContext* context,
                                                            const v1::AdjustWalletRequest* request,
                                                            v1::AdjustWalletResponse* response) {
  return Serve("AdjustWallet", context, request, response, &Admin::AdjustWallet, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::WriteOffDebt(grpc::CallbackServerContext* context,
                                                            const v1::WriteOffDebtRequest* request,
                                                            v1::WriteOffDebtResponse* response) {
  return Serve("WriteOffDebt", context, request, response, &Admin::WriteOffDebt, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::CreateKey(grpc::CallbackServerContext* context,
                                                         const v1::CreateKeyRequest* request,
                                                         v1::CreateKeyResponse* response) {
  return Serve("CreateKey", context, request, response, &Admin::CreateKey, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::ImportKey(grpc::CallbackServerContext* context,
                                                         const v1::ImportKeyRequest* request,
                                                         v1::ImportKeyResponse* response) {
  return Serve("ImportKey", context, request, response, &Admin::ImportKey, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::UpdateKey(grpc::CallbackServerContext* context,
                                                         const v1::UpdateKeyRequest* request,
                                                         v1::UpdateKeyResponse* response) {
  return Serve("UpdateKey", context, request, response, &Admin::UpdateKey, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::RevokeKey(grpc::CallbackServerContext* context,
                                                         const v1::RevokeKeyRequest* request,
                                                         v1::RevokeKeyResponse* response) {
  return Serve("RevokeKey", context, request, response, &Admin::RevokeKey, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::ListKeys(grpc::CallbackServerContext* context,
                                                        const v1::ListKeysRequest* request,
                                                        v1::ListKeysResponse* response) {
  return Serve("ListKeys", context, request, response, &Admin::ListKeys);
}

grpc::ServerUnaryReactor* BillingAdminService::ListLedgerEntries(grpc::CallbackServerContext* context,
                                                                 const v1::ListLedgerEntriesRequest* request,
                                                                 v1::ListLedgerEntriesResponse* response) {
  return Serve("ListLedgerEntries", context, request, response, &Admin::ListLedgerEntries);
}

grpc::ServerUnaryReactor* BillingAdminService::TrimLedger(grpc::CallbackServerContext* context,
                                                          const v1::TrimLedgerRequest* request,
                                                          v1::TrimLedgerResponse* response) {
  return Serve("TrimLedger", context, request, response, &Admin::TrimLedger, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::ListUsage(grpc::CallbackServerContext* context,
                                                         const v1::ListUsageRequest* request,
                                                         v1::ListUsageResponse* response) {
  return Serve("ListUsage", context, request, response, &Admin::ListUsage);
}

grpc::ServerUnaryReactor* BillingAdminService::ListReservations(grpc::CallbackServerContext* context,
                                                                const v1::ListReservationsRequest* request,
                                                                v1::ListReservationsResponse* response) {
  return Serve("ListReservations", context, request, response, &Admin::ListReservations);
}

grpc::ServerUnaryReactor* BillingAdminService::AuditAccount(grpc::CallbackServerContext* context,
                                                            const v1::AuditAccountRequest* request,
                                                            v1::AuditAccountResponse* response) {
  return Serve("AuditAccount", context, request, response, &Admin::AuditAccount);
}

grpc::ServerUnaryReactor* BillingAdminService::RecountAccount(grpc::CallbackServerContext* context,
                                                              const v1::RecountAccountRequest* request,
                                                              v1::RecountAccountResponse* response) {
  return Serve("RecountAccount", context, request, response, &Admin::RecountAccount, CallOf(*context));
}

grpc::ServerUnaryReactor* BillingAdminService::GetReservation(grpc::CallbackServerContext* context,
                                                              const v1::GetReservationRequest* request,
                                                              v1::GetReservationResponse* response) {
  return Serve("GetReservation", context, request, response, &Admin::GetReservation);
}

grpc::ServerUnaryReactor* BillingAdminService::ListAccounts(grpc::CallbackServerContext* context,
                                                            const v1::ListAccountsRequest* request,
                                                            v1::ListAccountsResponse* response) {
  return Serve("ListAccounts", context, request, response, &Admin::ListAccounts);
}

grpc::ServerUnaryReactor* BillingAdminService::ListTotals(grpc::CallbackServerContext* context,
                                                          const v1::ListTotalsRequest* request,
                                                          v1::ListTotalsResponse* response) {
  return Serve("ListTotals", context, request, response, &Admin::ListTotals);
}

grpc::ServerUnaryReactor* BillingAdminService::ListAuditEntries(grpc::CallbackServerContext* context,
                                                                const v1::ListAuditEntriesRequest* request,
                                                                v1::ListAuditEntriesResponse* response) {
  return Serve("ListAuditEntries", context, request, response, &Admin::ListAuditEntries);
}

grpc::ServerUnaryReactor* BillingAdminService::GetBillingStatus(grpc::CallbackServerContext* context,
                                                                const v1::GetBillingStatusRequest* request,
                                                                v1::GetBillingStatusResponse* response) {
  return Serve("GetBillingStatus", context, request, response, &Admin::GetBillingStatus);
}

}  // namespace prismatic::billing
