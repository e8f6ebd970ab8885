#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/billing/billing_errors.h"
#include "services/billing/periods.h"
#include "services/billing/redis_ledger.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

// The part of RedisLedger that settles, and settles again what a failover may have lost.

namespace prismatic::billing {
namespace {

using redis::Lane;

// Redis' day may be another one than ours, and may end between two calls.
constexpr int kDayTries = 3;
// Each takes a few kilobytes while it is on its way.
constexpr size_t kResentAtOnce = 200;
constexpr int64_t kHalfDayUs = int64_t{12} * 3600 * 1'000'000;

}  // namespace

Task<absl::StatusOr<RedisLedger::Answer>> RedisLedger::SettleOnItsDay(ReservationId id, int delivered) {
  AccountKeys names(id.account);
  int64_t now_us = NowUs();
  for (int i = 0; i < kDayTries; ++i) {
    int32_t day = DayOf(now_us);
    // Of the days before and after, the nearer one.
    int32_t later = DayOf(now_us + kHalfDayUs);
    int32_t other = later != day ? later : DayOf(now_us - kHalfDayUs);
    auto run =
        Run("settle", Lane::kLasting,
            {names.Account(), names.Reservation(id.attempt_id), names.Due(), names.Ledger(), names.Usage(day),
             names.Usage(other), names.Totals(day), names.Totals(other)},
            {id.account, id.attempt_id, absl::StrCat(delivered), absl::StrCat(day), absl::StrCat(other)});
    absl::StatusOr<Answer> answer = co_await run;
    if (!answer.ok() || !Is(*answer, "DAY")) co_return answer;
    Words words(*answer, 2);
    now_us = words.Integer();
    if (words.broken()) co_return BrokenAnswer("settle");
  }
  co_return error::BillingUnavailable();
}

void RedisLedger::NoteConfirmation(const Answer& answer, UnconfirmedSettlements::Settlement settlement) {
  if (client_.wait_replicas() == 0 || !Wrote(answer)) return;
  if (answer[0].unconfirmed) {
    // In the words that `prismatic settlement replay` reads, should this process end before a failover.
    if (settlement.delivered > 0) {
      log::Warning("settlement_unconfirmed",
                   {{"reservation", settlement.id.Text()}, {"delivered", settlement.delivered}});
    }
    if (!unconfirmed_.Add(std::move(settlement))) resent_.Add("forgotten");
    return;
  }
  // Without a change on the way it is certain in which history this was written.
  if (client_.replication().changes == settlement.history) unconfirmed_.Confirm(settlement.history);
}

Task<int> RedisLedger::ResendUnconfirmed(absl::Duration time_max) {
  if (!client_.connected()) co_return 0;
  absl::Time stop = absl::Now() + time_max;
  std::vector<UnconfirmedSettlements::Settlement> lost = unconfirmed_.TakeLost(client_.replication().changes);
  int restored = 0;
  size_t at = 0;
  bool away = false;
  while (at < lost.size() && !away && absl::Now() < stop) {
    // At once, so that they share a wait for the replicas.
    std::vector<Task<Resent>> tries;
    for (; at < lost.size() && tries.size() < kResentAtOnce; ++at) tries.push_back(Resend(lost[at]));
    auto trying = WhenAll(std::move(tries));
    std::vector<Resent> results = co_await trying;
    restored += static_cast<int>(absl::c_count(results, Resent::kRestored));
    away = absl::c_linear_search(results, Resent::kAway);
  }
  for (; at < lost.size(); ++at) unconfirmed_.Add(std::move(lost[at]));
  co_return restored;
}

Task<RedisLedger::Resent> RedisLedger::Resend(UnconfirmedSettlements::Settlement settlement) {
  auto settle = Settle(settlement.id, settlement.delivered);
  absl::StatusOr<Settlement> again = co_await settle;
  if (HasReason(again.status(), common::v1::ERROR_REASON_BILLING_UNAVAILABLE)) {
    unconfirmed_.Add(std::move(settlement));
    co_return Resent::kAway;
  }
  if (again.ok() && !again->passed_on) {
    resent_.Add(again->response.replayed() ? "kept" : "restored");
    co_return again->response.replayed() ? Resent::kKept : Resent::kRestored;
  }
  resent_.Add(again.ok() ? "passed_on" : "refused");
  log::Error("a settlement that a failover lost cannot be made again",
             {{"reservation", settlement.id.Text()},
              {"delivered", settlement.delivered},
              {"reason", again.ok() ? "passed_on" : ResultLabel(again.status())}});
  co_return Resent::kLost;
}

void RedisLedger::NoteDamagedCounters(Words& words, const ReservationId& id) {
  while (!words.done() && !words.broken()) {
    const std::string& counters = words.Text();
    log::Error(
        "a day's counters are damaged; the settlement stands, and what cannot be read counts from zero",
        {{"counters", counters}, {"reservation", id.Text()}});
    damaged_.Add(counters);
  }
}

Task<absl::StatusOr<Settlement>> RedisLedger::Settle(ReservationId id, int delivered) {
  uint64_t history = client_.replication().changes;
  auto run = SettleOnItsDay(id, delivered);
  absl::StatusOr<Answer> answer = co_await run;
  if (!answer.ok()) co_return answer.status();
  NoteConfirmation(*answer, {.id = id, .delivered = delivered, .history = history});
  if (!IsSuccess(*answer)) co_return RefusalOf(*answer, {});
  bool passed_on = Is(*answer, "PASSED_ON");
  Words words(*answer, 1);
  ReservationWords read = ReadReservation(words, id);
  NoteDamagedCounters(words, id);
  if (words.broken()) co_return BrokenAnswer("settle");
  Settlement settlement{.passed_on = passed_on};
  *settlement.response.mutable_reservation() = std::move(read.reservation);
  settlement.response.set_ledger_sequence(read.ledger_sequence);
  settlement.response.set_replayed(Is(*answer, "REPLAY"));
  co_return settlement;
}

}  // namespace prismatic::billing
