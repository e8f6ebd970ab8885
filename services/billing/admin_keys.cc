#include <algorithm>
#include <optional>
#include <utility>

#include "services/billing/admin.h"
#include "services/billing/admin_checks.h"
#include "services/billing/api_key.h"
#include "services/billing/billing_errors.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

constexpr size_t kHashBytes = 32;
// Keys read in one call, which keeps Redis free for others.
constexpr int64_t kKeysPerCall = 500;
// Others may make keys of the account at the same time and take the number.
constexpr int kKeyNumberTries = 20;

// CreateKeyRequest or ImportKeyRequest.
template <typename Request>
absl::Status CheckNewKey(const Request& request) {
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(CheckLimits(request.limits()));
  RETURN_IF_ERROR(CheckKeyLife(request.expires_in_seconds()));
  return CheckModels(request.allowed_models());
}

absl::Status CheckKeyChange(const v1::UpdateKeyRequest& request) {
  RETURN_IF_ERROR(CheckLimitsChange(request.limits()));
  RETURN_IF_ERROR(CheckKeyLife(request.expires_in_seconds()));
  return CheckModels(request.allowed_models().models());
}

absl::Status NoKeyId() { return InvalidValue("key_id", "`<account>.<n>` is expected."); }

}  // namespace

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

Task<absl::StatusOr<v1::ImportKeyResponse>> Admin::ImportKey(v1::ImportKeyRequest request) {
  absl::Status valid = CheckNewKey(request);
  if (!valid.ok()) co_return valid;
  if (request.api_key_sha256().size() != kHashBytes) {
    co_return InvalidValue("api_key_sha256", "The SHA-256 of the API key, 32 bytes, is expected.");
  }
  auto import = ledger_.ImportKey(std::move(request));
  absl::StatusOr<v1::ImportKeyResponse> response = co_await import;
  co_return response;
}

Task<absl::StatusOr<v1::UpdateKeyResponse>> Admin::UpdateKey(v1::UpdateKeyRequest request) {
  std::optional<KeyId> id = ParseKeyId(request.key_id());
  if (!id) co_return NoKeyId();
  absl::Status valid = CheckKeyChange(request);
  if (!valid.ok()) co_return valid;
  auto update = ledger_.UpdateKey(*id, std::move(request));
  absl::StatusOr<v1::Key> key = co_await update;
  if (!key.ok()) co_return key.status();
  v1::UpdateKeyResponse response;
  *response.mutable_key() = *std::move(key);
  co_return response;
}

Task<absl::StatusOr<v1::RevokeKeyResponse>> Admin::RevokeKey(v1::RevokeKeyRequest request) {
  std::optional<KeyId> id = ParseKeyId(request.key_id());
  if (!id) co_return NoKeyId();
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

}  // namespace prismatic::billing
