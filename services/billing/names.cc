#include "services/billing/names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/common/crypto/crypto.h"
#include "services/common/uuid/uuid.h"

namespace prismatic::billing {
namespace {

constexpr size_t kAccountNameMax = 40;
// More keys than anyone makes, and far from overflow.
constexpr size_t kKeyNumberDigitsMax = 9;

std::string Tag(int bucket) { return absl::StrFormat("{b%03d}", bucket); }

}  // namespace

bool IsAccountName(absl::string_view name) {
  if (name.empty() || name.size() > kAccountNameMax) return false;
  for (char c : name) {
    if (!(c >= 'a' && c <= 'z') && !absl::ascii_isdigit(static_cast<unsigned char>(c)) && c != '-')
      return false;
  }
  return true;
}

std::string KeyId::Text() const { return absl::StrCat(account, ".", number); }

std::optional<KeyId> ParseKeyId(absl::string_view text) {
  size_t point = text.find('.');
  if (point == absl::string_view::npos) return std::nullopt;
  absl::string_view digits = text.substr(point + 1);
  if (!IsAccountName(text.substr(0, point)) || digits.empty() || digits.size() > kKeyNumberDigitsMax ||
      digits[0] == '0') {
    return std::nullopt;
  }
  KeyId id{.account = std::string(text.substr(0, point))};
  for (char c : digits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return std::nullopt;
    id.number = id.number * 10 + (c - '0');
  }
  return id;
}

std::string ReservationId::Text() const { return absl::StrCat(account, ".", attempt_id); }

std::optional<ReservationId> ParseReservationId(absl::string_view text) {
  size_t point = text.find('.');
  if (point == absl::string_view::npos) return std::nullopt;
  ReservationId id{.account = std::string(text.substr(0, point)),
                   .attempt_id = std::string(text.substr(point + 1))};
  if (!IsAccountName(id.account) || !IsUuidV7(id.attempt_id)) return std::nullopt;
  return id;
}

int BucketOf(absl::string_view account) { return static_cast<unsigned char>(crypto::Sha256(account)[0]); }

std::string DueKey(int bucket) { return absl::StrCat(Tag(bucket), ":due"); }
std::string AccountListKey(int bucket) { return absl::StrCat(Tag(bucket), ":accounts"); }
std::string TotalsKey(int bucket, int32_t day) { return absl::StrCat(Tag(bucket), ":day:", day); }
std::string AuditKey(int bucket) { return absl::StrCat(Tag(bucket), ":audit"); }
std::string SettingsAuditKey(int bucket) { return absl::StrCat(Tag(bucket), ":audit:settings"); }
std::string BooksTurnKey() { return absl::StrCat(Tag(0), ":books:turn"); }
std::string ImportedKeyName(absl::string_view key_sha256) { return absl::StrCat("apikey:", key_sha256); }

AccountKeys::AccountKeys(absl::string_view account)
    : account_(account), bucket_(BucketOf(account)), tag_(Tag(bucket_)) {}

std::string AccountKeys::Account() const { return absl::StrCat(tag_, ":acct:", account_); }
std::string AccountKeys::Ledger() const { return absl::StrCat(tag_, ":led:", account_); }
std::string AccountKeys::Due() const { return DueKey(bucket_); }
std::string AccountKeys::Key(absl::string_view key_id) const { return absl::StrCat(tag_, ":key:", key_id); }
std::string AccountKeys::Reservation(absl::string_view attempt_id) const {
  return absl::StrCat(tag_, ":rsv:", account_, ".", attempt_id);
}
std::string AccountKeys::Idempotency(absl::string_view idempotency_key_sha256) const {
  return absl::StrCat(tag_, ":idem:", account_, ":", idempotency_key_sha256);
}
std::string AccountKeys::TopUp(absl::string_view request_id) const {
  return absl::StrCat(tag_, ":top:", account_, ":", request_id);
}
std::string AccountKeys::Usage(int32_t day) const { return absl::StrCat(tag_, ":use:", account_, ":", day); }
std::string AccountKeys::CarriedForward() const { return absl::StrCat(tag_, ":fwd:", account_); }
std::string AccountKeys::Import(absl::string_view key_sha256) const {
  return absl::StrCat(tag_, ":imp:", account_, ":", key_sha256);
}
std::string AccountKeys::AccountList() const { return AccountListKey(bucket_); }
std::string AccountKeys::Totals(int32_t day) const { return TotalsKey(bucket_, day); }
std::string AccountKeys::Audit() const { return AuditKey(bucket_); }
std::string AccountKeys::SettingsAudit() const { return SettingsAuditKey(bucket_); }

}  // namespace prismatic::billing
