#include "services/model_registry/operators/operator_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"
#include "services/model_registry/operators/audit_entries.h"
#include "services/model_registry/operators/functions.h"
#include "services/model_registry/operators/login_address.h"
#include "services/model_registry/operators/operator_errors.h"

namespace prismatic::model_registry {
namespace {

constexpr char kOperatorsKey[] = "{catalog}:operators";
// Of the audit log's streams the one whose slot all of them have.
constexpr char kAuditKey[] = "{catalog}:audit";

std::string SessionKey(const std::string& sha256) { return absl::StrCat("{catalog}:session:", sha256); }
// What strangers send is not put into Redis as it came.
std::string LoginKey(absl::string_view kind, absl::string_view subject) {
  return absl::StrCat("{catalog}:login:", kind, ":", crypto::Sha256Hex(subject));
}

absl::Status NotOurs() { return InternalError("The operators' store answered in another form."); }
std::string Micros(absl::Duration duration) { return absl::StrCat(absl::ToInt64Microseconds(duration)); }
std::string Flag(bool value) { return value ? "1" : "0"; }

// Remembers for a minute that such an entry was written.
std::string NotedKey(const v1::AuditEntry& entry) {
  return LoginKey("noted", absl::StrCat(entry.action(), " ", entry.target()));
}

// The counters of a login, behind other keys: the name's and, unless it is empty, the address's.
std::vector<std::string> WithCounters(std::vector<std::string> keys, const LoginSource& source) {
  keys.push_back(LoginKey("name", source.name));
  if (!source.address.empty()) keys.push_back(LoginKey("address", AddressGroup(source.address)));
  return keys;
}

absl::StatusOr<std::optional<StoredOperator>> ReadFound(absl::string_view name, const redis::Reply& reply) {
  if (reply.is_nil() || reply.text.empty()) return std::optional<StoredOperator>();
  std::optional<StoredOperator> found = ReadOperator(name, reply.text);
  if (!found.has_value()) return NotOurs();
  return found;
}

// {name, record, expire_us, idle_expire_us}; empty: none.
absl::StatusOr<std::optional<StoredSession>> ReadSession(const std::vector<redis::Reply>& words) {
  if (words.empty()) return std::optional<StoredSession>();
  StoredSession session;
  if (words.size() != 4 || !absl::SimpleAtoi(words[2].text, &session.expire_time_us) ||
      !absl::SimpleAtoi(words[3].text, &session.idle_expire_time_us)) {
    return NotOurs();
  }
  std::optional<StoredOperator> of = ReadOperator(words[0].text, words[1].text);
  if (!of.has_value()) return NotOurs();
  session.of = *std::move(of);
  return std::optional<StoredSession>(std::move(session));
}

}  // namespace

OperatorStore::OperatorStore(redis::Client& redis, OperatorRules rules)
    : redis_(redis),
      rules_(rules),
      library_(redis::FunctionLibrary::FromSource("operators_1", kOperatorsLua)) {}

Task<absl::StatusOr<redis::Reply>> OperatorStore::Call(std::string function, std::vector<std::string> keys,
                                                       std::vector<std::string> arguments) {
  auto call = redis_.Call(redis::Lane::kLasting, library_, std::move(function), std::move(keys),
                          std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return operator_error::StoreUnavailable(reply.status().message());
  co_return reply;
}

Task<absl::StatusOr<redis::Reply>> OperatorStore::Command(std::vector<std::string> words) {
  auto command = redis_.Command(redis::Lane::kLasting, std::move(words));
  absl::StatusOr<redis::Reply> reply = co_await command;
  if (!reply.ok()) co_return operator_error::StoreUnavailable(reply.status().message());
  co_return reply;
}

Task<absl::StatusOr<LoginCandidate>> OperatorStore::BeginLogin(LoginSource source) {
  // A name that can be nobody's is nobody's field either, and may be long.
  std::vector<std::string> arguments = {
      IsOperatorName(source.name) ? source.name : "?", Micros(rules_.failure_window),
      absl::StrCat(rules_.failures_of_name_max), absl::StrCat(rules_.failures_of_address_max)};
  auto call = Call("attempt", WithCounters({kOperatorsKey}, source), std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  int64_t wait_us = 0;
  if (reply->elements.size() != 3 || !absl::SimpleAtoi(reply->elements[1].text, &wait_us))
    co_return NotOurs();
  absl::StatusOr<std::optional<StoredOperator>> found = ReadFound(source.name, reply->elements[0]);
  if (!found.ok()) co_return found.status();
  co_return LoginCandidate{*std::move(found),
                           absl::Microseconds(wait_us),
                           {std::move(source), std::move(reply->elements[2].text)}};
}

Task<absl::Status> OperatorStore::CountFailure(LoginAttempt attempt, v1::AuditEntry entry) {
  std::vector<std::string> arguments = {entry.SerializeAsString(), Micros(rules_.failure_window),
                                        std::move(attempt.made_at)};
  auto call = Call("fail", WithCounters({NotedKey(entry)}, attempt.source), std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  co_return reply.status();
}

Task<absl::Status> OperatorStore::GiveBack(LoginAttempt attempt) {
  std::vector<std::string> arguments = {Micros(rules_.failure_window), std::move(attempt.made_at)};
  auto call = Call("give_back", WithCounters({}, attempt.source), std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  co_return reply.status();
}

Task<absl::StatusOr<std::optional<StoredSession>>> OperatorStore::OpenSession(StoredOperator known,
                                                                              std::string sha256,
                                                                              LoginAttempt attempt,
                                                                              v1::AuditEntry entry) {
  std::string name = known.shown.name();
  std::vector<std::string> keys =
      WithCounters({kOperatorsKey, NotedKey(entry), SessionKey(sha256)}, attempt.source);
  std::vector<std::string> arguments = {name,
                                        known.password_hash,
                                        sha256,
                                        Micros(rules_.session_lifetime),
                                        Micros(rules_.session_idle),
                                        entry.SerializeAsString(),
                                        Micros(rules_.failure_window),
                                        std::move(attempt.made_at)};
  auto call = Call("open", std::move(keys), std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  std::vector<redis::Reply> words = std::move(reply->elements);
  if (!words.empty()) words.insert(words.begin(), {.type = redis::Reply::Type::kText, .text = name});
  co_return ReadSession(words);
}

Task<absl::StatusOr<std::optional<StoredSession>>> OperatorStore::FindSession(std::string sha256) {
  std::vector<std::string> keys = {kOperatorsKey, SessionKey(sha256)};
  std::vector<std::string> arguments = {Micros(rules_.session_idle), Micros(rules_.renewal_min)};
  auto call = Call("session", std::move(keys), std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  co_return ReadSession(reply->elements);
}

Task<absl::Status> OperatorStore::CloseSession(std::string name, std::string sha256, v1::AuditEntry entry) {
  std::vector<std::string> keys = {NotedKey(entry), SessionKey(sha256)};
  std::vector<std::string> arguments = {sha256, entry.SerializeAsString(), name};
  auto call = Call("close", std::move(keys), std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  co_return reply.status();
}

Task<absl::StatusOr<std::optional<StoredOperator>>> OperatorStore::Find(std::string name) {
  auto command = Command({"HGET", kOperatorsKey, name});
  absl::StatusOr<redis::Reply> reply = co_await command;
  if (!reply.ok()) co_return reply.status();
  co_return ReadFound(name, *reply);
}

Task<absl::StatusOr<std::vector<StoredOperator>>> OperatorStore::List() {
  auto command = Command({"HGETALL", kOperatorsKey});
  absl::StatusOr<redis::Reply> reply = co_await command;
  if (!reply.ok()) co_return reply.status();
  std::vector<StoredOperator> operators;
  for (size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
    std::optional<StoredOperator> read = ReadOperator(reply->elements[i].text, reply->elements[i + 1].text);
    if (!read.has_value()) co_return NotOurs();
    operators.push_back(*std::move(read));
  }
  std::sort(operators.begin(), operators.end(),
            [](const StoredOperator& a, const StoredOperator& b) { return a.shown.name() < b.shown.name(); });
  co_return operators;
}

Task<absl::StatusOr<std::optional<StoredOperator>>> OperatorStore::Put(OperatorChange change) {
  std::string name = change.known.shown.name();
  std::string sessions = "none";
  if (change.sessions == OperatorChange::Sessions::kEndAll) sessions = "all";
  if (change.sessions == OperatorChange::Sessions::kEndOthers) sessions = change.kept_session_sha256;
  std::vector<std::string> arguments = {name,
                                        change.known.record,
                                        absl::StrCat(static_cast<int>(change.role)),
                                        Flag(change.disabled),
                                        Flag(change.password_is_initial),
                                        change.password_hash,
                                        sessions,
                                        change.entry.SerializeAsString(),
                                        Flag(change.is_own)};
  auto call = Call("put", {kOperatorsKey}, std::move(arguments));
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  if (reply->elements.size() != 2) co_return NotOurs();
  const std::string& outcome = reply->elements[0].text;
  if (outcome == "changed") co_return std::optional<StoredOperator>();
  if (outcome == "last_owner") co_return operator_error::LastOwner(name);
  if (outcome == "full")
    co_return InvalidValue("name", "There are as many operators as there can be, 1,000.");
  co_return ReadFound(name, reply->elements[1]);
}

Task<absl::StatusOr<bool>> OperatorStore::HasOperators() {
  auto command = Command({"HLEN", kOperatorsKey});
  absl::StatusOr<redis::Reply> reply = co_await command;
  if (!reply.ok()) co_return reply.status();
  co_return reply->integer > 0;
}

Task<absl::StatusOr<bool>> OperatorStore::PutFirst(std::string name, std::string password_hash,
                                                   v1::AuditEntry entry) {
  auto call = Call("first", {kOperatorsKey}, {name, password_hash, entry.SerializeAsString()});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  co_return reply->integer == 1;
}

Task<absl::StatusOr<std::vector<v1::AuditEntry>>> OperatorStore::ListAudit(std::string before_id, int count) {
  std::string from = before_id.empty() ? "+" : absl::StrCat("(", before_id);
  auto call = Call("audit", {kAuditKey}, {std::move(from), absl::StrCat(count)});
  absl::StatusOr<redis::Reply> reply = co_await call;
  if (!reply.ok()) co_return reply.status();
  std::vector<v1::AuditEntry> entries;
  for (const redis::Reply& element : reply->elements) entries.push_back(ReadAuditEntry(element));
  co_return entries;
}

}  // namespace prismatic::model_registry
