#ifndef PRISMATIC_SERVICES_BILLING_SERVICE_H_
#define PRISMATIC_SERVICES_BILLING_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <set>
#include <string>

#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/billing/billing.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/unary.h"

namespace prismatic::billing {

// The callers' port.
class BillingService : public v1::Billing::CallbackService {
 public:
  // `trusted_meters` are names in client certificates; without mutual TLS nobody is one.
  BillingService(Billing& billing, metrics::Registry& metrics, std::set<std::string> trusted_meters);

  grpc::ServerUnaryReactor* CreateReservation(grpc::CallbackServerContext* context,
                                              const v1::CreateReservationRequest* request,
                                              v1::CreateReservationResponse* response) override;
  grpc::ServerUnaryReactor* SettleReservation(grpc::CallbackServerContext* context,
                                              const v1::SettleReservationRequest* request,
                                              v1::SettleReservationResponse* response) override;
  grpc::ServerUnaryReactor* ReleaseReservation(grpc::CallbackServerContext* context,
                                               const v1::ReleaseReservationRequest* request,
                                               v1::ReleaseReservationResponse* response) override;
  grpc::ServerUnaryReactor* CheckKey(grpc::CallbackServerContext* context, const v1::CheckKeyRequest* request,
                                     v1::CheckKeyResponse* response) override;
  grpc::ServerUnaryReactor* EstimateCost(grpc::CallbackServerContext* context,
                                         const v1::EstimateCostRequest* request,
                                         v1::EstimateCostResponse* response) override;

 private:
  CallerRights RightsOf(const grpc::CallbackServerContext& context) const;

  Billing& billing_;
  rpc::CallMetrics metrics_;
  const std::set<std::string> trusted_meters_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_SERVICE_H_
