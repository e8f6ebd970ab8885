#ifndef PRISMATIC_SERVICES_BILLING_ADMIN_H_
#define PRISMATIC_SERVICES_BILLING_ADMIN_H_

#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/redis_ledger.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// BillingAdmin of the proto, without a transport and but for TailLedgerEntries (see ledger_tail.h); who may
// call is checked by the transport. Thread-safe; resumes on Redis' loop.
class Admin {
 public:
  // The ledger outlives it.
  explicit Admin(RedisLedger& ledger) : ledger_(ledger) {}

  // Accounts and their money: admin.cc.
  Task<absl::StatusOr<v1::CreateAccountResponse>> CreateAccount(v1::CreateAccountRequest request);
  Task<absl::StatusOr<v1::UpdateAccountResponse>> UpdateAccount(v1::UpdateAccountRequest request);
  Task<absl::StatusOr<v1::SuspendAccountResponse>> SuspendAccount(v1::SuspendAccountRequest request);
  Task<absl::StatusOr<v1::ResumeAccountResponse>> ResumeAccount(v1::ResumeAccountRequest request);
  Task<absl::StatusOr<v1::GetAccountResponse>> GetAccount(v1::GetAccountRequest request);
  Task<absl::StatusOr<v1::TopUpWalletResponse>> TopUpWallet(v1::TopUpWalletRequest request);
  Task<absl::StatusOr<v1::AdjustWalletResponse>> AdjustWallet(v1::AdjustWalletRequest request);
  Task<absl::StatusOr<v1::WriteOffDebtResponse>> WriteOffDebt(v1::WriteOffDebtRequest request);

  // Keys: admin_keys.cc.
  Task<absl::StatusOr<v1::CreateKeyResponse>> CreateKey(v1::CreateKeyRequest request);
  Task<absl::StatusOr<v1::ImportKeyResponse>> ImportKey(v1::ImportKeyRequest request);
  Task<absl::StatusOr<v1::UpdateKeyResponse>> UpdateKey(v1::UpdateKeyRequest request);
  Task<absl::StatusOr<v1::RevokeKeyResponse>> RevokeKey(v1::RevokeKeyRequest request);
  Task<absl::StatusOr<v1::ListKeysResponse>> ListKeys(v1::ListKeysRequest request);

  // The books: admin_books.cc.
  Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> ListLedgerEntries(v1::ListLedgerEntriesRequest request);
  Task<absl::StatusOr<v1::TrimLedgerResponse>> TrimLedger(v1::TrimLedgerRequest request);
  Task<absl::StatusOr<v1::ListUsageResponse>> ListUsage(v1::ListUsageRequest request);
  Task<absl::StatusOr<v1::ListReservationsResponse>> ListReservations(v1::ListReservationsRequest request);
  Task<absl::StatusOr<v1::AuditAccountResponse>> AuditAccount(v1::AuditAccountRequest request);
  Task<absl::StatusOr<v1::RecountAccountResponse>> RecountAccount(v1::RecountAccountRequest request);
  Task<absl::StatusOr<v1::GetReservationResponse>> GetReservation(v1::GetReservationRequest request);

 private:
  RedisLedger& ledger_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_ADMIN_H_
