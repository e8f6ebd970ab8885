#ifndef PRISMATIC_SERVICES_BILLING_ADMIN_H_
#define PRISMATIC_SERVICES_BILLING_ADMIN_H_

#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/redis_ledger.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// BillingAdmin of the proto, without a transport; who may call is checked by the transport. Thread-safe;
// resumes on Redis' loop.
class Admin {
 public:
  // The ledger outlives it.
  explicit Admin(RedisLedger& ledger) : ledger_(ledger) {}

  Task<absl::StatusOr<v1::CreateAccountResponse>> CreateAccount(v1::CreateAccountRequest request);
  Task<absl::StatusOr<v1::GetAccountResponse>> GetAccount(v1::GetAccountRequest request);
  Task<absl::StatusOr<v1::TopUpWalletResponse>> TopUpWallet(v1::TopUpWalletRequest request);
  Task<absl::StatusOr<v1::CreateKeyResponse>> CreateKey(v1::CreateKeyRequest request);
  Task<absl::StatusOr<v1::RevokeKeyResponse>> RevokeKey(v1::RevokeKeyRequest request);
  Task<absl::StatusOr<v1::ListKeysResponse>> ListKeys(v1::ListKeysRequest request);
  Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> ListLedgerEntries(v1::ListLedgerEntriesRequest request);
  Task<absl::StatusOr<v1::GetReservationResponse>> GetReservation(v1::GetReservationRequest request);

 private:
  RedisLedger& ledger_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_ADMIN_H_
