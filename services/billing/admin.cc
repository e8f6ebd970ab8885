#include "services/billing/admin.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/billing/api_key.h"
#include "services/billing/billing_errors.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

// The contract's own limits; see the proto.
constexpr int64_t kPerMinuteMax = 1'000'000;
constexpr int64_t kConcurrentMax = 100'000;
constexpr int64_t kKeyLifeSecondsMax = int64_t{10} * 366 * 24 * 3600;
constexpr int kAllowedModelsMax = 100;
constexpr size_t kModelBytesMax = 256;
constexpr size_t kRequestIdBytesMax = 128;
constexpr int kLedgerPageDefault = 100;
constexpr int kLedgerPageMax = 1'000;
// Keys read in one call, which keeps Redis free for others.
constexpr int64_t kKeysPerCall = 500;
// Others may make keys of the account at the same time and take the number.
constexpr int kKeyNumberTries = 20;

absl::Status CheckAccountName(absl::string_view param, absl::string_view name) {
  if (name.empty()) return error::MissingParameter(param);
  if (IsAccountName(name)) return absl::OkStatus();
  return InvalidValue(param, "An account name is 1 to 40 characters of a-z, 0-9 and -.");
}

absl::Status CheckRange(absl::string_view param, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return InvalidValue(param, absl::StrCat("`", param, "` must be ", min, " to ", max, "."));
}

absl::Status CheckLimits(const v1::Limits& limits) {
  RETURN_IF_ERROR(CheckRange("limits.requests_per_minute", limits.requests_per_minute(), 0, kPerMinuteMax));
  RETURN_IF_ERROR(CheckRange("limits.images_per_minute", limits.images_per_minute(), 0, kPerMinuteMax));
  return CheckRange("limits.max_concurrent", limits.max_concurrent(), 0, kConcurrentMax);
}

absl::Status CheckRequestId(absl::string_view request_id) {
  if (request_id.empty()) return error::MissingParameter("request_id");
  bool printable = std::all_of(request_id.begin(), request_id.end(),
                               [](unsigned char c) { return absl::ascii_isgraph(c); });
  if (printable && request_id.size() <= kRequestIdBytesMax) return absl::OkStatus();
  return InvalidValue("request_id", "A request ID is 1 to 128 printable ASCII characters without blanks.");
}

absl::Status CheckNewKey(const v1::CreateKeyRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(CheckLimits(request.limits()));
  RETURN_IF_ERROR(CheckRange("expires_in_seconds", request.expires_in_seconds(), 0, kKeyLifeSecondsMax));
  if (request.allowed_models_size() > kAllowedModelsMax) {
    return InvalidValue("allowed_models", absl::StrCat("At most ", kAllowedModelsMax, " models."));
  }
  for (const std::string& model : request.allowed_models()) {
    bool graphic = std::all_of(model.begin(), model.end(), [](unsigned char c) { return c > ' '; });
    if (model.empty() || model.size() > kModelBytesMax || !graphic) {
      return InvalidValue("allowed_models", "A model's canonical name is expected.");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTopUp(const v1::TopUpWalletRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(CheckRange("amount_nano_usd", request.amount_nano_usd(), 1, Money::kMaxNanos));
  return CheckRequestId(request.request_id());
}

absl::Status CheckNewAccount(const v1::CreateAccountRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("name", request.name()));
  RETURN_IF_ERROR(CheckLimits(request.limits()));
  return CheckRange("wallet_nano_usd", request.wallet_nano_usd(), 0, Money::kMaxNanos);
}

}  // namespace

Task<absl::StatusOr<v1::CreateAccountResponse>> Admin::CreateAccount(v1::CreateAccountRequest request) {
  absl::Status valid = CheckNewAccount(request);
  if (!valid.ok()) co_return valid;
  auto create =
      ledger_.CreateAccount(request.name(), request.limits(), Money::FromNanos(request.wallet_nano_usd()));
  absl::StatusOr<AccountState> created = co_await create;
  if (!created.ok()) co_return created.status();
  v1::CreateAccountResponse response;
  *response.mutable_account() = std::move(created->account);
  co_return response;
}

Task<absl::StatusOr<v1::GetAccountResponse>> Admin::GetAccount(v1::GetAccountRequest request) {
  absl::Status valid = CheckAccountName("name", request.name());
  if (!valid.ok()) co_return valid;
  auto get = ledger_.GetAccount(request.name());
  absl::StatusOr<AccountState> state = co_await get;
  if (!state.ok()) co_return state.status();
  v1::GetAccountResponse response;
  *response.mutable_account() = std::move(state->account);
  co_return response;
}

Task<absl::StatusOr<v1::TopUpWalletResponse>> Admin::TopUpWallet(v1::TopUpWalletRequest request) {
  absl::Status valid = CheckTopUp(request);
  if (!valid.ok()) co_return valid;
  auto top_up =
      ledger_.TopUp(request.account(), Money::FromNanos(request.amount_nano_usd()), request.request_id());
  absl::StatusOr<v1::TopUpWalletResponse> response = co_await top_up;
  co_return response;
}

Task<absl::StatusOr<v1::CreateKeyResponse>> Admin::CreateKey(v1::CreateKeyRequest request) {
  absl::Status valid = CheckNewKey(request);
  if (!valid.ok()) co_return valid;
  for (int i = 0; i < kKeyNumberTries; ++i) {
    auto get = ledger_.GetAccount(request.account());
    absl::StatusOr<AccountState> state = co_await get;
    if (!state.ok()) co_return state.status();
    KeyId id{request.account(), state->last_key_number + 1};
    std::string api_key = NewApiKey(id);
    auto create = ledger_.CreateKey(id, crypto::Sha256Hex(api_key), request);
    absl::StatusOr<std::optional<v1::Key>> key = co_await create;
    if (!key.ok()) co_return key.status();
    if (!key->has_value()) continue;
    v1::CreateKeyResponse response;
    *response.mutable_key() = std::move(**key);
    response.set_api_key(std::move(api_key));
    co_return response;
  }
  co_return error::BillingUnavailable();
}

Task<absl::StatusOr<v1::RevokeKeyResponse>> Admin::RevokeKey(v1::RevokeKeyRequest request) {
  std::optional<KeyId> id = ParseKeyId(request.key_id());
  if (!id) co_return InvalidValue("key_id", "`<account>.<n>` is expected.");
  auto revoke = ledger_.RevokeKey(*id);
  absl::StatusOr<v1::Key> key = co_await revoke;
  if (!key.ok()) co_return key.status();
  v1::RevokeKeyResponse response;
  *response.mutable_key() = *std::move(key);
  co_return response;
}

Task<absl::StatusOr<v1::ListKeysResponse>> Admin::ListKeys(v1::ListKeysRequest request) {
  absl::Status valid = CheckAccountName("account", request.account());
  if (!valid.ok()) co_return valid;
  auto get = ledger_.GetAccount(request.account());
  absl::StatusOr<AccountState> state = co_await get;
  if (!state.ok()) co_return state.status();
  v1::ListKeysResponse response;
  // Keys are never deleted, so the numbers up to the last are all there is.
  for (int64_t first = 1; first <= state->last_key_number; first += kKeysPerCall) {
    int64_t last = std::min(first + kKeysPerCall - 1, state->last_key_number);
    auto list = ledger_.ListKeys(request.account(), first, last);
    absl::StatusOr<std::vector<v1::Key>> keys = co_await list;
    if (!keys.ok()) co_return keys.status();
    for (v1::Key& key : *keys) *response.add_keys() = std::move(key);
  }
  co_return response;
}

Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> Admin::ListLedgerEntries(
    v1::ListLedgerEntriesRequest request) {
  absl::Status valid = CheckAccountName("account", request.account());
  if (!valid.ok()) co_return valid;
  if (request.after_sequence() < 0) co_return InvalidValue("after_sequence", "0 or more is expected.");
  int page = request.page_size() == 0 ? kLedgerPageDefault : request.page_size();
  valid = CheckRange("page_size", page, 1, kLedgerPageMax);
  if (!valid.ok()) co_return valid;
  auto list = ledger_.ListLedger(request.account(), request.after_sequence(), page);
  absl::StatusOr<v1::ListLedgerEntriesResponse> response = co_await list;
  co_return response;
}

Task<absl::StatusOr<v1::GetReservationResponse>> Admin::GetReservation(v1::GetReservationRequest request) {
  std::optional<ReservationId> id = ParseReservationId(request.reservation_id());
  if (!id) co_return InvalidValue("reservation_id", "`<account>.<attempt_id>` is expected.");
  auto get = ledger_.GetReservation(*id);
  absl::StatusOr<v1::Reservation> reservation = co_await get;
  if (!reservation.ok()) co_return reservation.status();
  v1::GetReservationResponse response;
  *response.mutable_reservation() = *std::move(reservation);
  co_return response;
}

}  // namespace prismatic::billing
