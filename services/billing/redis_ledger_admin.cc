#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/billing/redis_ledger.h"

// The half of RedisLedger that administration uses.

namespace prismatic::billing {
namespace {

using redis::Lane;

std::vector<std::string> LimitWords(const v1::Limits& limits) {
  return {limits.has_requests_per_minute() ? absl::StrCat(limits.requests_per_minute()) : "",
          limits.has_images_per_minute() ? absl::StrCat(limits.images_per_minute()) : "",
          limits.has_max_concurrent() ? absl::StrCat(limits.max_concurrent()) : ""};
}

}  // namespace

Task<absl::StatusOr<AccountState>> RedisLedger::CreateAccount(std::string name, v1::Limits limits,
                                                              Money wallet) {
  AccountKeys names(name);
  std::vector<std::string> arguments = LimitWords(limits);
  arguments.insert(arguments.begin(), absl::StrCat(wallet.nanos()));
  auto ask = Ask("create_account", Lane::kLasting, {names.Account(), names.Ledger()}, std::move(arguments));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  AccountWords read = ReadAccount(words, name);
  if (words.broken()) co_return BrokenAnswer("create_account");
  co_return AccountState{std::move(read.account), read.last_key_number};
}

Task<absl::StatusOr<AccountState>> RedisLedger::GetAccount(std::string name) {
  AccountKeys names(name);
  auto ask = Ask("get_account", Lane::kFast, {names.Account()}, {});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  AccountWords read = ReadAccount(words, name);
  if (words.broken()) co_return BrokenAnswer("get_account");
  co_return AccountState{std::move(read.account), read.last_key_number};
}

Task<absl::StatusOr<v1::TopUpWalletResponse>> RedisLedger::TopUp(std::string account, Money amount,
                                                                 std::string request_id) {
  AccountKeys names(account);
  auto ask = Ask("top_up", Lane::kLasting, {names.Account(), names.TopUp(request_id), names.Ledger()},
                 {absl::StrCat(amount.nanos()), request_id});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  v1::TopUpWalletResponse response;
  response.set_ledger_sequence(words.Integer());
  *response.mutable_account() = ReadAccount(words, account).account;
  response.set_replayed((*answer)[0].text == "REPLAY");
  if (words.broken()) co_return BrokenAnswer("top_up");
  co_return response;
}

Task<absl::StatusOr<std::optional<v1::Key>>> RedisLedger::CreateKey(KeyId id, std::string key_sha256,
                                                                    v1::CreateKeyRequest request) {
  AccountKeys names(id.account);
  std::string models;
  for (const std::string& model : request.allowed_models())
    absl::StrAppend(&models, models.empty() ? "" : "\n", model);
  std::vector<std::string> arguments = {absl::StrCat(id.number), key_sha256,
                                        absl::StrCat(request.expires_in_seconds() * 1'000'000)};
  for (std::string& limit : LimitWords(request.limits())) arguments.push_back(std::move(limit));
  arguments.push_back(models);
  auto ask = Ask("create_key", Lane::kLasting, {names.Account(), names.Key(id.Text())}, std::move(arguments));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  if ((*answer)[0].text == "TAKEN") co_return std::optional<v1::Key>();
  Words words(*answer, 1);
  v1::Key key = ReadKey(words, id);
  if (words.broken()) co_return BrokenAnswer("create_key");
  co_return std::optional<v1::Key>(std::move(key));
}

Task<absl::StatusOr<v1::Key>> RedisLedger::RevokeKey(KeyId id) {
  AccountKeys names(id.account);
  auto ask = Ask("revoke_key", Lane::kLasting, {names.Account(), names.Key(id.Text())}, {id.Text()});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  v1::Key key = ReadKey(words, id);
  if (words.broken()) co_return BrokenAnswer("revoke_key");
  co_return key;
}

Task<absl::StatusOr<std::vector<v1::Key>>> RedisLedger::ListKeys(std::string account, int64_t first,
                                                                 int64_t last) {
  AccountKeys names(account);
  std::vector<std::string> keys = {names.Account()};
  std::vector<std::string> ids;
  for (int64_t number = first; number <= last; ++number) {
    ids.push_back(KeyId{account, number}.Text());
    keys.push_back(names.Key(ids.back()));
  }
  auto ask = Ask("list_keys", Lane::kFast, std::move(keys), std::move(ids));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  std::vector<v1::Key> listed;
  for (size_t i = 2; i < answer->size(); ++i) {
    if ((*answer)[i].elements.empty()) continue;
    Words words((*answer)[i].elements);
    listed.push_back(ReadKey(words, {account, first + static_cast<int64_t>(i) - 2}));
    if (words.broken()) co_return BrokenAnswer("list_keys");
  }
  co_return listed;
}

Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> RedisLedger::ListLedger(std::string account,
                                                                            int64_t after, int page) {
  AccountKeys names(account);
  auto ask = Ask("list_ledger", Lane::kFast, {names.Account(), names.Ledger()},
                 {absl::StrCat(after), absl::StrCat(page + 1)});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  v1::ListLedgerEntriesResponse response;
  size_t entries = answer->size() - 1;
  response.set_more(entries > static_cast<size_t>(page));
  for (size_t i = 0; i < entries && i < static_cast<size_t>(page); ++i) {
    absl::StatusOr<v1::LedgerEntry> entry = ReadLedgerEntry((*answer)[i + 1], account);
    if (!entry.ok()) co_return entry.status();
    *response.add_entries() = *std::move(entry);
  }
  co_return response;
}

}  // namespace prismatic::billing
