#include "services/billing/redis_ledger.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "services/billing/billing_errors.h"
#include "services/billing/periods.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::billing {
namespace {

using redis::Lane;
using redis::Reply;

// The holder of an idempotency key may change between two calls; a third time means a storm.
constexpr int kSeeMax = 3;
// A period may end, or its plan be changed, between two calls.
constexpr int kPeriodTries = 4;

// Redis' own errors that pass: a failover, a restart, memory.
bool IsPassing(absl::string_view text) {
  for (absl::string_view word : {"OOM", "LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS",
                                 "BUSY", "MISCONF", "TRYAGAIN", "MOVED", "ASK", "NOAUTH", "UNBLOCKED"}) {
    if (absl::StartsWith(text, word)) return true;
  }
  return false;
}

std::string FactWord(CatalogFact::Kind kind) {
  switch (kind) {
    case CatalogFact::Kind::kPriced:
      return "priced";
    case CatalogFact::Kind::kUnpriced:
      return "unpriced";
    case CatalogFact::Kind::kMissing:
      return "missing";
    case CatalogFact::Kind::kUnnamed:
      return "unnamed";
    case CatalogFact::Kind::kBehind:
      break;
  }
  return "behind";
}

// What is answered as done although a failover may undo it: a settlement, whose images are out, and a new
// key, whose secret is shown once. (So is an expiry, which is made again by whoever looks and waits for
// nobody; and the turn to look through the books, which may be had twice.)
bool StandsUnconfirmed(absl::string_view function) {
  return function == "settle" || function == "create_key" || function == "take_turn";
}

// Nothing that could be lost; that these go over the lasting connection, too, is a matter of their deadline.
bool IsRead(absl::string_view function) {
  return absl::StartsWith(function, "get_") || absl::StartsWith(function, "list_") || function == "audit" ||
         function == "inspect";
}

// The four words of the period that {PERIOD, 0, now, first start, period} asks for.
absl::StatusOr<std::vector<std::string>> PeriodWords(const std::vector<Reply>& question) {
  Words words(question, 2);
  int64_t now_us = words.Integer();
  int64_t first_us = words.Integer();
  std::string kind = words.Text();
  if (words.broken() || PeriodOf(kind) == v1::SUBSCRIPTION_PERIOD_UNSPECIFIED) return BrokenAnswer("PERIOD");
  Period period = PeriodAt(PeriodOf(kind), first_us, now_us);
  return std::vector<std::string>{kind, absl::StrCat(first_us), absl::StrCat(period.start_us),
                                  absl::StrCat(period.end_us)};
}

bool HoldsAreDue(const std::vector<Reply>& answer) { return answer.size() > 1 && answer[1].text == "1"; }

absl::StatusOr<v1::CreateReservationResponse> ReadAdmission(const std::vector<Reply>& answer,
                                                            const Admission& admission) {
  Words words(answer, 1);
  v1::CreateReservationResponse response;
  if (!admission.only_check) {
    ReservationId id{admission.payer.account, admission.attempt_id};
    *response.mutable_reservation() = ReadReservation(words, id).reservation;
    response.set_replayed(Is(answer, "REPLAY"));
  }
  *response.mutable_requests() = ReadRateLimit(words);
  *response.mutable_images() = ReadRateLimit(words);
  if (words.broken()) return BrokenAnswer("admit");
  return response;
}

}  // namespace

RedisLedger::RedisLedger(redis::Client& client, metrics::Registry& metrics, Options options)
    : client_(client),
      options_(std::move(options)),
      operations_(metrics, "prismatic_ledger_operations_total",
                  "Calls of billing's Redis functions, by what they answered.", "operation", "result"),
      resent_(metrics, "prismatic_settlements_resent_total",
              "Unconfirmed settlements sent again after a failover: restored (it had lost them), kept, "
              "refused or "
              "passed_on; forgotten: too many to remember.",
              "result"),
      damaged_(metrics, "prismatic_damaged_counters_total",
               "Settlements that met counters of their day (usage, totals) which cannot be read; those count "
               "from zero.",
               "counters") {
  // There from the start, so that the first one is an increase.
  for (const char* result : {"restored", "kept", "refused", "passed_on", "forgotten"}) resent_.Add(result, 0);
  for (const char* counters : {"usage", "totals"}) damaged_.Add(counters, 0);
  // What clocks call, not callers: a series that appears by itself would look like somebody's doing.
  for (const char* operation : {"due", "inspect", "list_bucket", "list_buckets", "take_turn"}) {
    operations_.Add(operation, "ok", 0);
  }
}

std::string RedisLedger::Now() const {
  return options_.test_clock ? absl::StrCat(options_.test_clock()) : "";
}

int64_t RedisLedger::NowUs() const {
  return options_.test_clock ? options_.test_clock() : absl::ToUnixMicros(absl::Now());
}

absl::StatusOr<RedisLedger::Answer> RedisLedger::Checked(const std::string& function,
                                                         absl::StatusOr<Reply> reply) {
  absl::Status failure;
  if (!reply.ok()) {
    failure = reply.status();
  } else if (reply->is_error()) {
    failure = absl::FailedPreconditionError(reply->text);
  }
  if (!failure.ok()) {
    bool from_redis = failure.code() == absl::StatusCode::kFailedPrecondition;
    if (!from_redis || IsPassing(failure.message())) {
      operations_.Add(function, "unavailable", 1);
      return error::BillingUnavailable();
    }
    // Redis' text names functions and lines of ours, never a secret.
    log::Error("a Redis function failed", {{"operation", function}, {"error", failure.message()}});
    operations_.Add(function, "error", 1);
    return InternalError("Billing met a fault of its own.");
  }
  if (reply->elements.empty() || reply->elements[0].type != Reply::Type::kText) {
    operations_.Add(function, "error", 1);
    return BrokenAnswer(function);
  }
  // The first word carries it on.
  reply->elements[0].unconfirmed = reply->unconfirmed;
  if (reply->unconfirmed && Wrote(reply->elements) && !IsRead(function) && !StandsUnconfirmed(function)) {
    operations_.Add(function, "unconfirmed", 1);
    return error::NotConfirmed();
  }
  operations_.Add(function, absl::AsciiStrToLower(reply->elements[0].text), 1);
  return std::move(reply->elements);
}

Task<absl::StatusOr<RedisLedger::Answer>> RedisLedger::Run(std::string function, Lane lane,
                                                           std::vector<std::string> keys,
                                                           std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), Now());
  auto call = client_.Call(lane, options_.library, function, std::move(keys), std::move(arguments));
  absl::StatusOr<Reply> reply = co_await call;
  co_return Checked(function, std::move(reply));
}

Task<absl::StatusOr<RedisLedger::Answer>> RedisLedger::Ask(std::string function, Lane lane,
                                                           std::vector<std::string> keys,
                                                           std::vector<std::string> arguments) {
  auto run = Run(std::move(function), lane, std::move(keys), std::move(arguments));
  absl::StatusOr<Answer> answer = co_await run;
  if (answer.ok() && !IsSuccess(*answer)) co_return RefusalOf(*answer, {});
  co_return answer;
}

Task<absl::StatusOr<RedisLedger::Answer>> RedisLedger::RunForPeriod(std::string function, Lane lane,
                                                                    std::vector<std::string> keys,
                                                                    std::vector<std::string> arguments) {
  std::vector<std::string> period(4);
  for (int i = 0; i < kPeriodTries; ++i) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), period.begin(), period.end());
    auto run = Run(function, lane, keys, std::move(all));
    absl::StatusOr<Answer> answer = co_await run;
    if (!answer.ok() || !Is(*answer, "PERIOD")) co_return answer;
    absl::StatusOr<std::vector<std::string>> words = PeriodWords(*answer);
    if (!words.ok()) co_return words.status();
    period = *std::move(words);
  }
  co_return error::BillingUnavailable();
}

Task<absl::StatusOr<RedisLedger::Answer>> RedisLedger::AskForPeriod(std::string function, Lane lane,
                                                                    std::vector<std::string> keys,
                                                                    std::vector<std::string> arguments) {
  auto run = RunForPeriod(std::move(function), lane, std::move(keys), std::move(arguments));
  absl::StatusOr<Answer> answer = co_await run;
  if (answer.ok() && !IsSuccess(*answer)) co_return RefusalOf(*answer, {});
  co_return answer;
}

Task<AdmissionAnswer> RedisLedger::Admit(Admission admission) {
  const Payer& payer = admission.payer;
  const CatalogFact& fact = admission.fact;
  AccountKeys names(payer.account);
  bool idempotent = !admission.idempotency_key_sha256.empty();
  std::string other;  // the attempt that holds the idempotency key
  for (int i = 0; i < kSeeMax; ++i) {
    std::vector<std::string> keys = {names.Account(), names.Reservation(admission.attempt_id), names.Due(),
                                     names.Ledger()};
    if (!payer.key_id.empty()) keys.push_back(names.Key(payer.key_id));
    if (idempotent) keys.push_back(names.Idempotency(admission.idempotency_key_sha256));
    if (!other.empty()) keys.push_back(names.Reservation(other));
    std::vector<std::string> arguments = {payer.account,
                                          admission.attempt_id,
                                          admission.fingerprint,
                                          payer.key_id,
                                          payer.key_sha256,
                                          absl::StrCat(admission.image_count),
                                          fact.model,
                                          FactWord(fact.kind),
                                          absl::StrCat(fact.unit_price.nanos()),
                                          absl::StrCat(fact.version),
                                          idempotent ? admission.body_sha256 : "",
                                          other,
                                          absl::StrCat(fact.quota_units)};
    auto run = RunForPeriod(admission.only_check ? "check_admission" : "admit", Lane::kFast, std::move(keys),
                            std::move(arguments));
    absl::StatusOr<Answer> answer = co_await run;
    if (!answer.ok()) co_return AdmissionAnswer{.response = answer.status()};
    if (IsSuccess(*answer)) {
      co_return AdmissionAnswer{.response = ReadAdmission(*answer, admission)};
    }
    if (Is(*answer, "SEE") && answer->size() == 3) {
      other = (*answer)[2].text;
      continue;
    }
    co_return AdmissionAnswer{
        .response = RefusalOf(*answer, {.model = fact.model, .catalog_behind = fact.behind}),
        .holds_are_due = HoldsAreDue(*answer)};
  }
  co_return AdmissionAnswer{.response = error::IdempotencyKeyInUse()};
}

Task<absl::StatusOr<v1::ReleaseReservationResponse>> RedisLedger::Release(ReservationId id, ReleaseKey key) {
  AccountKeys names(id.account);
  std::vector<std::string> keys = {names.Account(), names.Reservation(id.attempt_id), names.Due()};
  if (!key.key_id.empty()) keys.push_back(names.Key(key.key_id));
  auto ask =
      Ask("release", Lane::kFast, std::move(keys), {id.account, id.attempt_id, key.key_id, key.key_sha256});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  v1::ReleaseReservationResponse response;
  response.set_replayed(Is(*answer, "REPLAY"));
  co_return response;
}

Task<absl::StatusOr<v1::CheckKeyResponse>> RedisLedger::CheckKey(Payer payer, int image_count) {
  AccountKeys names(payer.account);
  auto ask = Ask("check_key", Lane::kFast, {names.Account(), names.Key(payer.key_id)},
                 {payer.key_id, payer.key_sha256, absl::StrCat(image_count)});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  v1::CheckKeyResponse response;
  response.set_account(payer.account);
  response.set_key_id(payer.key_id);
  for (absl::string_view model : absl::StrSplit(words.Text(), '\n', absl::SkipEmpty())) {
    response.add_allowed_models(std::string(model));
  }
  *response.mutable_requests() = ReadRateLimit(words);
  *response.mutable_images() = ReadRateLimit(words);
  if (words.broken()) co_return BrokenAnswer("check_key");
  co_return response;
}

Task<absl::StatusOr<Estimate>> RedisLedger::EstimateCost(Payer payer, CatalogFact fact, int image_count) {
  AccountKeys names(payer.account);
  std::vector<std::string> keys = {names.Account(), names.Due()};
  if (!payer.key_id.empty()) keys.push_back(names.Key(payer.key_id));
  auto ask = AskForPeriod(
      "estimate", Lane::kFast, std::move(keys),
      {payer.key_id, payer.key_sha256, absl::StrCat(image_count), fact.model, FactWord(fact.kind),
       absl::StrCat(fact.unit_price.nanos()), absl::StrCat(fact.quota_units)});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  Estimate estimate{.holds_are_due = words.Text() == "1"};
  estimate.source = SourceOf(words.Text());
  estimate.refusal_reason = words.Text();
  if (words.broken()) co_return BrokenAnswer("estimate");
  co_return estimate;
}

Task<absl::StatusOr<std::vector<ReservationId>>> RedisLedger::DueHolds(std::vector<int> buckets,
                                                                       int per_bucket) {
  if (!client_.connected()) co_return error::BillingUnavailable();
  std::vector<std::vector<std::string>> commands;
  for (int bucket : buckets) {
    commands.push_back({"FCALL", absl::StrCat(options_.library.name, "_due"), "1", DueKey(bucket), Now(),
                        absl::StrCat(per_bucket)});
  }
  auto pipeline = client_.Pipeline(Lane::kFast, std::move(commands));
  absl::StatusOr<std::vector<Reply>> replies = co_await pipeline;
  if (!replies.ok()) co_return error::BillingUnavailable();
  std::vector<ReservationId> holds;
  for (size_t i = 0; i < replies->size(); ++i) {
    absl::StatusOr<Reply> reply = std::move((*replies)[i]);
    if (reply->is_error() && absl::StrContains(reply->text, "Function not found")) {
      // A node without the library: the client loads it in a single call, and the rest follows next time.
      auto call = client_.Call(Lane::kFast, options_.library, "due", {DueKey(buckets[i])},
                               {Now(), absl::StrCat(per_bucket)});
      reply = co_await call;
      replies->resize(i + 1);
    }
    absl::StatusOr<Answer> answer = Checked("due", std::move(reply));
    if (!answer.ok()) co_return answer.status();
    for (size_t j = 1; j < answer->size(); ++j) {
      std::optional<ReservationId> id = ParseReservationId((*answer)[j].text);
      if (id) holds.push_back(*std::move(id));
    }
  }
  co_return holds;
}

Task<absl::StatusOr<bool>> RedisLedger::Expire(ReservationId id) {
  AccountKeys names(id.account);
  auto ask = Ask("expire", Lane::kFast, {names.Account(), names.Reservation(id.attempt_id), names.Due()},
                 {id.account, id.attempt_id});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  co_return Is(*answer, "OK");
}

Task<absl::StatusOr<AccountState>> RedisLedger::CreateAccount(v1::CreateAccountRequest request,
                                                              AdminCall call) {
  AccountKeys names(request.name());
  std::vector<std::string> arguments = WordsOfLimits(request.limits());
  arguments.insert(arguments.begin(), absl::StrCat(request.wallet_nano_usd()));
  arguments.push_back(PolicyWord(request.funding_policy()));
  const v1::SubscriptionPlan& plan = request.subscription();
  arguments.push_back(request.has_subscription() ? absl::StrCat(plan.quota_units()) : "");
  arguments.push_back(PeriodWord(plan.period()));
  arguments.push_back(absl::StrCat(plan.start_time_us()));
  arguments.push_back(call.actor);
  auto ask = AskForPeriod("create_account", Lane::kLasting,
                          {names.Account(), names.Ledger(), names.AccountList(), names.Audit()},
                          std::move(arguments));
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  AccountWords read = ReadAccount(words, request.name());
  if (words.broken()) co_return BrokenAnswer("create_account");
  co_return AccountState{std::move(read.account), read.last_key_number};
}

Task<absl::StatusOr<v1::Reservation>> RedisLedger::GetReservation(ReservationId id) {
  AccountKeys names(id.account);
  auto ask = Ask("get_reservation", Lane::kLasting, {names.Reservation(id.attempt_id)}, {});
  absl::StatusOr<Answer> answer = co_await ask;
  if (!answer.ok()) co_return answer.status();
  Words words(*answer, 1);
  ReservationWords read = ReadReservation(words, id);
  if (words.broken()) co_return BrokenAnswer("get_reservation");
  co_return std::move(read.reservation);
}

}  // namespace prismatic::billing
