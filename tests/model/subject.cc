#include "tests/model/subject.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/billing/billing_errors.h"
#include "tests/model/model.h"
#include "tests/model/told.h"

namespace prismatic::billing::model {
namespace {

CatalogFact FactOf(const Operation& operation) {
  const CatalogEntry& entry = kCatalog[operation.model];
  CatalogFact fact{.model = entry.name,
                   .unit_price = Money::FromNanos(entry.unit_price),
                   .quota_units = entry.units,
                   .version = kCatalogVersion};
  switch (entry.kind) {
    case CatalogEntry::Kind::kPriced:
      fact.kind = CatalogFact::Kind::kPriced;
      break;
    case CatalogEntry::Kind::kUnpriced:
      fact.kind = CatalogFact::Kind::kUnpriced;
      break;
    case CatalogEntry::Kind::kMissing:
      fact.kind = CatalogFact::Kind::kMissing;
      break;
    case CatalogEntry::Kind::kBehind:
      fact.kind = CatalogFact::Kind::kBehind;
      fact.behind = error::CatalogBehind(6, 7);
      break;
  }
  return fact;
}

ReservationId IdOf(const Operation& operation) {
  return {AccountName(operation.account), AttemptName(operation.attempt)};
}

}  // namespace

Subject::Subject(redis::FunctionLibrary library) : library_(std::move(library)), loop_("billing-model") {
  redis_.Flush();
  auto client = redis::Client::Create(loop_, metrics_,
                                      {.url = redis_.unix_url(),
                                       .fast_deadline = absl::Seconds(20),
                                       .lasting_deadline = absl::Seconds(20),
                                       .stall_max = absl::Seconds(30)});
  client_ = *std::move(client);
  if (!Wait(client_->WaitUntilConnected(absl::Seconds(20))).ok()) std::abort();
  mirror_.emplace(*client_);
  Reset();
}

void Subject::Reset() {
  now_us_ = kStartUs;
  ledger_.emplace(*client_, metrics_,
                  RedisLedger::Options{.library = library_, .test_clock = [this] { return now_us_; }});
  mirror_->Clear();
  if (Wait(Ask({"FLUSHALL", "SYNC"})).is_error()) std::abort();
}

Task<redis::Reply> Subject::Ask(std::vector<std::string> words) {
  auto command = client_->Command(redis::Lane::kFast, std::move(words));
  absl::StatusOr<redis::Reply> reply = co_await command;
  if (!reply.ok())
    co_return redis::Reply{.type = redis::Reply::Type::kError, .text = reply.status().ToString()};
  co_return *std::move(reply);
}

Task<absl::StatusOr<Payer>> Subject::PayerOf(Operation operation) {
  Payer payer{.account = AccountName(operation.account)};
  if (operation.key == 0) co_return payer;
  if (IsImported(operation.key)) {
    auto find = ledger_->FindKey(ImportedText(operation.key));
    absl::StatusOr<ApiKey> key = co_await find;
    if (!key.ok()) co_return key.status();
    co_return Payer{.account = key->id.account, .key_id = key->id.Text(), .key_sha256 = key->sha256};
  }
  payer.key_id = KeyName(operation.account, operation.key == kThief ? 1 : operation.key).Text();
  payer.key_sha256 = SecretHash(operation.account, operation.key);
  co_return payer;
}

Task<std::string> Subject::Admit(Operation operation, bool only_look) {
  auto ask = PayerOf(operation);
  absl::StatusOr<Payer> payer = co_await ask;
  if (!payer.ok()) co_return Told(payer.status());
  Admission admission{.payer = *std::move(payer),
                      .attempt_id = AttemptName(operation.attempt),
                      .fingerprint = Fingerprint(operation),
                      .fact = FactOf(operation),
                      .image_count = operation.images,
                      .only_check = only_look};
  if (operation.idempotency_key != 0) {
    admission.idempotency_key_sha256 = IdempotencyHash(operation.idempotency_key);
    admission.body_sha256 = BodyHash(operation.body);
  }
  auto admit = ledger_->Admit(std::move(admission));
  AdmissionAnswer answer = co_await admit;
  co_return absl::StrCat(Told(answer.response), answer.holds_are_due ? " due" : "");
}

Task<std::string> Subject::Release(Operation operation) {
  auto ask = PayerOf(operation);
  absl::StatusOr<Payer> payer = co_await ask;
  if (!payer.ok()) co_return Told(payer.status());
  ReservationId id{payer->account, AttemptName(operation.attempt)};
  auto release = ledger_->Release(id, {payer->key_id, payer->key_sha256});
  absl::StatusOr<v1::ReleaseReservationResponse> released = co_await release;
  co_return Told(released);
}

Task<std::string> Subject::Sweep() {
  std::vector<int> buckets = {BucketOf(AccountName(0))};
  auto find = ledger_->DueHolds(buckets, 1000);
  absl::StatusOr<std::vector<ReservationId>> holds = co_await find;
  if (!holds.ok()) co_return Told(holds.status());
  std::string told = "OK";
  for (const ReservationId& hold : *holds) {
    auto expire = ledger_->Expire(hold);
    absl::StatusOr<bool> ended = co_await expire;
    if (!ended.ok()) co_return Told(ended.status());
    absl::StrAppend(&told, " ", hold.Text(), *ended ? "" : "?");
  }
  co_return told;
}

Task<std::string> Subject::Look(Operation operation) {
  if (operation.verb == Verb::kCheckKey || operation.verb == Verb::kEstimate) {
    auto ask = PayerOf(operation);
    absl::StatusOr<Payer> payer = co_await ask;
    if (!payer.ok()) co_return Told(payer.status());
    if (operation.verb == Verb::kCheckKey) {
      auto check = ledger_->CheckKey(*std::move(payer), operation.images);
      absl::StatusOr<v1::CheckKeyResponse> checked = co_await check;
      co_return Told(checked);
    }
    auto estimate = ledger_->EstimateCost(*std::move(payer), FactOf(operation), operation.images);
    absl::StatusOr<Estimate> estimated = co_await estimate;
    if (!estimated.ok()) co_return Told(estimated.status());
    co_return absl::StrCat("OK ", v1::FundingSource_Name(estimated->source), " ", estimated->refusal_reason,
                           estimated->holds_are_due ? " due" : "");
  }
  if (operation.verb == Verb::kGetReservation) {
    auto get = ledger_->GetReservation(IdOf(operation));
    absl::StatusOr<v1::Reservation> reservation = co_await get;
    co_return Told(reservation);
  }
  auto list = ledger_->ListLedger(AccountName(operation.account), 0, kAllAtOnce);
  absl::StatusOr<v1::ListLedgerEntriesResponse> entries = co_await list;
  co_return Told(entries);
}

Task<std::string> Subject::Touch(Operation operation) {
  AccountKeys keys(AccountName(operation.account));
  std::string record = keys.Reservation(AttemptName(operation.attempt));
  if (operation.verb == Verb::kForgetIdempotencyKey) {
    std::string mark = keys.Idempotency(IdempotencyHash(operation.idempotency_key));
    auto get = Ask({"GET", mark});
    redis::Reply holder = co_await get;
    if (holder.is_nil()) co_return "OK";
    // It outlives whatever it names.
    auto exists = Ask({"EXISTS", keys.Reservation(holder.text.substr(0, holder.text.find('|')))});
    redis::Reply there = co_await exists;
    if (there.integer != 0) co_return "OK";
    record = mark;
  }
  auto ttl = Ask({"PTTL", record});
  redis::Reply left = co_await ttl;
  if (left.integer <= 0) co_return "OK";
  auto forget = Ask({"DEL", record});
  co_await forget;
  co_return "OK";
}

Task<std::string> Subject::Settle(Operation operation) {
  auto settle = ledger_->Settle(IdOf(operation), operation.images);
  absl::StatusOr<Settlement> settlement = co_await settle;
  if (!settlement.ok()) co_return Told(settlement.status());
  co_return absl::StrCat(Told(settlement->response), settlement->passed_on ? " passed on" : "");
}

Task<std::string> Subject::Expire(Operation operation) {
  auto expire = ledger_->Expire(IdOf(operation));
  absl::StatusOr<bool> ended = co_await expire;
  co_return ended.ok() ? (*ended ? "OK ended" : "OK nothing") : Told(ended.status());
}

Task<std::string> Subject::Step(Operation operation) {
  now_us_ += operation.amount;
  co_return "OK";
}

Task<std::string> Subject::Apply(Operation operation) {
  switch (operation.verb) {
    case Verb::kReserve:
      return Admit(operation, false);
    case Verb::kValidate:
      return Admit(operation, true);
    case Verb::kSettle:
      return Settle(operation);
    case Verb::kRelease:
      return Release(operation);
    case Verb::kExpire:
      return Expire(operation);
    case Verb::kSweep:
      return Sweep();
    case Verb::kStep:
      return Step(operation);
    case Verb::kCheckKey:
    case Verb::kEstimate:
    case Verb::kGetReservation:
    case Verb::kListLedger:
      return Look(operation);
    case Verb::kTopUp:
    case Verb::kAdjust:
    case Verb::kWriteOff:
      return ChangeMoney(operation);
    case Verb::kCreateAccount:
    case Verb::kUpdateAccount:
    case Verb::kSuspend:
    case Verb::kResume:
      return Administer(operation);
    case Verb::kCreateKey:
    case Verb::kImportKey:
    case Verb::kUpdateKey:
    case Verb::kRevokeKey:
      return KeepKeys(operation);
    case Verb::kAudit:
    case Verb::kRecount:
    case Verb::kTrimLedger:
    case Verb::kListReservations:
    case Verb::kListUsage:
      return KeepBooks(operation);
    case Verb::kForget:
    case Verb::kForgetIdempotencyKey:
      break;
  }
  return Touch(operation);
}

}  // namespace prismatic::billing::model
