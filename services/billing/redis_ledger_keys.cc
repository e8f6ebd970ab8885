#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "services/billing/billing_errors.h"
#include "services/billing/ledger_changes.h"
#include "services/billing/redis_ledger.h"
#include "services/common/crypto/crypto.h"

// The part of RedisLedger that keeps API keys.

namespace prismatic::billing {
namespace {

using redis::Lane;
using redis::Reply;

// Far more than any vendor's keys have.
constexpr size_t kImportedTextMax = 512;

std::string ModelLines(const google::protobuf::RepeatedPtrField<std::string>& models) {
  std::string lines;
  for (const std::string& model : models) absl::StrAppend(&lines, lines.empty() ? "" : "\n", model);
  return lines;
}

// `pk_<key ID>_` begins no other vendor's key, so nobody needs to be asked about the rest.
bool IsOursButDamaged(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "pk_")) return false;
  return ParseKeyId(text.substr(0, text.find('_'))).has_value();
}

std::string LifeWord(int64_t seconds) { return absl::StrCat(seconds * 1'000'000); }

// What a new key is made with, from its hash on.
template <typename Request>
std::vector<std::string> NewKeyWords(const Request& request, const std::string& key_sha256) {
  std::vector<std::string> words = {key_sha256, LifeWord(request.expires_in_seconds())};
  for (std::string& limit : WordsOfLimits(request.limits())) words.push_back(std::move(limit));
  words.push_back(ModelLines(request.allowed_models()));
  return words;
}

absl::StatusOr<v1::Key> KeyIn(const std::vector<Reply>& answer, const KeyId& id,
                              absl::string_view operation) {
  Words words(answer, 1);
  v1::Key key = ReadKey(words, id);
  if (words.broken()) return BrokenAnswer(operation);
  return key;
}

}  // namespace

Task<absl::StatusOr<std::optional<v1::Key>>> RedisLedger::CreateKey(KeyId id, std::string key_sha256,
                                                                    v1::CreateKeyRequest request,
                                                                    AdminCall call) {
  AccountKeys names(id.account);
  std::vector<std::string> arguments = NewKeyWords(request, key_sha256);
  arguments.insert(arguments.begin(), absl::StrCat(id.number));
  arguments.push_back(call.actor);
  auto ask = Ask("create_key", Lane::kLasting, {names.Account(), names.Key(id.Text()), names.Audit()},
                 std::move(arguments));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  if ((*answer)[0].text == "TAKEN") co_return std::optional<v1::Key>();
  absl::StatusOr<v1::Key> key = KeyIn(*answer, id, "create_key");
  if (!key.ok()) co_return key.status();
  co_return std::optional<v1::Key>(*std::move(key));
}

Task<absl::StatusOr<v1::Key>> RedisLedger::UpdateKey(KeyId id, v1::UpdateKeyRequest request, AdminCall call) {
  AccountKeys names(id.account);
  std::vector<std::string> arguments = WordsOfChange(request.limits());
  arguments.insert(arguments.begin(), id.Text());
  arguments.push_back(request.has_expires_in_seconds() ? LifeWord(request.expires_in_seconds()) : "");
  arguments.push_back(request.has_allowed_models() ? "1" : "");
  arguments.push_back(ModelLines(request.allowed_models().models()));
  arguments.push_back(call.actor);
  auto ask = Ask("update_key", Lane::kLasting, {names.Account(), names.Key(id.Text()), names.SettingsAudit()},
                 std::move(arguments));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  co_return KeyIn(*answer, id, "update_key");
}

Task<absl::StatusOr<v1::Key>> RedisLedger::RevokeKey(KeyId id, AdminCall call) {
  AccountKeys names(id.account);
  auto ask = Ask("revoke_key", Lane::kLasting, {names.Account(), names.Key(id.Text()), names.Audit()},
                 {id.Text(), call.actor});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  co_return KeyIn(*answer, id, "revoke_key");
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
  auto ask = Ask("list_keys", Lane::kLasting, std::move(keys), std::move(ids));
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

Task<absl::StatusOr<ApiKey>> RedisLedger::FindKey(std::string text) {
  std::optional<ApiKey> own = ParseApiKey(text);
  if (own) co_return *std::move(own);
  if (text.empty() || text.size() > kImportedTextMax || IsOursButDamaged(text))
    co_return error::InvalidApiKey();
  std::string sha256 = crypto::Sha256Hex(text);
  std::optional<ImportedKeyCache::Finding> finding = imported_keys_.Find(sha256, absl::Now());
  if (!finding) {
    auto read = ReadMapping(sha256);
    absl::StatusOr<std::optional<KeyId>> id = co_await read;
    if (!id.ok()) co_return id.status();
    if (!id->has_value()) imported_keys_.RememberUnknown(sha256, absl::Now());
    finding = ImportedKeyCache::Finding{.id = *std::move(id)};
  }
  if (!finding->id) co_return error::InvalidApiKey();
  co_return ApiKey{.id = *std::move(finding->id), .sha256 = std::move(sha256)};
}

Task<absl::StatusOr<std::optional<KeyId>>> RedisLedger::ReadMapping(std::string key_sha256) {
  auto command = client_.Command(Lane::kFast, {"GET", ImportedKeyName(key_sha256)});
  absl::StatusOr<Reply> reply = co_await command;
  if (!reply.ok() || reply->is_error()) co_return error::BillingUnavailable();
  if (reply->type != Reply::Type::kText) co_return std::optional<KeyId>();
  std::optional<KeyId> id = ParseKeyId(reply->text);
  if (!id) co_return BrokenAnswer("apikey");
  imported_keys_.RememberKnown(key_sha256, *id);
  co_return id;
}

Task<absl::StatusOr<KeyId>> RedisLedger::ClaimImport(std::string account, std::string key_sha256) {
  auto read = ReadMapping(key_sha256);
  absl::StatusOr<std::optional<KeyId>> known = co_await read;
  if (!known.ok()) co_return known.status();
  if (known->has_value()) co_return **std::move(known);
  AccountKeys names(account);
  auto ask = Ask("reserve_import", Lane::kLasting, {names.Account(), names.Import(key_sha256)}, {});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  KeyId id{account, words.Integer()};
  if (words.broken()) co_return BrokenAnswer("reserve_import");
  auto set = client_.Command(Lane::kLasting, {"SET", ImportedKeyName(key_sha256), id.Text(), "NX"});
  absl::StatusOr<Reply> reply = co_await set;
  if (!reply.ok() || reply->is_error()) co_return error::BillingUnavailable();
  // Somebody may have been faster, for this account or another.
  auto again = ReadMapping(key_sha256);
  absl::StatusOr<std::optional<KeyId>> mapped = co_await again;
  if (!mapped.ok()) co_return mapped.status();
  if (!mapped->has_value()) co_return error::BillingUnavailable();
  co_return **std::move(mapped);
}

Task<absl::StatusOr<std::optional<v1::Key>>> RedisLedger::FindImported(std::string account,
                                                                       std::string key_sha256) {
  auto get = GetAccount(account);
  absl::StatusOr<AccountState> state = co_await get;
  if (!state.ok()) co_return state.status();
  auto read = ReadMapping(key_sha256);
  absl::StatusOr<std::optional<KeyId>> id = co_await read;
  if (!id.ok()) co_return id.status();
  if (!id->has_value()) co_return std::optional<v1::Key>();
  if ((*id)->account != account) co_return error::KeyExists();
  auto list = ListKeys(account, (*id)->number, (*id)->number);
  absl::StatusOr<std::vector<v1::Key>> keys = co_await list;
  if (!keys.ok()) co_return keys.status();
  if (keys->empty()) co_return std::optional<v1::Key>();
  co_return std::optional<v1::Key>(std::move(keys->front()));
}

Task<absl::StatusOr<v1::ImportKeyResponse>> RedisLedger::ImportKey(v1::ImportKeyRequest request,
                                                                   AdminCall call) {
  // An unknown account is told before anything is written for it, and before whose the key is.
  auto get = GetAccount(request.account());
  absl::StatusOr<AccountState> account = co_await get;
  if (!account.ok()) co_return account.status();
  std::string sha256 = absl::BytesToHexString(request.api_key_sha256());
  auto claim = ClaimImport(request.account(), sha256);
  absl::StatusOr<KeyId> id = co_await claim;
  if (!id.ok()) co_return id.status();
  if (id->account != request.account()) co_return error::KeyExists();
  AccountKeys names(id->account);
  std::vector<std::string> arguments = NewKeyWords(request, sha256);
  arguments.insert(arguments.begin(), id->Text());
  arguments.push_back(call.actor);
  auto ask = Ask("import_key", Lane::kLasting, {names.Account(), names.Key(id->Text()), names.Audit()},
                 std::move(arguments));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  absl::StatusOr<v1::Key> key = KeyIn(*answer, *id, "import_key");
  if (!key.ok()) co_return key.status();
  v1::ImportKeyResponse response;
  *response.mutable_key() = *std::move(key);
  response.set_replayed((*answer)[0].text == "REPLAY");
  co_return response;
}

}  // namespace prismatic::billing
