#ifndef PRISMATIC_TESTS_MODEL_MODEL_H_
#define PRISMATIC_TESTS_MODEL_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/names.h"
#include "tests/model/operation.h"

// What billing promises, in as few lines as will say it: one thread, whole numbers, no Redis, no counters
// that could go wrong (what is held and what runs is counted anew from the reservations each time). It is
// written from the promises in billing.proto and the design, not from functions/*.lua.

namespace prismatic::billing::model {

inline constexpr int64_t kMoneyMax = 9'000'000'000'000'000;
inline constexpr int64_t kMinuteUs = 60'000'000;
inline constexpr int64_t kHoldUs = 420'000'000;
inline constexpr int64_t kStepBackUs = 5'000'000;
// What Redis would remember for less than this is forgotten at once, here and there: a script takes real
// time.
inline constexpr int64_t kFadesMs = 10'123;
inline constexpr int64_t kStartUs = 1'767'225'600'000'000;

using Number = std::optional<int64_t>;

struct Limits {
  Number requests, images, concurrent;
};

// Whose limits are measured: a key or an account. The times are when each allowance is full again (GCRA's
// TAT).
struct Limited {
  Limits limits;
  Number requests_tat, images_tat;
};

struct Key : Limited {
  bool revoked = false;
  std::string secret_hash;
  int64_t create_us = 0, expire_us = 0;
  bool one_model = false;
  // The number of the API key that it was imported for; 0: it was made here.
  int imported = 0;
};

// A plan and the period that it is in, as the last admission left it.
struct Subscription {
  int64_t quota = 0;
  v1::SubscriptionPeriod kind = v1::SUBSCRIPTION_PERIOD_UNSPECIFIED;
  // Of the first period, and of this one.
  int64_t first_us = 0, start_us = 0, end_us = 0;
  int64_t used = 0, over = 0;
};

struct Reservation {
  v1::ReservationState state = v1::RESERVATION_STATE_PENDING;
  // Empty: the mark of a release that came first.
  std::string fingerprint;
  std::string key_id, model;
  bool has_idempotency_key = false;
  // Its idempotency key went to another attempt after it had expired.
  bool passed_on = false;
  int64_t n = 0, unit = 0, create_us = 0, end_us = 0;
  // When a subscription pays: units of an image, and the number of the period that they are held of.
  int64_t units = 0, period_number = 0;
  int64_t delivered = 0, charge = 0, sequence = 0;
  // How long Redis remembers it; 0: for ever.
  int64_t life_ms = 0;

  bool Is(v1::ReservationState wanted) const { return state == wanted; }
  bool pending() const { return Is(v1::RESERVATION_STATE_PENDING); }
  // All of it is remembered.
  bool whole() const { return pending() || Is(v1::RESERVATION_STATE_EXPIRED); }
  bool by_subscription() const { return period_number > 0; }
  int64_t amount() const { return unit * n; }
};

struct IdempotencyMark {
  int attempt = 0;
  std::string body;
};

// What a change of money by hand was, so that a repeat is known.
struct Change {
  Verb verb;
  int64_t amount, sequence;
  int reason;
};

struct Usage {
  int64_t requests = 0, images = 0, charged = 0, units = 0;
};
// Day (YYYYMMDD), key ID and model.
using UsageName = std::tuple<int32_t, std::string, std::string>;

struct Account : Limited {
  bool suspended = false;
  v1::FundingPolicy policy = v1::FUNDING_POLICY_SUBSCRIPTION_FIRST;
  std::optional<Subscription> subscription;
  // Of the newest period; grows with each that begins, and when a subscription ends.
  int64_t period_number = 0;
  int64_t balance = 0, owed = 0, key_sequence = 0, last_us = 0, create_us = 0;
  std::map<int, Key> keys;
  std::map<int, Reservation> reservations;
  std::map<int, IdempotencyMark> idempotency;
  // By request.
  std::map<int, Change> changes;
  std::map<UsageName, Usage> usage;
  std::vector<v1::LedgerEntry> ledger;
  // What stands for the entries that were trimmed; its sequence tells how many. (`ledger` keeps them all.)
  std::optional<v1::LedgerEntry> carried_forward;

  int64_t trimmed() const { return carried_forward ? carried_forward->sequence() : 0; }
  int64_t Held() const;
  // Units held of one period.
  int64_t HeldUnits(int64_t period) const;
  // Of a key, or of all.
  int64_t Concurrent(const std::string& key_id) const;
  int64_t Concurrent() const;
};

// What the audit log says of a change by hand.
struct AuditNote {
  int64_t time_us = 0;
  std::string action, account, target, reason;
  // In the log of what can be done and undone.
  bool of_settings = false;
  struct Change {
    std::string path;
    std::optional<std::string> before, after;
  };
  std::vector<Change> changes;
};
// Who makes them all.
inline constexpr char kActor[] = "the-model";

// The names that stand for a script's small numbers. Both accounts share a bucket.
std::string AccountName(int account);
KeyId KeyName(int account, int key);
std::string AttemptName(int attempt);
std::string RequestName(int request);
std::string SecretHash(int account, int key);
// The text of an API key that was made elsewhere.
std::string ImportedText(int key);
std::string IdempotencyHash(int idempotency_key);
std::string BodyHash(int body);
std::string Fingerprint(const Operation& operation);
std::string Reason(int reason);

// The calendar: where the period that `now` is in begins and ends, counted from the first; and YYYYMMDD.
std::pair<int64_t, int64_t> PeriodAt(v1::SubscriptionPeriod kind, int64_t first_us, int64_t now);
int32_t DayOf(int64_t time_us);
// Told and refused, as the subject tells it.
std::string Told(const google::protobuf::Message& message);
std::string Refusal(const std::string& reason, const std::map<std::string, std::string>& facts = {},
                    int64_t retry_us = 0, bool due = false);
Limits LimitsOf(const Operation& operation);

// The subscription's counters as the first `entries` of a ledger tell them; nullopt when there was none then.
std::optional<Subscription> SubscriptionTold(const std::vector<v1::LedgerEntry>& ledger, size_t entries);

class Model {
 public:
  // Does it, and says what must be answered: a message of the contract as text, or a refusal.
  std::string Apply(const Operation& operation);

  const std::map<int, Account>& accounts() const { return accounts_; }
  // Of both accounts, by day and model.
  using Totals = std::map<int32_t, std::map<std::string, Usage>>;
  const Totals& totals() const { return totals_; }
  const std::vector<AuditNote>& audit() const { return audit_; }
  int64_t now_us() const { return clock_us_; }

 private:
  struct Asker {
    Account* account = nullptr;
    Key* key = nullptr;
    std::string key_id;
  };
  struct Measure;

  // Writes down what a change by hand has changed, if anything; `before`: the account as it was.
  void NoteChange(const Operation& operation, const std::optional<Account>& before, int64_t now);
  // With the account that an imported key stands for.
  std::string ApplyTo(const Operation& operation);
  std::string Admit(const Operation& operation, bool only_look);
  std::string AdmitAgain(const Reservation& reservation, const Operation& operation, const Asker& asker,
                         int64_t now, bool only_look);
  std::string Hold(const Operation& operation, const Asker& asker, v1::FundingSource source, int64_t now);
  void PassOn(const Operation& operation, Account& account);
  std::string Settle(const Operation& operation);
  std::string Release(const Operation& operation);
  std::string Expire(const Operation& operation);
  std::string Sweep();
  std::string ChangeMoney(const Operation& operation);
  std::string CheckKey(const Operation& operation);
  std::string Estimate(const Operation& operation);
  std::string GetReservation(const Operation& operation);
  std::string ListLedger(const Operation& operation);
  std::string CreateAccount(const Operation& operation);
  std::string CreateKey(const Operation& operation);
  std::string ImportKey(const Operation& operation);
  std::string RevokeKey(const Operation& operation);
  std::string UpdateAccount(const Operation& operation);
  std::string UpdateKey(const Operation& operation);
  std::string Suspend(const Operation& operation);
  std::string ListUsage(const Operation& operation);
  std::string ListReservations(const Operation& operation);
  std::string Audit(const Operation& operation);
  std::string TrimLedger(const Operation& operation);
  std::string Forget(const Operation& operation);

  // The refusals, each empty when there is nothing to refuse; in the order of CreateReservation.
  std::string UnknownCaller(const Asker& asker, const Operation& operation) const;
  std::string UnwelcomeCaller(const Asker& asker, int64_t now) const;
  std::string IdempotencyRefusal(const Asker& asker, const Operation& operation, int64_t now) const;
  std::string LimitRefusal(const Asker& asker, int64_t n, int64_t now) const;
  std::string ModelRefusal(const Asker& asker, const Operation& operation) const;
  std::string FundsRefusal(const Asker& asker, const Operation& operation, int64_t now,
                           v1::FundingSource& source) const;

  std::vector<Measure> Measures(const Asker& asker, int64_t requests, int64_t images, int64_t now) const;
  void TakeLimits(const Asker& asker, int64_t images, int64_t now);
  void TellLimits(const Asker& asker, int64_t requests, int64_t images, int64_t now,
                  v1::RateLimitStatus* of_requests, v1::RateLimitStatus* of_images) const;
  std::string LimitExceeded(const Asker& asker, const std::string& subject, const std::string& metric,
                            int64_t limit, Number retry_us, int64_t now, bool due) const;

  // The subscription brought to the period that a time is in, its number, and the entry that tells of it
  // (UNSPECIFIED: it is there already).
  struct InPeriod {
    std::optional<Subscription> subscription;
    int64_t number = 0;
    v1::LedgerEntryType change = v1::LEDGER_ENTRY_TYPE_UNSPECIFIED;
  };
  static InPeriod Roll(const Account& account, int64_t now);
  void RollOver(int name, Account& account, int64_t now);
  void ChangeSubscription(int name, Account& account, const Operation& operation, int64_t now);
  void AppendPlan(int name, Account& account, v1::LedgerEntryType type, int64_t now, int64_t units = 0);
  void Charge(int name, Account& account, Reservation& r, const std::string& id, bool in_time, int64_t now);

  Asker WhoAsks(const Operation& operation);
  Account* Find(int account);
  bool HoldsAreDue(int64_t now) const;
  // Billing's time: never a little back from what the account has seen.
  int64_t Now(const Account* account) const;
  v1::LedgerEntry& Append(int name, Account& account, v1::LedgerEntryType type, int64_t amount,
                          int64_t owed_change, int64_t now);

  std::map<int, Account> accounts_;
  Totals totals_;
  std::vector<AuditNote> audit_;
  // Whose key, and which.
  std::map<int, std::pair<int, int>> imported_;
  int64_t clock_us_ = kStartUs;
};

// Shared with what reads the real answers.
// The account with the period that `now` is in, or without it with the one that is kept.
v1::Account Describe(int name, const Account& account, Number now);
v1::Key Describe(const KeyId& id, const Account& account, const Key& key);
v1::Reservation Describe(const ReservationId& id, const Reservation& reservation);

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_MODEL_H_
