#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "services/billing/admin.h"
#include "services/billing/admin_checks.h"
#include "services/billing/api_key.h"
#include "services/billing/billing_errors.h"
#include "services/billing/price_book.h"
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

Task<absl::StatusOr<ModelNames>> Admin::Allowed(ModelNames names, ModelNames kept) {
  if (names.empty()) co_return names;
  auto wait = catalog_.WaitForVersion(1, kCatalogWaitMax);
  bool there = co_await wait;
  if (!there) co_return error::CatalogBehind(0, 1);
  std::shared_ptr<const catalog_watch::Snapshot> catalog = catalog_.Current();
  AllowedModels read = ReadAllowedModels(*catalog, names, kept);
  if (!read.unknown.empty()) co_return UnknownModels(*catalog, read.unknown);
  co_return std::move(read.models);
}

Task<absl::StatusOr<ModelNames>> Admin::AllowedFor(KeyId id, ModelNames names) {
  auto first_try = Allowed(names);
  absl::StatusOr<ModelNames> models = co_await first_try;
  if (!HasReason(models.status(), common::v1::ERROR_REASON_INVALID_VALUE)) co_return models;
  // A model may have gone since the key was made; who sends its list back means no change of that.
  auto list = ledger_.ListKeys(id.account, id.number, id.number);
  absl::StatusOr<std::vector<v1::Key>> keys = co_await list;
  if (HasReason(keys.status(), common::v1::ERROR_REASON_ACCOUNT_NOT_FOUND)) co_return error::KeyNotFound();
  if (!keys.ok()) co_return keys.status();
  if (keys->empty()) co_return error::KeyNotFound();
  auto second_try = Allowed(std::move(names), keys->front().allowed_models());
  absl::StatusOr<ModelNames> allowed = co_await second_try;
  co_return allowed;
}

Task<absl::StatusOr<v1::CreateKeyResponse>> Admin::CreateKey(v1::CreateKeyRequest request, AdminCall call) {
  absl::Status valid = CheckNewKey(request);
  if (!valid.ok()) co_return valid;
  auto allow = Allowed(request.allowed_models());
  absl::StatusOr<ModelNames> models = co_await allow;
  if (!models.ok()) co_return models.status();
  *request.mutable_allowed_models() = *std::move(models);
  for (int i = 0; i < kKeyNumberTries; ++i) {
    auto get = ledger_.GetAccount(request.account());
    absl::StatusOr<AccountState> state = co_await get;
    if (!state.ok()) co_return state.status();
    KeyId id{request.account(), state->last_key_number + 1};
    std::string api_key = NewApiKey(id);
    auto create = ledger_.CreateKey(id, crypto::Sha256Hex(api_key), request, call);
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

Task<absl::StatusOr<v1::ImportKeyResponse>> Admin::ImportKey(v1::ImportKeyRequest request, AdminCall call) {
  absl::Status valid = CheckNewKey(request);
  if (!valid.ok()) co_return valid;
  if (request.api_key_sha256().size() != kHashBytes) {
    co_return InvalidValue("api_key_sha256", "The SHA-256 of the API key, 32 bytes, is expected.");
  }
  auto allow = Allowed(request.allowed_models());
  absl::StatusOr<ModelNames> models = co_await allow;
  if (!models.ok()) {
    // A repeat is answered the same whatever became of the catalog.
    auto find = ledger_.FindImported(request.account(), absl::BytesToHexString(request.api_key_sha256()));
    absl::StatusOr<std::optional<v1::Key>> known = co_await find;
    if (!known.ok()) co_return known.status();
    if (!known->has_value()) co_return models.status();
    v1::ImportKeyResponse replay;
    *replay.mutable_key() = **std::move(known);
    replay.set_replayed(true);
    co_return replay;
  }
  *request.mutable_allowed_models() = *std::move(models);
  auto import = ledger_.ImportKey(std::move(request), std::move(call));
  absl::StatusOr<v1::ImportKeyResponse> response = co_await import;
  co_return response;
}

Task<absl::StatusOr<v1::UpdateKeyResponse>> Admin::UpdateKey(v1::UpdateKeyRequest request, AdminCall call) {
  std::optional<KeyId> id = ParseKeyId(request.key_id());
  if (!id) co_return NoKeyId();
  absl::Status valid = CheckKeyChange(request);
  if (!valid.ok()) co_return valid;
  if (request.has_allowed_models()) {
    auto allow = AllowedFor(*id, request.allowed_models().models());
    absl::StatusOr<ModelNames> models = co_await allow;
    if (!models.ok()) co_return models.status();
    *request.mutable_allowed_models()->mutable_models() = *std::move(models);
  }
  auto update = ledger_.UpdateKey(*id, std::move(request), std::move(call));
  absl::StatusOr<v1::Key> key = co_await update;
  if (!key.ok()) co_return key.status();
  v1::UpdateKeyResponse response;
  *response.mutable_key() = *std::move(key);
  co_return response;
}

Task<absl::StatusOr<v1::RevokeKeyResponse>> Admin::RevokeKey(v1::RevokeKeyRequest request, AdminCall call) {
  std::optional<KeyId> id = ParseKeyId(request.key_id());
  if (!id) co_return NoKeyId();
  auto revoke = ledger_.RevokeKey(*id, std::move(call));
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
