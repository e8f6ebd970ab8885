#include "services/billing/service.h"

#include <memory>
#include <utility>

namespace prismatic::billing {
namespace {

constexpr char kDomain[] = "billing.prismatic";

template <typename Response>
Task<absl::StatusOr<Response>> Refuse(absl::Status status) {
  co_return status;
}

}  // namespace

BillingService::BillingService(Billing& billing, metrics::Registry& metrics,
                               std::set<std::string> trusted_meters)
    : billing_(billing),
      metrics_(metrics, v1::Billing::service_full_name(), kDomain),
      trusted_meters_(std::move(trusted_meters)) {}

CallerRights BillingService::RightsOf(const grpc::CallbackServerContext& context) const {
  std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (trusted_meters_.empty() || auth == nullptr || !auth->IsPeerAuthenticated()) return {};
  for (const grpc::string_ref& name : auth->GetPeerIdentity()) {
    if (trusted_meters_.count(std::string(name.data(), name.size())) > 0) return {.trusted_meter = true};
  }
  return {};
}

grpc::ServerUnaryReactor* BillingService::CreateReservation(grpc::CallbackServerContext* context,
                                                            const v1::CreateReservationRequest* request,
                                                            v1::CreateReservationResponse* response) {
  return rpc::Serve(metrics_, "CreateReservation", context, response,
                    billing_.CreateReservation(*request, RightsOf(*context)));
}

grpc::ServerUnaryReactor* BillingService::SettleReservation(grpc::CallbackServerContext* context,
                                                            const v1::SettleReservationRequest* request,
                                                            v1::SettleReservationResponse* response) {
  return rpc::Serve(metrics_, "SettleReservation", context, response, billing_.SettleReservation(*request));
}

grpc::ServerUnaryReactor* BillingService::ReleaseReservation(grpc::CallbackServerContext* context,
                                                             const v1::ReleaseReservationRequest* request,
                                                             v1::ReleaseReservationResponse* response) {
  return rpc::Serve(metrics_, "ReleaseReservation", context, response, billing_.ReleaseReservation(*request));
}

grpc::ServerUnaryReactor* BillingService::CheckKey(grpc::CallbackServerContext* context,
                                                   const v1::CheckKeyRequest* request,
                                                   v1::CheckKeyResponse* response) {
  return rpc::Serve(metrics_, "CheckKey", context, response, billing_.CheckKey(*request));
}

grpc::ServerUnaryReactor* BillingService::EstimateCost(grpc::CallbackServerContext* context,
                                                       const v1::EstimateCostRequest* request,
                                                       v1::EstimateCostResponse* response) {
  return rpc::Serve(metrics_, "EstimateCost", context, response,
                    billing_.EstimateCost(*request, RightsOf(*context)));
}

BillingAdminService::BillingAdminService(Admin& admin, metrics::Registry& metrics, rpc::AdminToken token)
    : admin_(admin),
      metrics_(metrics, v1::BillingAdmin::service_full_name(), kDomain),
      token_(std::move(token)) {}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* BillingAdminService::Serve(
    const char* name, grpc::CallbackServerContext* context, const Request* request, Response* response,
    Task<absl::StatusOr<Response>> (Admin::*method)(Request)) {
  absl::Status allowed = token_.Check(*context);
  if (!allowed.ok()) return rpc::Serve(metrics_, name, context, response, Refuse<Response>(allowed));
  return rpc::Serve(metrics_, name, context, response, (admin_.*method)(*request));
}

grpc::ServerUnaryReactor* BillingAdminService::CreateAccount(grpc::CallbackServerContext* context,
                                                             const v1::CreateAccountRequest* request,
                                                             v1::CreateAccountResponse* response) {
  return Serve("CreateAccount", context, request, response, &Admin::CreateAccount);
}

grpc::ServerUnaryReactor* BillingAdminService::GetAccount(grpc::CallbackServerContext* context,
                                                          const v1::GetAccountRequest* request,
                                                          v1::GetAccountResponse* response) {
  return Serve("GetAccount", context, request, response, &Admin::GetAccount);
}

grpc::ServerUnaryReactor* BillingAdminService::TopUpWallet(grpc::CallbackServerContext* context,
                                                           const v1::TopUpWalletRequest* request,
                                                           v1::TopUpWalletResponse* response) {
  return Serve("TopUpWallet", context, request, response, &Admin::TopUpWallet);
}

grpc::ServerUnaryReactor* BillingAdminService::CreateKey(grpc::CallbackServerContext* context,
                                                         const v1::CreateKeyRequest* request,
                                                         v1::CreateKeyResponse* response) {
  return Serve("CreateKey", context, request, response, &Admin::CreateKey);
}

grpc::ServerUnaryReactor* BillingAdminService::RevokeKey(grpc::CallbackServerContext* context,
                                                         const v1::RevokeKeyRequest* request,
                                                         v1::RevokeKeyResponse* response) {
  return Serve("RevokeKey", context, request, response, &Admin::RevokeKey);
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

grpc::ServerUnaryReactor* BillingAdminService::GetReservation(grpc::CallbackServerContext* context,
                                                              const v1::GetReservationRequest* request,
                                                              v1::GetReservationResponse* response) {
  return Serve("GetReservation", context, request, response, &Admin::GetReservation);
}

}  // namespace prismatic::billing
