#ifndef PRISMATIC_SERVICES_BILLING_ADMIN_SERVICE_H_
#define PRISMATIC_SERVICES_BILLING_ADMIN_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "services/billing/admin.h"
#include "services/billing/ledger_tail.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/unary.h"

namespace prismatic::billing {

// The admin port: every call shows the token first. Each one, refused ones included, is a line in the log
// when it ends: its method, the account that it is about, who the caller says that acts (metadata
// `x-prismatic-actor`), and the outcome; nothing else of its content.
class BillingAdminService : public v1::BillingAdmin::CallbackService {
 public:
  // All but the token outlive it.
  BillingAdminService(Admin& admin, LedgerTails& tails, metrics::Registry& metrics, rpc::AdminToken token);

  grpc::ServerUnaryReactor* CreateAccount(grpc::CallbackServerContext* context,
                                          const v1::CreateAccountRequest* request,
                                          v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* UpdateAccount(grpc::CallbackServerContext* context,
                                          const v1::UpdateAccountRequest* request,
                                          v1::UpdateAccountResponse* response) override;
  grpc::ServerUnaryReactor* SuspendAccount(grpc::CallbackServerContext* context,
                                           const v1::SuspendAccountRequest* request,
                                           v1::SuspendAccountResponse* response) override;
  grpc::ServerUnaryReactor* ResumeAccount(grpc::CallbackServerContext* context,
                                          const v1::ResumeAccountRequest* request,
                                          v1::ResumeAccountResponse* response) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context,
                                       const v1::GetAccountRequest* request,
                                       v1::GetAccountResponse* response) override;
  grpc::ServerUnaryReactor* TopUpWallet(grpc::CallbackServerContext* context,
                                        const v1::TopUpWalletRequest* request,
                                        v1::TopUpWalletResponse* response) override;
  grpc::ServerUnaryReactor* AdjustWallet(grpc::CallbackServerContext* context,
                                         const v1::AdjustWalletRequest* request,
                                         v1::AdjustWalletResponse* response) override;
  grpc::ServerUnaryReactor* WriteOffDebt(grpc::CallbackServerContext* context,
                                         const v1::WriteOffDebtRequest* request,
                                         v1::WriteOffDebtResponse* response) override;
  grpc::ServerUnaryReactor* CreateKey(grpc::CallbackServerContext* context,
                                      const v1::CreateKeyRequest* request,
                                      v1::CreateKeyResponse* response) override;
  grpc::ServerUnaryReactor* ImportKey(grpc::CallbackServerContext* context,
                                      const v1::ImportKeyRequest* request,
                                      v1::ImportKeyResponse* response) override;
  grpc::ServerUnaryReactor* UpdateKey(grpc::CallbackServerContext* context,
                                      const v1::UpdateKeyRequest* request,
                                      v1::UpdateKeyResponse* response) override;
  grpc::ServerUnaryReactor* RevokeKey(grpc::CallbackServerContext* context,
                                      const v1::RevokeKeyRequest* request,
                                      v1::RevokeKeyResponse* response) override;
  grpc::ServerUnaryReactor* ListKeys(grpc::CallbackServerContext* context, const v1::ListKeysRequest* request,
                                     v1::ListKeysResponse* response) override;
  grpc::ServerUnaryReactor* ListLedgerEntries(grpc::CallbackServerContext* context,
                                              const v1::ListLedgerEntriesRequest* request,
                                              v1::ListLedgerEntriesResponse* response) override;
  grpc::ServerUnaryReactor* TrimLedger(grpc::CallbackServerContext* context,
                                       const v1::TrimLedgerRequest* request,
                                       v1::TrimLedgerResponse* response) override;
  grpc::ServerUnaryReactor* ListUsage(grpc::CallbackServerContext* context,
                                      const v1::ListUsageRequest* request,
                                      v1::ListUsageResponse* response) override;
  grpc::ServerUnaryReactor* ListReservations(grpc::CallbackServerContext* context,
                                             const v1::ListReservationsRequest* request,
                                             v1::ListReservationsResponse* response) override;
  grpc::ServerUnaryReactor* AuditAccount(grpc::CallbackServerContext* context,
                                         const v1::AuditAccountRequest* request,
                                         v1::AuditAccountResponse* response) override;
  grpc::ServerUnaryReactor* RecountAccount(grpc::CallbackServerContext* context,
                                           const v1::RecountAccountRequest* request,
                                           v1::RecountAccountResponse* response) override;
  grpc::ServerUnaryReactor* GetReservation(grpc::CallbackServerContext* context,
                                           const v1::GetReservationRequest* request,
                                           v1::GetReservationResponse* response) override;
  grpc::ServerUnaryReactor* ListAccounts(grpc::CallbackServerContext* context,
                                         const v1::ListAccountsRequest* request,
                                         v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* ListTotals(grpc::CallbackServerContext* context,
                                       const v1::ListTotalsRequest* request,
                                       v1::ListTotalsResponse* response) override;
  grpc::ServerUnaryReactor* ListAuditEntries(grpc::CallbackServerContext* context,
                                             const v1::ListAuditEntriesRequest* request,
                                             v1::ListAuditEntriesResponse* response) override;
  grpc::ServerUnaryReactor* GetBillingStatus(grpc::CallbackServerContext* context,
                                             const v1::GetBillingStatusRequest* request,
                                             v1::GetBillingStatusResponse* response) override;
  grpc::ServerWriteReactor<v1::TailLedgerEntriesResponse>* TailLedgerEntries(
      grpc::CallbackServerContext* context, const v1::TailLedgerEntriesRequest* request) override;

 private:
  // Runs `method` of the core, for callers with the token. What is audited is also told the AdminCall.
  template <typename Request, typename Response, typename... Call>
  grpc::ServerUnaryReactor* Serve(const char* name, grpc::CallbackServerContext* context,
                                  const Request* request, Response* response,
                                  Task<absl::StatusOr<Response>> (Admin::*method)(Request, Call...),
                                  Call... call);

  Admin& admin_;
  LedgerTails& tails_;
  rpc::CallMetrics metrics_;
  const rpc::AdminToken token_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_ADMIN_SERVICE_H_
