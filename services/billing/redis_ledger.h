#ifndef PRISMATIC_SERVICES_BILLING_REDIS_LEDGER_H_
#define PRISMATIC_SERVICES_BILLING_REDIS_LEDGER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/billing_metrics.h"
#include "services/billing/functions.h"
#include "services/billing/ledger_replies.h"
#include "services/billing/names.h"
#include "services/common/money/money.h"
#include "services/common/redis/client.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// Who asks: a key by its ID and hash, or, with `key_id` empty, an account by its name.
struct Payer {
  std::string account;
  std::string key_id;
  std::string key_sha256;
};

// What the catalog says about what is asked for.
struct CatalogFact {
  // kUnnamed: no model is asked about, only who asks.
  enum class Kind { kPriced, kUnpriced, kMissing, kBehind, kUnnamed };
  Kind kind = Kind::kMissing;
  std::string model;
  Money unit_price;
  int64_t version = 0;
  // With kBehind: the error to answer.
  absl::Status behind;
};

struct Admission {
  Payer payer;
  std::string attempt_id;
  // Tells another content under the same attempt.
  std::string fingerprint;
  CatalogFact fact;
  int image_count = 0;
  // SHA-256 in hex of the idempotency key and of the body; both empty without one.
  std::string idempotency_key_sha256;
  std::string body_sha256;
  // Looks, and takes nothing; the answer has no reservation.
  bool only_check = false;
};

struct AdmissionAnswer {
  absl::StatusOr<v1::CreateReservationResponse> response;
  // It was refused while holds of its bucket are past their time: expire them and ask again.
  bool holds_are_due = false;
};

struct Settlement {
  v1::SettleReservationResponse response;
  // The idempotency key had gone to another attempt, so nothing was charged.
  bool passed_on = false;
};

struct AccountState {
  v1::Account account;
  int64_t last_key_number = 0;
};

struct Estimate {
  bool payable = false;
  // Empty: it would be admitted.
  std::string refusal_reason;
};

// The state of billing in Redis: each method is one call of one function in functions/*.lua, which is
// atomic. Arguments are checked by the callers. Errors are those of billing_errors.h; when Redis cannot be
// reached, or an answer was lost, BILLING_UNAVAILABLE. Thread-safe.
//
// Metric: prismatic_ledger_operations_total{operation, result}.
class RedisLedger {
 public:
  struct Options {
    redis::FunctionLibrary library = Functions();
    // Microseconds for a library with the test clock; empty in production.
    std::function<int64_t()> test_clock;
  };
  RedisLedger(redis::Client& client, metrics::Registry& metrics) : RedisLedger(client, metrics, Options()) {}
  RedisLedger(redis::Client& client, metrics::Registry& metrics, Options options);

  Task<AdmissionAnswer> Admit(Admission admission);
  Task<absl::StatusOr<Settlement>> Settle(ReservationId id, int delivered);
  Task<absl::StatusOr<v1::ReleaseReservationResponse>> Release(ReservationId id);
  Task<absl::StatusOr<v1::CheckKeyResponse>> CheckKey(Payer payer, int image_count);
  Task<absl::StatusOr<Estimate>> EstimateCost(Payer payer, CatalogFact fact, int image_count);

  // Up to `per_bucket` holds of each bucket that are past their time.
  Task<absl::StatusOr<std::vector<ReservationId>>> DueHolds(std::vector<int> buckets, int per_bucket);
  // True when this call ended the hold.
  Task<absl::StatusOr<bool>> Expire(ReservationId id);

  Task<absl::StatusOr<AccountState>> CreateAccount(std::string name, v1::Limits limits, Money wallet);
  Task<absl::StatusOr<AccountState>> GetAccount(std::string name);
  Task<absl::StatusOr<v1::TopUpWalletResponse>> TopUp(std::string account, Money amount,
                                                      std::string request_id);
  // nullopt when the number is not the account's next one.
  Task<absl::StatusOr<std::optional<v1::Key>>> CreateKey(KeyId id, std::string key_sha256,
                                                         v1::CreateKeyRequest request);
  Task<absl::StatusOr<v1::Key>> RevokeKey(KeyId id);
  // The keys from `first` to `last`.
  Task<absl::StatusOr<std::vector<v1::Key>>> ListKeys(std::string account, int64_t first, int64_t last);
  Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> ListLedger(std::string account, int64_t after,
                                                                 int page);
  Task<absl::StatusOr<v1::Reservation>> GetReservation(ReservationId id);

 private:
  using Answer = std::vector<redis::Reply>;

  // Calls one function; `arguments` without the time. The answer has at least one text, the first.
  Task<absl::StatusOr<Answer>> Run(std::string function, redis::Lane lane, std::vector<std::string> keys,
                                   std::vector<std::string> arguments);
  // The same; a refusal becomes its error.
  Task<absl::StatusOr<Answer>> Ask(std::string function, redis::Lane lane, std::vector<std::string> keys,
                                   std::vector<std::string> arguments);
  absl::StatusOr<Answer> Checked(const std::string& function, absl::StatusOr<redis::Reply> reply);
  std::string Now() const;

  redis::Client& client_;
  const Options options_;
  CounterFamily operations_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_REDIS_LEDGER_H_
