#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "services/billing/redis_ledger.h"

// The part of RedisLedger that looks at all accounts, and at Redis itself.

namespace prismatic::billing {
namespace {

using redis::Lane;
using redis::Reply;

// Of days of totals: a thousand small commands, a millisecond of Redis.
constexpr size_t kDaysPerPipeline = 4;

std::vector<int> AllBuckets() {
  std::vector<int> buckets(kBuckets);
  std::iota(buckets.begin(), buckets.end(), 0);
  return buckets;
}

using TotalsRows = std::map<std::pair<int32_t, std::string>, v1::TotalsRow>;

// Adds a bucket's row, `requests|images|charged|units`, to the one of all buckets; false when it is none.
// They stay within int64 together: each number ends at 9e15.
bool AddTotal(const std::string& model, absl::string_view numbers, int32_t day, TotalsRows& rows) {
  std::vector<absl::string_view> words = absl::StrSplit(numbers, '|');
  int64_t requests = 0, images = 0, charged = 0, units = 0;
  bool right = words.size() == 4 && ReadCounter(words[0], &requests) && ReadCounter(words[1], &images) &&
               ReadCounter(words[2], &charged) && ReadCounter(words[3], &units);
  if (!right) return false;
  v1::TotalsRow& row = rows[{day, model}];
  row.set_day(day);
  row.set_model(model);
  row.set_requests(row.requests() + requests);
  row.set_images(row.images() + images);
  row.set_charged_nano_usd(row.charged_nano_usd() + charged);
  row.set_units(row.units() + units);
  return true;
}

// The same with all rows of a bucket's day.
void AddTotals(const Reply& reply, const std::string& key, int32_t day, TotalsRows& rows,
               DamageNotes& damage) {
  if (reply.is_error()) return damage.TakeNoHash(day, key);
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    const std::string &field = reply.elements[i].text, &value = reply.elements[i + 1].text;
    if (damage.TakeAside(day, key, field, value)) continue;
    if (!AddTotal(field, value, day, rows)) damage.TakeUnread(day, key, field, value);
  }
}

// TIME's answer in microseconds; 0: it is none.
int64_t TimeIn(const Reply& reply) {
  int64_t seconds = 0, us = 0;
  bool right = reply.elements.size() == 2 && absl::SimpleAtoi(reply.elements[0].text, &seconds) &&
               absl::SimpleAtoi(reply.elements[1].text, &us);
  return right ? seconds * 1'000'000 + us : 0;
}

std::string VersionIn(const Reply& info) {
  for (absl::string_view line : absl::StrSplit(info.text, '\n')) {
    if (absl::ConsumePrefix(&line, "redis_version:")) return std::string(absl::StripSuffix(line, "\r"));
  }
  return "";
}

}  // namespace

Task<absl::StatusOr<RedisLedger::Answer>> RedisLedger::Gather(std::string operation,
                                                              std::vector<std::vector<std::string>> commands,
                                                              WrongTypes wrong_types) {
  auto pipeline = client_.Pipeline(Lane::kLasting, std::move(commands));
  absl::StatusOr<std::vector<Reply>> replies = co_await pipeline;
  if (!replies.ok()) co_return Checked(operation, replies.status()).status();
  for (Reply& reply : *replies) {
    bool looked_for = wrong_types == WrongTypes::kAnswer && absl::StartsWith(reply.text, "WRONGTYPE");
    if (reply.is_error() && !looked_for) co_return Checked(operation, std::move(reply)).status();
  }
  operations_.Add(operation, "ok", 1);
  co_return *std::move(replies);
}

Task<absl::StatusOr<std::vector<std::string>>> RedisLedger::ListAccountNames(std::string prefix,
                                                                             std::string after,
                                                                             size_t limit) {
  std::string from = after >= prefix && !after.empty() ? absl::StrCat("(", after) : absl::StrCat("[", prefix);
  std::string to = prefix.empty() ? "+" : absl::StrCat("(", prefix, "\xff");
  std::vector<std::vector<std::string>> commands;
  for (int bucket : AllBuckets()) {
    commands.push_back({"ZRANGEBYLEX", AccountListKey(bucket), from, to, "LIMIT", "0", absl::StrCat(limit)});
  }
  auto gather = Gather("list_accounts", std::move(commands));
  absl::StatusOr<Answer> answer = co_await gather;
  if (!answer.ok()) co_return answer.status();
  std::vector<std::string> names;
  for (Reply& bucket : *answer) {
    for (Reply& name : bucket.elements) names.push_back(std::move(name.text));
  }
  std::sort(names.begin(), names.end());
  names.resize(std::min(names.size(), limit));
  co_return names;
}

Task<absl::StatusOr<std::vector<v1::Account>>> RedisLedger::ReadAccounts(std::vector<std::string> names) {
  std::vector<v1::Account> accounts;
  if (names.empty()) co_return accounts;
  std::vector<std::vector<std::string>> commands;
  for (const std::string& name : names) {
    commands.push_back({"FCALL", absl::StrCat(options_.library.name, "_get_account"), "1",
                        AccountKeys(name).Account(), Now()});
  }
  auto pipeline = client_.Pipeline(Lane::kLasting, commands);
  absl::StatusOr<std::vector<Reply>> replies = co_await pipeline;
  auto is_unknown = [](const Reply& reply) { return absl::StrContains(reply.text, "Function not found"); };
  if (replies.ok() && absl::c_any_of(*replies, is_unknown)) {
    // A node without the library: the client loads it in a single call.
    auto load = GetAccount(names[0]);
    absl::StatusOr<AccountState> loaded = co_await load;
    auto again = client_.Pipeline(Lane::kLasting, std::move(commands));
    replies = co_await again;
  }
  if (!replies.ok()) co_return Checked("get_account", replies.status()).status();
  for (size_t i = 0; i < names.size(); ++i) {
    absl::StatusOr<Answer> answer = Checked("get_account", std::move((*replies)[i]));
    if (!answer.ok()) co_return answer.status();
    if (!IsSuccess(*answer)) continue;
    Words words(*answer, 1);
    accounts.push_back(ReadAccount(words, names[i]).account);
    if (words.broken()) co_return BrokenAnswer("get_account");
  }
  co_return accounts;
}

Task<absl::StatusOr<RedisLedger::TotalsRead>> RedisLedger::ReadTotals(std::vector<int32_t> days) {
  TotalsRead read;
  TotalsRows rows;
  DamageNotes damage;
  for (size_t first = 0; first < days.size(); first += kDaysPerPipeline) {
    std::vector<std::vector<std::string>> commands = {{"TIME"}};
    std::vector<std::pair<int, int32_t>> asked;
    for (size_t i = first; i < std::min(first + kDaysPerPipeline, days.size()); ++i) {
      for (int bucket : AllBuckets()) {
        commands.push_back({"HGETALL", TotalsKey(bucket, days[i])});
        asked.push_back({bucket, days[i]});
      }
    }
    auto gather = Gather("list_totals", std::move(commands), WrongTypes::kAnswer);
    absl::StatusOr<Answer> answer = co_await gather;
    if (!answer.ok()) co_return answer.status();
    if (first == 0) read.time_us = options_.test_clock ? NowUs() : TimeIn((*answer)[0]);
    for (size_t i = 0; i < asked.size(); ++i) {
      auto [bucket, day] = asked[i];
      AddTotals((*answer)[i + 1], TotalsKey(bucket, day), day, rows, damage);
    }
  }
  for (auto& [name, row] : rows) read.rows.push_back(std::move(row));
  read.damaged = damage.all();
  co_return read;
}

Task<absl::StatusOr<v1::ListAuditEntriesResponse>> RedisLedger::ListAudit(AuditQuery query) {
  std::vector<int> buckets = query.account.empty() ? AllBuckets() : std::vector<int>{BucketOf(query.account)};
  AuditReader reader(std::move(query), buckets, !options_.test_clock);
  while (true) {
    std::vector<std::vector<std::string>> commands = reader.Next();
    if (commands.empty()) co_return reader.Answer();
    auto gather = Gather("list_audit", std::move(commands));
    absl::StatusOr<Answer> answer = co_await gather;
    if (!answer.ok()) co_return answer.status();
    absl::Status taken = reader.Take(*answer);
    if (!taken.ok()) co_return taken;
  }
}

// Over the lasting lane like all that people ask, whose deadline is as short as a person's patience.
Task<v1::GetBillingStatusResponse> RedisLedger::Status() {
  v1::GetBillingStatusResponse response;
  response.set_unconfirmed_settlements(static_cast<int64_t>(unconfirmed_.size()));
  const absl::Time asked = absl::Now();
  std::vector<std::vector<std::string>> commands = {
      {"TIME"}, {"CONFIG", "GET", "appendfsync", "appendonly", "maxmemory-policy"}, {"INFO", "server"}};
  auto pipeline = client_.Pipeline(Lane::kLasting, std::move(commands));
  absl::StatusOr<std::vector<Reply>> replies = co_await pipeline;
  // Redis looked at its clock somewhere in between.
  const absl::Time answered = absl::Now();
  response.set_process_time_us(absl::ToUnixMicros(asked + (answered - asked) / 2));
  if (!replies.ok()) {
    response.set_redis_error(std::string(replies.status().message()));
    co_return response;
  }
  const Reply &time = (*replies)[0], &config = (*replies)[1], &info = (*replies)[2];
  if (time.is_error()) response.set_redis_error(time.text);
  response.set_redis_time_us(TimeIn(time));
  // A user without the right gets an error instead of either.
  auto& settings = *response.mutable_redis_settings();
  for (size_t i = 0; i + 1 < config.elements.size(); i += 2) {
    settings[config.elements[i].text] = config.elements[i + 1].text;
  }
  std::string version = info.is_error() ? "" : VersionIn(info);
  if (!version.empty()) settings["redis_version"] = version;
  co_return response;
}

}  // namespace prismatic::billing
