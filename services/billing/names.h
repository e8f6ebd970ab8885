#ifndef PRISMATIC_SERVICES_BILLING_NAMES_H_
#define PRISMATIC_SERVICES_BILLING_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

// The names that billing gives out and the Redis keys made of them. Every ID carries its account, and
// all keys of an account share a bucket's hash tag, so that one look at an ID tells the slot.

namespace prismatic::billing {

// 1 to 40 of a-z, 0-9 and -.
bool IsAccountName(absl::string_view name);

// `<account>.<n>`, n from 1.
struct KeyId {
  std::string account;
  int64_t number = 0;
  std::string Text() const;
};
std::optional<KeyId> ParseKeyId(absl::string_view text);

// `<account>.<uuid>`.
struct ReservationId {
  std::string account;
  std::string attempt_id;
  std::string Text() const;
};
std::optional<ReservationId> ParseReservationId(absl::string_view text);

// How many hash tags there are. Never changed: it decides where everything is.
inline constexpr int kBuckets = 256;
// The first byte of the name's SHA-256.
int BucketOf(absl::string_view account);
// `{b007}:due`.
std::string DueKey(int bucket);
// Of all accounts of a bucket: their names, what was used on a day (YYYYMMDD), and what was changed by hand,
// for good or to and fro (see functions/audit_log.lua).
std::string AccountListKey(int bucket);
std::string TotalsKey(int bucket, int32_t day);
std::string AuditKey(int bucket);
std::string SettingsAuditKey(int bucket);
// `{b000}:books:turn`, of the whole suite: who looks through all books.
std::string BooksTurnKey();
// `apikey:<hash>`, the one key that is in no bucket: it tells whose an imported API key is.
std::string ImportedKeyName(absl::string_view key_sha256);

// The Redis keys of one account; functions/shared.lua says what each holds.
class AccountKeys {
 public:
  explicit AccountKeys(absl::string_view account);
  std::string Account() const;
  std::string Ledger() const;
  std::string Due() const;
  std::string Key(absl::string_view key_id) const;
  std::string Reservation(absl::string_view attempt_id) const;
  std::string Idempotency(absl::string_view idempotency_key_sha256) const;
  std::string TopUp(absl::string_view request_id) const;
  // What was used on a day, YYYYMMDD.
  std::string Usage(int32_t day) const;
  // The ledger's carried-forward entry.
  std::string CarriedForward() const;
  std::string Import(absl::string_view key_sha256) const;
  // The bucket's.
  std::string AccountList() const;
  std::string Totals(int32_t day) const;
  std::string Audit() const;
  std::string SettingsAudit() const;

 private:
  std::string account_;
  int bucket_;
  std::string tag_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_NAMES_H_
