#ifndef PRISMATIC_SERVICES_BILLING_ADMIN_H_
#define PRISMATIC_SERVICES_BILLING_ADMIN_H_

#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/admin_call.h"
#include "services/billing/allowed_models.h"
#include "services/billing/redis_ledger.h"
#include "services/billing/totals.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// BillingAdmin of the proto, without a transport and but for TailLedgerEntries (see ledger_tail.h); who may
// call is checked by the transport, which also says who does. Thread-safe; resumes on Redis' loop.
class Admin {
 public:
  // Both outlive it. The catalog tells which models there are.
  Admin(RedisLedger& ledger, catalog_watch::CatalogHolder& catalog)
      : ledger_(ledger), totals_(ledger), catalog_(catalog) {}

  // Accounts and their money: admin.cc.
  Task<absl::StatusOr<v1::CreateAccountResponse>> CreateAccount(v1::CreateAccountRequest request,
                                                                AdminCall call = {});
  Task<absl::StatusOr<v1::UpdateAccountResponse>> UpdateAccount(v1::UpdateAccountRequest request,
                                                                AdminCall call = {});
  Task<absl::StatusOr<v1::SuspendAccountResponse>> SuspendAccount(v1::SuspendAccountRequest request,
                                                                  AdminCall call = {});
  Task<absl::StatusOr<v1::ResumeAccountResponse>> ResumeAccount(v1::ResumeAccountRequest request,
                                                                AdminCall call = {});
  Task<absl::StatusOr<v1::GetAccountResponse>> GetAccount(v1::GetAccountRequest request);
  Task<absl::StatusOr<v1::TopUpWalletResponse>> TopUpWallet(v1::TopUpWalletRequest request,
                                                            AdminCall call = {});
  Task<absl::StatusOr<v1::AdjustWalletResponse>> AdjustWallet(v1::AdjustWalletRequest request,
                                                              AdminCall call = {});
  Task<absl::StatusOr<v1::WriteOffDebtResponse>> WriteOffDebt(v1::WriteOffDebtRequest request,
                                                              AdminCall call = {});

  // Keys: admin_keys.cc.
  Task<absl::StatusOr<v1::CreateKeyResponse>> CreateKey(v1::CreateKeyRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::ImportKeyResponse>> ImportKey(v1::ImportKeyRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::UpdateKeyResponse>> UpdateKey(v1::UpdateKeyRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::RevokeKeyResponse>> RevokeKey(v1::RevokeKeyRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::ListKeysResponse>> ListKeys(v1::ListKeysRequest request);

  // The books: admin_books.cc.
  Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> ListLedgerEntries(v1::ListLedgerEntriesRequest request);
  Task<absl::StatusOr<v1::TrimLedgerResponse>> TrimLedger(v1::TrimLedgerRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::ListUsageResponse>> ListUsage(v1::ListUsageRequest request);
  Task<absl::StatusOr<v1::ListReservationsResponse>> ListReservations(v1::ListReservationsRequest request);
  Task<absl::StatusOr<v1::AuditAccountResponse>> AuditAccount(v1::AuditAccountRequest request);
  Task<absl::StatusOr<v1::RecountAccountResponse>> RecountAccount(v1::RecountAccountRequest request,
                                                                  AdminCall call = {});
  Task<absl::StatusOr<v1::GetReservationResponse>> GetReservation(v1::GetReservationRequest request);

  // All accounts, and how billing stands: admin_overview.cc.
  Task<absl::StatusOr<v1::ListAccountsResponse>> ListAccounts(v1::ListAccountsRequest request);
  Task<absl::StatusOr<v1::ListTotalsResponse>> ListTotals(v1::ListTotalsRequest request);
  Task<absl::StatusOr<v1::ListAuditEntriesResponse>> ListAuditEntries(v1::ListAuditEntriesRequest request);
  Task<absl::StatusOr<v1::GetBillingStatusResponse>> GetBillingStatus(v1::GetBillingStatusRequest request);

 private:
  // The names in the catalog's words; see allowed_models.h. Without any catalog CATALOG_BEHIND, as a
  // reservation is refused.
  Task<absl::StatusOr<ModelNames>> Allowed(ModelNames names, ModelNames kept = {});
  // The models of an update, with those that the key has already as `kept`.
  Task<absl::StatusOr<ModelNames>> AllowedFor(KeyId id, ModelNames names);

  RedisLedger& ledger_;
  Totals totals_;
  catalog_watch::CatalogHolder& catalog_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_ADMIN_H_
