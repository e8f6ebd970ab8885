#include <utility>

#include "absl/strings/str_cat.h"
#include "services/billing/billing_errors.h"
#include "services/billing/redis_ledger.h"

// The part of RedisLedger that looks through all books, a little at a time.

namespace prismatic::billing {
namespace {

using redis::Lane;
using redis::Reply;

AccountView ReadView(const std::vector<Reply>& answer, bool* broken) {
  AccountView view;
  Words words(answer);
  std::string state = words.Text();
  view.damaged = state != "READ";
  if (view.damaged) {
    *broken = *broken || (state != "GONE" && state != "DAMAGED");
    return view;
  }
  view.version = words.Text();
  for (int64_t* number : {&view.balance, &view.owed, &view.held, &view.sequence, &view.entry_sequence,
                          &view.entry_balance, &view.entry_owed}) {
    *number = words.Integer();
  }
  constexpr size_t kPeriod = 9, kSums = 11, kWords = 13;
  *broken = *broken || answer.size() != kWords || words.broken();
  if (*broken) return view;
  if (!answer[kPeriod].text.empty()) {
    Words subscription(answer, kPeriod);
    view.period = subscription.Integer();
    view.held_units = subscription.Integer();
    *broken = subscription.broken();
  }
  if (!answer[kSums].text.empty()) {
    Words sums(answer, kSums);
    view.pending.emplace();
    view.pending->nanos = sums.Integer();
    view.pending->units = sums.Integer();
    *broken = *broken || sums.broken();
  }
  return view;
}

}  // namespace

Task<absl::StatusOr<bool>> RedisLedger::TakeBooksTurn(std::string who, absl::Duration time, Lane lane) {
  auto run = Run("take_turn", lane, {BooksTurnKey()},
                 {std::move(who), absl::StrCat(absl::ToInt64Milliseconds(time))});
  absl::StatusOr<Answer> answer = co_await run;
  if (!answer.ok()) co_return answer.status();
  co_return Is(*answer, "OK");
}

Task<absl::StatusOr<std::vector<int>>> RedisLedger::BucketsInUse() {
  std::vector<std::vector<std::string>> commands;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    commands.push_back({"ZCARD", AccountListKey(bucket)});
    commands.push_back({"ZCARD", DueKey(bucket)});
  }
  auto gather = Gather("list_buckets", std::move(commands), WrongTypes::kAnswer);
  absl::StatusOr<Answer> answer = co_await gather;
  if (!answer.ok()) co_return answer.status();
  auto is_empty = [](const Reply& reply) { return !reply.is_error() && reply.integer == 0; };
  std::vector<int> used;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    size_t at = static_cast<size_t>(bucket) * 2;
    if (!is_empty((*answer)[at]) || !is_empty((*answer)[at + 1])) used.push_back(bucket);
  }
  co_return used;
}

Task<absl::StatusOr<std::vector<std::string>>> RedisLedger::ListBucket(int bucket, std::string after,
                                                                       int limit) {
  std::string from = after.empty() ? "-" : absl::StrCat("(", after);
  std::vector<std::vector<std::string>> commands = {
      {"ZRANGEBYLEX", AccountListKey(bucket), from, "+", "LIMIT", "0", absl::StrCat(limit)}};
  auto gather = Gather("list_bucket", std::move(commands));
  absl::StatusOr<Answer> answer = co_await gather;
  if (!answer.ok()) co_return answer.status();
  std::vector<std::string> names;
  for (Reply& name : (*answer)[0].elements) names.push_back(std::move(name.text));
  co_return names;
}

Task<absl::StatusOr<BucketView>> RedisLedger::Inspect(int bucket, std::vector<std::string> names,
                                                      InspectionLimits limits) {
  return InspectHolds(bucket, std::move(names), "", limits.holds_max, limits.overdue_after);
}

Task<absl::StatusOr<BucketView>> RedisLedger::InspectOne(int bucket, std::string name,
                                                         InspectionLimits limits) {
  return InspectHolds(bucket, {name}, name, limits.holds_of_one_max, limits.overdue_after);
}

Task<absl::StatusOr<BucketView>> RedisLedger::InspectHolds(int bucket, std::vector<std::string> names,
                                                           std::string alone, int holds_max,
                                                           absl::Duration overdue_after) {
  constexpr size_t kUnlisted = 6, kOfBucket = 7;
  std::vector<std::string> keys = {DueKey(bucket), AccountListKey(bucket)};
  for (const std::string& name : names) {
    keys.push_back(AccountKeys(name).Account());
    keys.push_back(AccountKeys(name).Ledger());
  }
  auto run = Run(
      "inspect", Lane::kLasting, std::move(keys),
      {absl::StrCat(holds_max), absl::StrCat(absl::ToInt64Microseconds(overdue_after)), std::move(alone)});
  absl::StatusOr<Answer> answer = co_await run;
  if (!answer.ok()) co_return answer.status();
  BucketView view;
  Words words(*answer, 1);
  view.holds = words.Integer();
  view.overdue = words.Integer();
  bool broken = answer->size() != kOfBucket + names.size();
  if (!broken && !(*answer)[3].text.empty()) {
    view.pending.emplace();
    view.pending->count = words.Integer();
    view.pending->nanos = words.Integer();
    view.pending->first_us = words.Integer();
    for (const Reply& name : (*answer)[kUnlisted].elements) view.pending->unlisted.insert(name.text);
  }
  for (size_t i = kOfBucket; i < answer->size(); ++i) {
    view.accounts.push_back(ReadView((*answer)[i].elements, &broken));
  }
  if (broken || words.broken()) co_return BrokenAnswer("inspect");
  co_return view;
}

Task<absl::StatusOr<HoldPosition>> RedisLedger::SumPending(int bucket, HoldPosition after, int look,
                                                           PendingSums* sums) {
  constexpr size_t kUnlisted = 3, kOfPage = 4;
  auto ask = Ask("list_pending", Lane::kLasting, {DueKey(bucket), AccountListKey(bucket)},
                 {after.end_us, after.reservation_id, absl::StrCat(look)});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  HoldPosition last;
  last.end_us = words.Text();
  last.reservation_id = words.Text();
  if (words.broken() || answer->size() < kOfPage) co_return BrokenAnswer("list_pending");
  for (const Reply& name : (*answer)[kUnlisted].elements) sums->unlisted.insert(name.text);
  bool broken = false;
  for (size_t i = kOfPage; i < answer->size(); ++i) {
    Words hold((*answer)[i].elements);
    std::string account = hold.Text();
    int64_t nanos = hold.Integer(), made_us = hold.Integer();
    int64_t period = hold.Integer(), units = hold.Integer();
    broken = broken || hold.broken();
    ++sums->count;
    sums->nanos += nanos;
    sums->of[account].nanos += nanos;
    sums->of[account].units[period] += units;
    if (sums->first_us == 0 || made_us < sums->first_us) sums->first_us = made_us;
  }
  if (broken) co_return BrokenAnswer("list_pending");
  co_return last;
}

}  // namespace prismatic::billing
