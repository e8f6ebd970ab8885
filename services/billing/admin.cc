#include "services/billing/admin.h"

#include <utility>

#include "services/billing/admin_checks.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

// Accounts and their money.

namespace prismatic::billing {
namespace {

absl::Status CheckPolicy(v1::FundingPolicy policy) {
  if (v1::FundingPolicy_IsValid(policy)) return absl::OkStatus();
  return InvalidValue("funding_policy", "There is no such funding policy.");
}

absl::Status CheckNewAccount(const v1::CreateAccountRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("name", request.name()));
  RETURN_IF_ERROR(CheckLimits(request.limits()));
  RETURN_IF_ERROR(CheckPolicy(request.funding_policy()));
  if (request.has_subscription()) RETURN_IF_ERROR(CheckPlan(request.subscription()));
  return CheckRange("wallet_nano_usd", request.wallet_nano_usd(), 0, Money::kMaxNanos);
}

absl::Status CheckAccountChange(const v1::UpdateAccountRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("name", request.name()));
  RETURN_IF_ERROR(CheckLimitsChange(request.limits()));
  RETURN_IF_ERROR(CheckPolicy(request.funding_policy()));
  if (!request.has_subscription()) return absl::OkStatus();
  if (request.remove_subscription()) {
    return InvalidValue("remove_subscription", "A subscription cannot be set and taken away at once.");
  }
  return CheckPlan(request.subscription());
}

absl::Status CheckTopUp(const v1::TopUpWalletRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(CheckRange("amount_nano_usd", request.amount_nano_usd(), 1, Money::kMaxNanos));
  return CheckRequestId(request.request_id());
}

absl::Status CheckAdjustment(const v1::AdjustWalletRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(
      CheckRange("amount_nano_usd", request.amount_nano_usd(), -Money::kMaxNanos, Money::kMaxNanos));
  if (request.amount_nano_usd() == 0) return InvalidValue("amount_nano_usd", "An adjustment of 0 is none.");
  RETURN_IF_ERROR(CheckReason(request.reason()));
  return CheckRequestId(request.request_id());
}

absl::Status CheckWriteOff(const v1::WriteOffDebtRequest& request) {
  RETURN_IF_ERROR(CheckAccountName("account", request.account()));
  RETURN_IF_ERROR(CheckRange("amount_nano_usd", request.amount_nano_usd(), 1, Money::kMaxNanos));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  return CheckRequestId(request.request_id());
}

// For answers that are the account alone.
template <typename Response>
absl::StatusOr<Response> WithAccount(absl::StatusOr<v1::Account> account) {
  if (!account.ok()) return account.status();
  Response response;
  *response.mutable_account() = *std::move(account);
  return response;
}

absl::StatusOr<v1::Account> AccountOf(absl::StatusOr<AccountState> state) {
  if (!state.ok()) return state.status();
  return std::move(state->account);
}

}  // namespace

Task<absl::StatusOr<v1::CreateAccountResponse>> Admin::CreateAccount(v1::CreateAccountRequest request,
                                                                     AdminCall call) {
  absl::Status valid = CheckNewAccount(request);
  if (!valid.ok()) co_return valid;
  auto create = ledger_.CreateAccount(std::move(request), std::move(call));
  absl::StatusOr<AccountState> created = co_await create;
  co_return WithAccount<v1::CreateAccountResponse>(AccountOf(std::move(created)));
}

Task<absl::StatusOr<v1::UpdateAccountResponse>> Admin::UpdateAccount(v1::UpdateAccountRequest request,
                                                                     AdminCall call) {
  absl::Status valid = CheckAccountChange(request);
  if (!valid.ok()) co_return valid;
  auto update = ledger_.UpdateAccount(std::move(request), std::move(call));
  absl::StatusOr<v1::Account> account = co_await update;
  co_return WithAccount<v1::UpdateAccountResponse>(std::move(account));
}

Task<absl::StatusOr<v1::SuspendAccountResponse>> Admin::SuspendAccount(v1::SuspendAccountRequest request,
                                                                       AdminCall call) {
  absl::Status valid = CheckAccountName("name", request.name());
  if (!valid.ok()) co_return valid;
  auto suspend = ledger_.SetSuspended(request.name(), true, std::move(call));
  absl::StatusOr<v1::Account> account = co_await suspend;
  co_return WithAccount<v1::SuspendAccountResponse>(std::move(account));
}

Task<absl::StatusOr<v1::ResumeAccountResponse>> Admin::ResumeAccount(v1::ResumeAccountRequest request,
                                                                     AdminCall call) {
  absl::Status valid = CheckAccountName("name", request.name());
  if (!valid.ok()) co_return valid;
  auto resume = ledger_.SetSuspended(request.name(), false, std::move(call));
  absl::StatusOr<v1::Account> account = co_await resume;
  co_return WithAccount<v1::ResumeAccountResponse>(std::move(account));
}

Task<absl::StatusOr<v1::GetAccountResponse>> Admin::GetAccount(v1::GetAccountRequest request) {
  absl::Status valid = CheckAccountName("name", request.name());
  if (!valid.ok()) co_return valid;
  auto get = ledger_.GetAccount(request.name());
  absl::StatusOr<AccountState> state = co_await get;
  co_return WithAccount<v1::GetAccountResponse>(AccountOf(std::move(state)));
}

Task<absl::StatusOr<v1::TopUpWalletResponse>> Admin::TopUpWallet(v1::TopUpWalletRequest request,
                                                                 AdminCall call) {
  absl::Status valid = CheckTopUp(request);
  if (!valid.ok()) co_return valid;
  auto top_up = ledger_.TopUp(request.account(), Money::FromNanos(request.amount_nano_usd()),
                              request.request_id(), std::move(call));
  absl::StatusOr<v1::TopUpWalletResponse> response = co_await top_up;
  co_return response;
}

Task<absl::StatusOr<v1::AdjustWalletResponse>> Admin::AdjustWallet(v1::AdjustWalletRequest request,
                                                                   AdminCall call) {
  absl::Status valid = CheckAdjustment(request);
  if (!valid.ok()) co_return valid;
  auto adjust = ledger_.Adjust(std::move(request), std::move(call));
  absl::StatusOr<v1::AdjustWalletResponse> response = co_await adjust;
  co_return response;
}

Task<absl::StatusOr<v1::WriteOffDebtResponse>> Admin::WriteOffDebt(v1::WriteOffDebtRequest request,
                                                                   AdminCall call) {
  absl::Status valid = CheckWriteOff(request);
  if (!valid.ok()) co_return valid;
  auto write_off = ledger_.WriteOff(std::move(request), std::move(call));
  absl::StatusOr<v1::WriteOffDebtResponse> response = co_await write_off;
  co_return response;
}

}  // namespace prismatic::billing
