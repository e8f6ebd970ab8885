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
#include "services/billing/admin_call.h"
#include "services/billing/api_key.h"
#include "services/billing/audit_entries.h"
#include "services/billing/billing_metrics.h"
#include "services/billing/day_counters.h"
#include "services/billing/functions.h"
#include "services/billing/imported_key_cache.h"
#include "services/billing/inspection.h"
#include "services/billing/ledger_changes.h"
#include "services/billing/ledger_replies.h"
#include "services/billing/names.h"
#include "services/billing/unconfirmed_settlements.h"
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
  // What one image takes from a subscription's quota.
  int64_t quota_units = 0;
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

// The key that a release is sent with, instead of the reservation's ID; empty without.
struct ReleaseKey {
  std::string key_id;
  std::string key_sha256;
};

struct Estimate {
  // UNSPECIFIED: nobody could pay.
  v1::FundingSource source = v1::FUNDING_SOURCE_UNSPECIFIED;
  // Empty: it would be admitted.
  std::string refusal_reason;
  // As in AdmissionAnswer.
  bool holds_are_due = false;
};

// The state of billing in Redis: each method is one call of one function in functions/*.lua, which is
// atomic. Arguments are checked by the callers. Errors are those of billing_errors.h; when Redis cannot be
// reached, or an answer was lost, BILLING_UNAVAILABLE. Thread-safe.
//
// Where replicas are waited for (`?wait=N`) and too few confirm a change in time: settlements, expiries and
// new keys stand, everything else answers BILLING_UNAVAILABLE and is to be repeated.
//
// Metrics: prismatic_ledger_operations_total{operation, result}, prismatic_settlements_resent_total{result},
// prismatic_damaged_counters_total{counters}.
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
  // Sends the unconfirmed settlements again that a failover may have lost since. Answers how many had been
  // lost and are settled now. What cannot be sent yet, or not within `time_max`, is sent by the next call.
  Task<int> ResendUnconfirmed(absl::Duration time_max = absl::InfiniteDuration());
  Task<absl::StatusOr<v1::ReleaseReservationResponse>> Release(ReservationId id, ReleaseKey key);
  Task<absl::StatusOr<v1::CheckKeyResponse>> CheckKey(Payer payer, int image_count);
  Task<absl::StatusOr<Estimate>> EstimateCost(Payer payer, CatalogFact fact, int image_count);

  // Up to `per_bucket` holds of each bucket that are past their time, and as many whose time is too far
  // ahead.
  Task<absl::StatusOr<std::vector<ReservationId>>> DueHolds(std::vector<int> buckets, int per_bucket);
  // True when this call ended the hold. One whose time is too far ahead gets an earlier one.
  Task<absl::StatusOr<bool>> Expire(ReservationId id);

  // What changes something by hand writes who did it to the audit log, in the same step.
  Task<absl::StatusOr<AccountState>> CreateAccount(v1::CreateAccountRequest request, AdminCall call = {});
  Task<absl::StatusOr<AccountState>> GetAccount(std::string name);
  Task<absl::StatusOr<v1::TopUpWalletResponse>> TopUp(std::string account, Money amount,
                                                      std::string request_id, AdminCall call = {});
  // nullopt when the number is not the account's next one.
  Task<absl::StatusOr<std::optional<v1::Key>>> CreateKey(KeyId id, std::string key_sha256,
                                                         v1::CreateKeyRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::Key>> RevokeKey(KeyId id, AdminCall call = {});
  // The keys from `first` to `last`.
  Task<absl::StatusOr<std::vector<v1::Key>>> ListKeys(std::string account, int64_t first, int64_t last);
  Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> ListLedger(std::string account, int64_t after,
                                                                 int page);
  Task<absl::StatusOr<v1::Reservation>> GetReservation(ReservationId id);

  // Administration: redis_ledger_admin.cc, _keys.cc and _books.cc. A request's fields are within their
  // limits.
  Task<absl::StatusOr<v1::Account>> UpdateAccount(v1::UpdateAccountRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::Account>> SetSuspended(std::string account, bool suspended, AdminCall call = {});
  Task<absl::StatusOr<v1::AdjustWalletResponse>> Adjust(v1::AdjustWalletRequest request, AdminCall call = {});
  Task<absl::StatusOr<v1::WriteOffDebtResponse>> WriteOff(v1::WriteOffDebtRequest request,
                                                          AdminCall call = {});

  // Whose API key this text is: its own words say it, or, of an imported one, a mapping in Redis that is
  // remembered. INVALID_API_KEY when there is none. Whether the key is still good is asked in its account.
  Task<absl::StatusOr<ApiKey>> FindKey(std::string text);
  Task<absl::StatusOr<v1::ImportKeyResponse>> ImportKey(v1::ImportKeyRequest request, AdminCall call = {});
  // The account's key that was imported with this hash (hex); nullopt when there is none. KEY_EXISTS when
  // another account has it.
  Task<absl::StatusOr<std::optional<v1::Key>>> FindImported(std::string account, std::string key_sha256);
  Task<absl::StatusOr<v1::Key>> UpdateKey(KeyId id, v1::UpdateKeyRequest request, AdminCall call = {});

  struct UsageRead {
    // In no order.
    std::vector<v1::UsageRow> rows;
    std::vector<Damage> damaged;
  };
  // INVALID_VALUE, and nothing read, when there are more than `rows_max`.
  Task<absl::StatusOr<UsageRead>> ListUsage(std::string account, std::vector<int32_t> days, size_t rows_max);
  Task<absl::StatusOr<v1::ListReservationsResponse>> ListReservations(std::string account, int page,
                                                                      HoldPosition after);
  Task<absl::StatusOr<v1::AuditAccountResponse>> Audit(std::string account);
  Task<absl::StatusOr<v1::RecountAccountResponse>> Recount(std::string account, AdminCall call = {});
  // Reads the entries that go; INVALID_VALUE when `balance` is not the one after entry `through`.
  Task<absl::StatusOr<v1::LedgerEntry>> TrimLedger(std::string account, int64_t through, int64_t balance,
                                                   AdminCall call = {});

  // Over all buckets, by pipelines: redis_ledger_overview.cc. Each command of one is a step of its own.
  //
  // The first `limit` names behind `after` that begin with `prefix`, in order.
  Task<absl::StatusOr<std::vector<std::string>>> ListAccountNames(std::string prefix, std::string after,
                                                                  size_t limit);
  // In the names' order; without those that are no accounts.
  Task<absl::StatusOr<std::vector<v1::Account>>> ReadAccounts(std::vector<std::string> names);
  struct TotalsRead {
    // In order of day and model.
    std::vector<v1::TotalsRow> rows;
    std::vector<Damage> damaged;
    // Redis' clock, from before they were read.
    int64_t time_us = 0;
  };
  Task<absl::StatusOr<TotalsRead>> ReadTotals(std::vector<int32_t> days);
  // See audit_entries.h.
  Task<absl::StatusOr<v1::ListAuditEntriesResponse>> ListAudit(AuditQuery query);
  // Never fails; what cannot be told is missing.
  Task<v1::GetBillingStatusResponse> Status();

  // For the watch over all books: redis_ledger_inspect.cc. Of these BILLING_UNAVAILABLE means that Redis
  // cannot be asked, any other error that what is there cannot be read.
  //
  // Whether `who` has the turn to look, now and for `time`. Nothing that must last: a replica that has died
  // has no turn.
  Task<absl::StatusOr<bool>> TakeBooksTurn(std::string who, absl::Duration time,
                                           redis::Lane lane = redis::Lane::kLasting);
  // Those that have accounts or holds, or cannot be read.
  Task<absl::StatusOr<std::vector<int>>> BucketsInUse();
  // Names behind `after`, in order.
  Task<absl::StatusOr<std::vector<std::string>>> ListBucket(int bucket, std::string after, int limit);
  // Of one bucket, in one moment; `names` are accounts of it.
  Task<absl::StatusOr<BucketView>> Inspect(int bucket, std::vector<std::string> names,
                                           InspectionLimits limits);
  // The same of one account, of whose holds alone `pending` and the account's sums are: up to
  // `holds_of_one_max` of them, in a bucket that lists up to four times as many.
  Task<absl::StatusOr<BucketView>> InspectOne(int bucket, std::string name, InspectionLimits limits);
  // Adds a page of the bucket's pending reservations to `sums`; answers where it ends, empty: there are no
  // more.
  Task<absl::StatusOr<HoldPosition>> SumPending(int bucket, HoldPosition after, int look, PendingSums* sums);

  // What Redis' clock may say now.
  int64_t NowUs() const;

 private:
  using Answer = std::vector<redis::Reply>;

  // Calls one function; `arguments` without the time. The answer has at least one text, the first.
  Task<absl::StatusOr<Answer>> Run(std::string function, redis::Lane lane, std::vector<std::string> keys,
                                   std::vector<std::string> arguments);
  // The same; a refusal becomes its error.
  Task<absl::StatusOr<Answer>> Ask(std::string function, redis::Lane lane, std::vector<std::string> keys,
                                   std::vector<std::string> arguments);
  // settle, told the day that it is for Redis, which is where its use is counted.
  Task<absl::StatusOr<Answer>> SettleOnItsDay(ReservationId id, int delivered);
  // Run and Ask for functions that want to be told a subscription's period; see functions/funds.lua.
  Task<absl::StatusOr<Answer>> RunForPeriod(std::string function, redis::Lane lane,
                                            std::vector<std::string> keys,
                                            std::vector<std::string> arguments);
  Task<absl::StatusOr<Answer>> AskForPeriod(std::string function, redis::Lane lane,
                                            std::vector<std::string> keys,
                                            std::vector<std::string> arguments);
  // A hash's number in the account, and the mapping to it, set where there is none.
  Task<absl::StatusOr<KeyId>> ClaimImport(std::string account, std::string key_sha256);
  Task<absl::StatusOr<std::optional<KeyId>>> ReadMapping(std::string key_sha256);
  // `alone`: the account whose holds are looked at; empty: all of the bucket.
  Task<absl::StatusOr<BucketView>> InspectHolds(int bucket, std::vector<std::string> names, std::string alone,
                                                int holds_max, absl::Duration overdue_after);
  struct HoldList {
    std::vector<ReservationId> ids;
    // Where the list was left; empty: at its end.
    HoldPosition left_at;
  };
  // The holds listed behind `after`, up to `wanted`.
  Task<absl::StatusOr<HoldList>> ListHolds(std::string account, int wanted, HoldPosition after);
  // Of these the ones that still hold something.
  Task<absl::StatusOr<std::vector<v1::Reservation>>> ReadHolds(std::string account,
                                                               std::vector<ReservationId> ids);
  // What is told by the entries up to one.
  struct LedgerHead {
    // The sequence of the carried-forward entry; 0: none.
    int64_t carried_forward = 0;
    SubscriptionCount subscription;
  };
  Task<absl::StatusOr<LedgerHead>> ReadHead(std::string account, int64_t through);
  enum class Resent { kRestored, kKept, kLost, kAway };
  Task<Resent> Resend(UnconfirmedSettlements::Settlement settlement);
  // Remembers a settlement that no replica has confirmed, or forgets those that one has by now.
  void NoteConfirmation(const Answer& answer, UnconfirmedSettlements::Settlement settlement);
  absl::StatusOr<Answer> Checked(const std::string& function, absl::StatusOr<redis::Reply> reply);
  std::string Now() const;
  // A pipeline over the lasting lane, in whose answers is no error, but for those of keys of another type
  // where the caller looks for them.
  enum class WrongTypes { kFail, kAnswer };
  Task<absl::StatusOr<Answer>> Gather(std::string operation, std::vector<std::vector<std::string>> commands,
                                      WrongTypes wrong_types = WrongTypes::kFail);
  // Logs and counts what a settlement says of its day's counters.
  void NoteDamagedCounters(Words& words, const ReservationId& id);

  redis::Client& client_;
  const Options options_;
  CounterFamily operations_;
  CounterFamily resent_;
  CounterFamily damaged_;
  UnconfirmedSettlements unconfirmed_;
  ImportedKeyCache imported_keys_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_REDIS_LEDGER_H_
