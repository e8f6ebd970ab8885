#ifndef PRISMATIC_SERVICES_BILLING_SERVICE_H_
#define PRISMATIC_SERVICES_BILLING_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <set>
#include <string>

#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/billing/admin.h"
#include "services/billing/billing.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/channel.h"
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

// The admin port: every call shows the token first.
class BillingAdminService : public v1::BillingAdmin::CallbackService {
 public:
  BillingAdminService(Admin& admin, metrics::Registry& metrics, rpc::AdminToken token);

  grpc::ServerUnaryReactor* CreateAccount(grpc::CallbackServerContext* context,
                                          const v1::CreateAccountRequest* request,
                                          v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context,
                                       const v1::GetAccountRequest* request,
                                       v1::GetAccountResponse* response) override;
  grpc::ServerUnaryReactor* TopUpWallet(grpc::CallbackServerContext* context,
                                        const v1::TopUpWalletRequest* request,
                                        v1::TopUpWalletResponse* response) override;
  grpc::ServerUnaryReactor* CreateKey(grpc::CallbackServerContext* context,
                                      const v1::CreateKeyRequest* request,
                                      v1::CreateKeyResponse* response) override;
  grpc::ServerUnaryReactor* RevokeKey(grpc::CallbackServerContext* context,
                                      const v1::RevokeKeyRequest* request,
                                      v1::RevokeKeyResponse* response) override;
  grpc::ServerUnaryReactor* ListKeys(grpc::CallbackServerContext* context, const v1::ListKeysRequest* request,
                                     v1::ListKeysResponse* response) override;
  grpc::ServerUnaryReactor* ListLedgerEntries(grpc::CallbackServerContext* context,
                                              const v1::ListLedgerEntriesRequest* request,
                                              v1::ListLedgerEntriesResponse* response) override;
  grpc::ServerUnaryReactor* GetReservation(grpc::CallbackServerContext* context,
                                           const v1::GetReservationRequest* request,
                                           v1::GetReservationResponse* response) override;

 private:
  // Runs `method` of the core, for callers with the token.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Serve(const char* name, grpc::CallbackServerContext* context,
                                  const Request* request, Response* response,
                                  Task<absl::StatusOr<Response>> (Admin::*method)(Request));

  Admin& admin_;
  rpc::CallMetrics metrics_;
  const rpc::AdminToken token_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_SERVICE_H_
