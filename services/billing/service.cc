#include "services/billing/service.h"

#include <memory>
#include <utility>

namespace prismatic::billing {
namespace {

constexpr char kDomain[] = "billing.prismatic";

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

}  // namespace prismatic::billing
