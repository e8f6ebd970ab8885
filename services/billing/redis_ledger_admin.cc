#include <utility>

#include "absl/strings/str_cat.h"
#include "services/billing/ledger_changes.h"
#include "services/billing/redis_ledger.h"

// The part of RedisLedger that changes accounts and their money by hand.

namespace prismatic::billing {
namespace {

using redis::Lane;

// sequence, account: what all changes of money answer.
template <typename Response>
absl::StatusOr<Response> ReadChange(const std::vector<redis::Reply>& answer, absl::string_view account,
                                    absl::string_view operation) {
  Words words(answer, 1);
  Response response;
  response.set_ledger_sequence(words.Integer());
  *response.mutable_account() = ReadAccount(words, account).account;
  response.set_replayed(answer[0].text == "REPLAY");
  if (words.broken()) return BrokenAnswer(operation);
  return response;
}

std::string QuotaWord(const v1::UpdateAccountRequest& request) {
  if (request.remove_subscription()) return "-";
  return request.has_subscription() ? absl::StrCat(request.subscription().quota_units()) : "";
}

}  // namespace

Task<absl::StatusOr<AccountState>> RedisLedger::GetAccount(std::string name) {
  AccountKeys names(name);
  auto ask = Ask("get_account", Lane::kLasting, {names.Account()}, {});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  AccountWords read = ReadAccount(words, name);
  if (words.broken()) co_return BrokenAnswer("get_account");
  co_return AccountState{std::move(read.account), read.last_key_number};
}

Task<absl::StatusOr<v1::Account>> RedisLedger::UpdateAccount(v1::UpdateAccountRequest request,
                                                             AdminCall call) {
  AccountKeys names(request.name());
  std::vector<std::string> arguments = WordsOfChange(request.limits());
  arguments.push_back(PolicyWord(request.funding_policy()));
  arguments.push_back(QuotaWord(request));
  arguments.push_back(request.has_subscription() ? PeriodWord(request.subscription().period()) : "");
  arguments.push_back(call.actor);
  auto ask = AskForPeriod(
      "update_account", Lane::kLasting,
      {names.Account(), names.Ledger(), names.AccountList(), names.Audit(), names.SettingsAudit()},
      std::move(arguments));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  v1::Account account = ReadAccount(words, request.name()).account;
  if (words.broken()) co_return BrokenAnswer("update_account");
  co_return account;
}

Task<absl::StatusOr<v1::Account>> RedisLedger::SetSuspended(std::string name, bool suspended,
                                                            AdminCall call) {
  AccountKeys names(name);
  auto ask = Ask("set_state", Lane::kLasting, {names.Account(), names.SettingsAudit()},
                 {suspended ? "suspended" : "active", call.actor});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  v1::Account account = ReadAccount(words, name).account;
  if (words.broken()) co_return BrokenAnswer("set_state");
  co_return account;
}

Task<absl::StatusOr<v1::TopUpWalletResponse>> RedisLedger::TopUp(std::string account, Money amount,
                                                                 std::string request_id, AdminCall call) {
  AccountKeys names(account);
  auto ask =
      Ask("top_up", Lane::kLasting, {names.Account(), names.TopUp(request_id), names.Ledger(), names.Audit()},
          {absl::StrCat(amount.nanos()), request_id, call.actor});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  co_return ReadChange<v1::TopUpWalletResponse>(*answer, account, "top_up");
}

Task<absl::StatusOr<v1::AdjustWalletResponse>> RedisLedger::Adjust(v1::AdjustWalletRequest request,
                                                                   AdminCall call) {
  AccountKeys names(request.account());
  auto ask =
      Ask("adjust", Lane::kLasting,
          {names.Account(), names.TopUp(request.request_id()), names.Ledger(), names.Audit()},
          {absl::StrCat(request.amount_nano_usd()), request.request_id(), request.reason(), call.actor});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  co_return ReadChange<v1::AdjustWalletResponse>(*answer, request.account(), "adjust");
}

Task<absl::StatusOr<v1::WriteOffDebtResponse>> RedisLedger::WriteOff(v1::WriteOffDebtRequest request,
                                                                     AdminCall call) {
  AccountKeys names(request.account());
  auto run =
      Run("write_off", Lane::kLasting,
          {names.Account(), names.TopUp(request.request_id()), names.Ledger(), names.Audit()},
          {absl::StrCat(request.amount_nano_usd()), request.request_id(), request.reason(), call.actor});
  absl::StatusOr<Answer> answer = co_await run;
  absl::Status refused = RefusalOfBooks(answer);
  if (!refused.ok()) co_return refused;
  co_return ReadChange<v1::WriteOffDebtResponse>(*answer, request.account(), "write_off");
}

}  // namespace prismatic::billing
