#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/billing/billing_errors.h"
#include "services/billing/ledger_changes.h"
#include "services/billing/redis_ledger.h"

// The part of RedisLedger that reads the books, compares them and keeps them short.

namespace prismatic::billing {
namespace {

using redis::Lane;
using redis::Reply;

// How much of a bucket's list one call looks at, which keeps Redis free for others.
constexpr int kHoldsLookedAt = 2'000;
// Below the 1 MiB that a caller's gRPC takes by default.
constexpr size_t kPageBytesMax = 900'000;
// Of a row of usage.
constexpr size_t kUsageFields = 4;
constexpr int kTrimPage = 1'000;
// Another one may trim at the same time.
constexpr int kTrimTries = 5;

// Adds one counter, `<key number or ->|<model>|<r, i, c or u>`, to the row that it belongs to. False when it
// is none.
bool AddUsage(absl::string_view field, absl::string_view value, const std::string& account, int32_t day,
              std::map<std::string, v1::UsageRow>& rows) {
  size_t first = field.find('|'), last = field.rfind('|');
  int64_t number = 0;
  if (first == absl::string_view::npos || last == first || !ReadCounter(value, &number)) return false;
  absl::string_view key = field.substr(0, first), what = field.substr(last + 1);
  v1::UsageRow& row = rows[std::string(field.substr(0, last))];
  row.set_day(day);
  if (key != "-") row.set_key_id(absl::StrCat(account, ".", key));
  row.set_model(std::string(field.substr(first + 1, last - first - 1)));
  if (what == "r") row.set_requests(number);
  if (what == "i") row.set_images(number);
  if (what == "c") row.set_charged_nano_usd(number);
  if (what == "u") row.set_units(number);
  return true;
}

// {number, counter, pending}
v1::KeyConcurrency ReadKeyConcurrency(Words& words, const std::string& account) {
  v1::KeyConcurrency key;
  key.set_key_id(KeyId{account, words.Integer()}.Text());
  key.set_concurrent(words.Integer());
  key.set_pending_count(words.Integer());
  return key;
}

// The keys' counters are all that follows the sums, up to `end`.
absl::StatusOr<v1::AuditAccountResponse> ReadAudit(const std::vector<Reply>& answer, size_t end,
                                                   const std::string& account) {
  constexpr size_t kSums = 1 + 21 + 3;
  Words words(answer, 1);
  v1::AuditAccountResponse response;
  *response.mutable_account() = ReadAccount(words, account, PeriodView::kStored).account;
  response.set_pending_count(words.Integer());
  response.set_pending_nano_usd(words.Integer());
  response.set_pending_units(words.Integer());
  bool broken = words.broken();
  for (size_t i = kSums; i < end; ++i) {
    Words key(answer[i].elements);
    *response.add_keys() = ReadKeyConcurrency(key, account);
    broken = broken || key.broken();
  }
  if (broken) return BrokenAnswer("audit");
  return response;
}

}  // namespace

Task<absl::StatusOr<v1::ListLedgerEntriesResponse>> RedisLedger::ListLedger(std::string account,
                                                                            int64_t after, int page) {
  AccountKeys names(account);
  auto ask = Ask("list_ledger", Lane::kLasting, {names.Account(), names.Ledger(), names.CarriedForward()},
                 {absl::StrCat(after), absl::StrCat(page + 1)});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  v1::ListLedgerEntriesResponse response;
  size_t entries = answer->size() - 1, bytes = 0, taken = 0;
  while (taken < entries && taken < static_cast<size_t>(page) && bytes < kPageBytesMax) {
    absl::StatusOr<v1::LedgerEntry> entry = ReadLedgerEntry((*answer)[++taken], account);
    if (!entry.ok()) co_return entry.status();
    bytes += entry->ByteSizeLong();
    *response.add_entries() = *std::move(entry);
  }
  response.set_more(taken < entries);
  co_return response;
}

Task<absl::StatusOr<RedisLedger::UsageRead>> RedisLedger::ListUsage(std::string account,
                                                                    std::vector<int32_t> days,
                                                                    size_t rows_max) {
  AccountKeys names(account);
  std::vector<std::string> keys = {names.Account()};
  for (int32_t day : days) keys.push_back(names.Usage(day));
  auto run = Run("list_usage", Lane::kLasting, std::move(keys), {absl::StrCat(rows_max * kUsageFields)});
  absl::StatusOr<Answer> answer = co_await run;
  if (!answer.ok()) co_return answer.status();
  if (Is(*answer, "TOO_MANY")) co_return error::TooManyUsageRows();
  if (!IsSuccess(*answer)) co_return RefusalOf(*answer, {});
  UsageRead read;
  DamageNotes damage;
  for (size_t i = 0; i < days.size() && i + 1 < answer->size(); ++i) {
    const std::string key = names.Usage(days[i]);
    const Reply& day = (*answer)[i + 1];
    if (day.text == "DAMAGED") damage.TakeNoHash(days[i], key);
    std::map<std::string, v1::UsageRow> rows;
    for (size_t j = 0; j + 1 < day.elements.size(); j += 2) {
      const std::string &field = day.elements[j].text, &value = day.elements[j + 1].text;
      if (damage.TakeAside(days[i], key, field, value)) continue;
      if (!AddUsage(field, value, account, days[i], rows)) damage.TakeUnread(days[i], key, field, value);
    }
    for (auto& [name, row] : rows) read.rows.push_back(std::move(row));
  }
  read.damaged = damage.all();
  co_return read;
}

Task<absl::StatusOr<RedisLedger::HoldList>> RedisLedger::ListHolds(std::string account, int wanted,
                                                                   HoldPosition after) {
  AccountKeys names(account);
  auto ask =
      Ask("list_holds", Lane::kLasting, {names.Account(), names.Due()},
          {account, after.end_us, after.reservation_id, absl::StrCat(wanted), absl::StrCat(kHoldsLookedAt)});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  HoldList list;
  list.left_at.end_us = words.Text();
  list.left_at.reservation_id = words.Text();
  while (!words.done()) {
    std::optional<ReservationId> id = ParseReservationId(words.Text());
    if (!id) co_return BrokenAnswer("list_holds");
    list.ids.push_back(*std::move(id));
  }
  if (words.broken()) co_return BrokenAnswer("list_holds");
  co_return list;
}

Task<absl::StatusOr<std::vector<v1::Reservation>>> RedisLedger::ReadHolds(std::string account,
                                                                          std::vector<ReservationId> ids) {
  std::vector<v1::Reservation> held;
  if (ids.empty()) co_return held;
  AccountKeys names(account);
  std::vector<std::string> keys;
  for (const ReservationId& id : ids) keys.push_back(names.Reservation(id.attempt_id));
  auto ask = Ask("list_reservations", Lane::kLasting, std::move(keys), {});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  for (size_t i = 0; i < ids.size() && i + 1 < answer->size(); ++i) {
    if ((*answer)[i + 1].elements.empty()) continue;
    Words words((*answer)[i + 1].elements);
    held.push_back(ReadReservation(words, ids[i]).reservation);
    if (words.broken()) co_return BrokenAnswer("list_reservations");
  }
  co_return held;
}

Task<absl::StatusOr<v1::ListReservationsResponse>> RedisLedger::ListReservations(std::string account,
                                                                                 int page,
                                                                                 HoldPosition after) {
  v1::ListReservationsResponse response;
  HoldPosition at = std::move(after);
  do {
    auto list = ListHolds(account, page - response.reservations_size(), at);
    absl::StatusOr<HoldList> listed = co_await list;
    if (!listed.ok()) co_return listed.status();
    at = std::move(listed->left_at);
    auto read = ReadHolds(account, std::move(listed->ids));
    absl::StatusOr<std::vector<v1::Reservation>> held = co_await read;
    if (!held.ok()) co_return held.status();
    for (v1::Reservation& reservation : *held) *response.add_reservations() = std::move(reservation);
  } while (!at.end_us.empty() && response.reservations_size() < page);
  if (!at.end_us.empty()) response.set_next_page_token(absl::StrCat(at.end_us, ",", at.reservation_id));
  co_return response;
}

Task<absl::StatusOr<v1::AuditAccountResponse>> RedisLedger::Audit(std::string account) {
  AccountKeys names(account);
  auto run = Run("audit", Lane::kLasting, {names.Account(), names.Due()}, {account});
  absl::StatusOr<Answer> answer = co_await run;
  absl::Status refused = RefusalOfBooks(answer);
  if (!refused.ok()) co_return refused;
  co_return ReadAudit(*answer, answer->size(), account);
}

Task<absl::StatusOr<v1::RecountAccountResponse>> RedisLedger::Recount(std::string account, AdminCall call) {
  AccountKeys names(account);
  auto run =
      Run("recount", Lane::kLasting,
          {names.Account(), names.Due(), names.AccountList(), names.SettingsAudit()}, {account, call.actor});
  absl::StatusOr<Answer> answer = co_await run;
  absl::Status refused = RefusalOfBooks(answer);
  if (!refused.ok()) co_return refused;
  absl::StatusOr<v1::AuditAccountResponse> before = ReadAudit(*answer, answer->size() - 1, account);
  if (!before.ok()) co_return before.status();
  Words words(answer->back().elements);
  v1::RecountAccountResponse response;
  *response.mutable_before() = *std::move(before);
  *response.mutable_account() = ReadAccount(words, account, PeriodView::kStored).account;
  if (words.broken()) co_return BrokenAnswer("recount");
  co_return response;
}

Task<absl::StatusOr<RedisLedger::LedgerHead>> RedisLedger::ReadHead(std::string account, int64_t through) {
  LedgerHead head;
  int64_t last = 0;
  bool more = true;
  while (more && last < through) {
    auto list = ListLedger(account, last, kTrimPage);
    absl::StatusOr<v1::ListLedgerEntriesResponse> page = co_await list;
    if (!page.ok()) co_return page.status();
    for (const v1::LedgerEntry& entry : page->entries()) {
      if (entry.sequence() > through) break;
      if (entry.type() == v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD) head.carried_forward = entry.sequence();
      head.subscription.Take(entry);
    }
    if (!page->entries().empty()) last = page->entries().rbegin()->sequence();
    more = page->more();
  }
  co_return head;
}

Task<absl::StatusOr<v1::LedgerEntry>> RedisLedger::TrimLedger(std::string account, int64_t through,
                                                              int64_t balance, AdminCall call) {
  AccountKeys names(account);
  for (int i = 0; i < kTrimTries; ++i) {
    auto read = ReadHead(account, through);
    absl::StatusOr<LedgerHead> head = co_await read;
    if (!head.ok()) co_return head.status();
    const SubscriptionCount& count = head->subscription;
    std::vector<std::string> arguments = {absl::StrCat(through), absl::StrCat(balance),
                                          absl::StrCat(head->carried_forward)};
    for (int64_t number : {count.used_units, count.over_units, count.quota_units, count.period_start_us,
                           count.period_end_us}) {
      arguments.push_back(count.exists ? absl::StrCat(number) : "");
    }
    arguments.push_back(call.actor);
    auto run =
        Run("trim_ledger", Lane::kLasting,
            {names.Account(), names.Ledger(), names.CarriedForward(), names.Audit()}, std::move(arguments));
    absl::StatusOr<Answer> answer = co_await run;
    if (answer.ok() && (*answer)[0].text == "CHANGED") continue;
    absl::Status refused = RefusalOfBooks(answer);
    if (!refused.ok()) co_return refused;
    if (answer->size() != 2) co_return BrokenAnswer("trim_ledger");
    co_return ReadLedgerEntry((*answer)[1], account);
  }
  co_return error::BillingUnavailable();
}

}  // namespace prismatic::billing
