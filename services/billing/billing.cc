#include "services/billing/billing.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/billing/api_key.h"
#include "services/billing/billing_errors.h"
#include "services/common/crypto/crypto.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"
#include "services/common/uuid/uuid.h"

namespace prismatic::billing {
namespace {

// A caller waits a second for its reservation; holds that are due are ended for it no longer than this.
constexpr absl::Duration kInlineSweepMax = absl::Milliseconds(300);

// The contract's own limits; see the proto.
constexpr int kImagesMax = 10;
constexpr size_t kIdempotencyKeyBytesMax = 255;
constexpr size_t kBodyHashBytes = 32;
// Bounds what is stored with a reservation.
constexpr size_t kModelBytesMax = 256;
constexpr size_t kPriceSelectorBytesMax = 256;  // 64 characters of the public API, in UTF-8

// What can be repeated, as prismatic_idempotent_replays_total names it.
constexpr char kReserve[] = "reserve";
constexpr char kSettle[] = "settle";
constexpr char kRelease[] = "release";

bool LacksFunds(const absl::Status& refusal) {
  return HasReason(refusal, common::v1::ERROR_REASON_CREDIT_BALANCE_EXHAUSTED) ||
         HasReason(refusal, common::v1::ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED) ||
         HasReason(refusal, common::v1::ERROR_REASON_ACCOUNT_IN_DEBT);
}

// Who a request says that pays.
struct Caller {
  bool is_account = false;
  // The account's name, or the API key.
  std::string text;
};

// For requests whose `caller` is either an API key or an account.
template <typename Request>
Caller CallerOf(const Request& request) {
  if (request.caller_case() == Request::kAccount) return {.is_account = true, .text = request.account()};
  return {.text = request.api_key()};
}

Payer PayerOf(ApiKey key) {
  return Payer{.account = key.id.account, .key_id = key.id.Text(), .key_sha256 = std::move(key.sha256)};
}

Task<absl::StatusOr<Payer>> FindPayer(RedisLedger& ledger, Caller caller, CallerRights rights) {
  if (caller.is_account) {
    if (!rights.trusted_meter) co_return error::CallerNotAllowed();
    if (!IsAccountName(caller.text)) co_return InvalidValue("account", "This is no account name.");
    co_return Payer{.account = std::move(caller.text)};
  }
  auto find = ledger.FindKey(std::move(caller.text));
  absl::StatusOr<ApiKey> key = co_await find;
  if (!key.ok()) co_return key.status();
  co_return PayerOf(*std::move(key));
}

absl::Status CheckModel(const std::string& model) {
  if (model.empty()) return error::MissingParameter("model");
  if (model.size() > kModelBytesMax) return InvalidValue("model", "The name is too long.");
  return absl::OkStatus();
}

template <typename Request>
absl::Status CheckAsked(const Request& request) {
  if (request.image_count() < 1 || request.image_count() > kImagesMax) {
    return InvalidValue("image_count", absl::StrCat("1 to ", kImagesMax, " images can be asked for."));
  }
  if (request.size().size() > kPriceSelectorBytesMax) return InvalidValue("size", "Too long.");
  if (request.quality().size() > kPriceSelectorBytesMax) return InvalidValue("quality", "Too long.");
  return absl::OkStatus();
}

absl::Status CheckIdentity(const v1::CreateReservationRequest& request) {
  if (!IsUuidV7(request.attempt_id())) {
    return InvalidValue("attempt_id", "A UUIDv7 in lower case is expected.");
  }
  if (request.idempotency_key().size() > kIdempotencyKeyBytesMax) {
    return InvalidValue("idempotency_key", absl::StrCat("At most ", kIdempotencyKeyBytesMax, " bytes."));
  }
  if (!request.idempotency_key().empty() && request.body_sha256().size() != kBodyHashBytes) {
    return InvalidValue("body_sha256", "An idempotency key needs the body's SHA-256, 32 bytes.");
  }
  return absl::OkStatus();
}

// What makes two calls with one attempt ID the same. Each part's length is counted in, so that no two
// contents share a text; the catalog version is left out, since a retry may know a newer one.
std::string Fingerprint(const v1::CreateReservationRequest& request, const Payer& payer) {
  std::vector<absl::string_view> parts = {payer.key_id, request.model(), request.size(), request.quality()};
  if (!request.idempotency_key().empty()) {
    parts.push_back(request.idempotency_key());
    parts.push_back(request.body_sha256());
  }
  std::string all;
  for (absl::string_view part : parts) absl::StrAppend(&all, part.size(), ":", part);
  absl::StrAppend(&all, request.image_count());
  return crypto::Sha256Hex(all);
}

// A caller that knows of no such model may still ask whether its client would be let in.
bool NamesNoModel(const v1::CreateReservationRequest& request) {
  return request.validate_only() && request.model().empty();
}

absl::StatusOr<Admission> AdmissionFor(const v1::CreateReservationRequest& request, Payer payer) {
  Admission admission{.payer = std::move(payer)};
  RETURN_IF_ERROR(CheckIdentity(request));
  if (!NamesNoModel(request)) RETURN_IF_ERROR(CheckModel(request.model()));
  RETURN_IF_ERROR(CheckAsked(request));
  admission.only_check = request.validate_only();
  admission.attempt_id = request.attempt_id();
  admission.image_count = request.image_count();
  admission.fingerprint = Fingerprint(request, admission.payer);
  if (!request.idempotency_key().empty()) {
    admission.idempotency_key_sha256 = crypto::Sha256Hex(request.idempotency_key());
    admission.body_sha256 = absl::BytesToHexString(request.body_sha256());
  }
  return admission;
}

// What to release, and with which key when it was not named by its ID.
struct ReleaseOf {
  ReservationId id;
  ReleaseKey key;
};

Task<absl::StatusOr<ReleaseOf>> ReadRelease(RedisLedger& ledger, v1::ReleaseReservationRequest request) {
  if (!request.reservation_id().empty()) {
    std::optional<ReservationId> id = ParseReservationId(request.reservation_id());
    if (!id) co_return InvalidValue("reservation_id", "`<account>.<attempt_id>` is expected.");
    co_return ReleaseOf{.id = *std::move(id)};
  }
  auto find = ledger.FindKey(request.api_key());
  absl::StatusOr<ApiKey> key = co_await find;
  if (!key.ok()) co_return key.status();
  if (!IsUuidV7(request.attempt_id())) {
    co_return InvalidValue("attempt_id", "A UUIDv7 in lower case is expected.");
  }
  co_return ReleaseOf{.id = {.account = key->id.account, .attempt_id = request.attempt_id()},
                      .key = {.key_id = key->id.Text(), .key_sha256 = key->sha256}};
}

}  // namespace

Billing::Billing(RedisLedger& ledger, PriceBook& prices, Sweeper& sweeper, metrics::Registry& metrics)
    : ledger_(ledger),
      prices_(prices),
      sweeper_(sweeper),
      reservations_(metrics, "prismatic_reservations_total",
                    "Reservations asked for, by what became of them.", "result"),
      checks_(metrics, "prismatic_reservation_checks_total",
              "Reservations that were only to be validated, by the answer.", "result"),
      settlements_(metrics, "prismatic_settlements_total", "Settlements, by what they did.", "result"),
      releases_(metrics, "prismatic_releases_total", "Releases, by what they did.", "result"),
      charged_(metrics, "prismatic_charged_nano_usd_total",
               "Money charged, in nano-USD; late charges count "
               "what is owed too.",
               "model"),
      images_(metrics, "prismatic_images_charged_total", "Images charged for.", "model"),
      units_(metrics, "prismatic_charged_quota_units_total",
             "Units charged to subscriptions; late charges count those beyond the quota too.", "model"),
      replays_(metrics, "prismatic_idempotent_replays_total",
               "Repeated calls that were given the first one's answer.", "operation"),
      insufficient_funds_(metrics.GetCounter("prismatic_insufficient_funds_total",
                                             "Reservations refused since nothing could pay for them.")) {
  for (const char* operation : {kReserve, kSettle, kRelease}) replays_.Add(operation, 0);
}

Task<absl::StatusOr<CatalogFact>> Billing::LookUp(std::string model, std::string size, std::string quality,
                                                  int64_t catalog_version, Naming naming) {
  auto find = prices_.Find(model, std::move(size), std::move(quality), catalog_version, naming);
  absl::StatusOr<Quote> quote = co_await find;
  CatalogFact fact{.model = model};
  if (!quote.ok()) {
    if (!HasReason(quote.status(), common::v1::ERROR_REASON_CATALOG_BEHIND)) co_return quote.status();
    fact.kind = CatalogFact::Kind::kBehind;
    fact.behind = quote.status();
    co_return fact;
  }
  if (quote->model_found) fact.model = quote->model;
  fact.version = quote->catalog_version;
  fact.quota_units = quote->quota_units;
  if (quote->unit_price) {
    fact.kind = CatalogFact::Kind::kPriced;
    fact.unit_price = *quote->unit_price;
  } else if (quote->model_found) {
    fact.kind = CatalogFact::Kind::kUnpriced;
  }
  co_return fact;
}

Task<absl::StatusOr<v1::CreateReservationResponse>> Billing::Reserve(v1::CreateReservationRequest request,
                                                                     CallerRights rights) {
  auto find = FindPayer(ledger_, CallerOf(request), rights);
  absl::StatusOr<Payer> payer = co_await find;
  if (!payer.ok()) co_return payer.status();
  absl::StatusOr<Admission> admission = AdmissionFor(request, *std::move(payer));
  if (!admission.ok()) co_return admission.status();
  if (NamesNoModel(request)) {
    admission->fact.kind = CatalogFact::Kind::kUnnamed;
  } else {
    auto look_up = LookUp(request.model(), request.size(), request.quality(), request.catalog_version(),
                          Naming::kCanonical);
    absl::StatusOr<CatalogFact> fact = co_await look_up;
    if (!fact.ok()) co_return fact.status();
    admission->fact = *std::move(fact);
  }

  auto first_try = ledger_.Admit(*admission);
  AdmissionAnswer answer = co_await first_try;
  if (!answer.holds_are_due) co_return std::move(answer.response);
  // Also for a call that only validates: what ends here are others' holds, whose time has come anyway.
  auto sweep = sweeper_.Sweep(std::vector<int>(1, BucketOf(admission->payer.account)), kInlineSweepMax);
  co_await sweep;
  auto second_try = ledger_.Admit(*admission);
  AdmissionAnswer second = co_await second_try;
  co_return std::move(second.response);
}

Task<absl::StatusOr<v1::CreateReservationResponse>> Billing::CreateReservation(
    v1::CreateReservationRequest request, CallerRights rights) {
  bool only_check = request.validate_only();
  auto reserve = Reserve(std::move(request), rights);
  absl::StatusOr<v1::CreateReservationResponse> response = co_await reserve;
  if (only_check) {
    checks_.Add(response.ok() ? "passed" : ResultLabel(response.status()));
  } else {
    CountReservation(response);
  }
  co_return response;
}

void Billing::CountReservation(const absl::StatusOr<v1::CreateReservationResponse>& response) {
  if (!response.ok()) {
    reservations_.Add(ResultLabel(response.status()));
    if (LacksFunds(response.status())) insufficient_funds_.Add();
    return;
  }
  reservations_.Add(response->replayed() ? "replayed" : "admitted");
  if (response->replayed()) replays_.Add(kReserve);
}

void Billing::CountSettlement(const std::string& reservation_id,
                              const absl::StatusOr<Settlement>& settlement) {
  if (!settlement.ok()) {
    settlements_.Add(ResultLabel(settlement.status()));
    if (HasReason(settlement.status(), common::v1::ERROR_REASON_RESERVATION_FORGOTTEN)) {
      log::Warning("a settlement came for a reservation that is not remembered; nothing was charged",
                   {{"reservation", reservation_id}});
    }
    return;
  }
  const v1::Reservation& reservation = settlement->response.reservation();
  if (settlement->response.replayed()) {
    replays_.Add(kSettle);
    return settlements_.Add("replayed");
  }
  if (settlement->passed_on) {
    settlements_.Add("passed_on");
    log::Warning("a late settlement's idempotency key had gone to another attempt; nothing was charged",
                 {{"reservation", reservation_id}, {"delivered", reservation.delivered_count()}});
    return;
  }
  if (reservation.state() == v1::RESERVATION_STATE_RELEASED) return settlements_.Add("released");
  settlements_.Add(reservation.state() == v1::RESERVATION_STATE_SETTLED_LATE ? "late" : "settled");
  charged_.Add(reservation.model(), static_cast<double>(reservation.charge_nano_usd()));
  images_.Add(reservation.model(), reservation.delivered_count());
  int64_t units = reservation.reserved_units() / std::max(reservation.image_count(), 1);
  if (units > 0) units_.Add(reservation.model(), static_cast<double>(units * reservation.delivered_count()));
}

Task<void> Billing::CountLostCharge(ReservationId id, int64_t ledger_sequence) {
  auto list = ledger_.ListLedger(id.account, ledger_sequence - 1, 1);
  absl::StatusOr<v1::ListLedgerEntriesResponse> page = co_await list;
  if (!page.ok() || page->entries_size() != 1 || page->entries(0).reservation_id() != id.Text()) co_return;
  const v1::LedgerEntry& entry = page->entries(0);
  charged_.Add(entry.model(), static_cast<double>(entry.owed_change_nano_usd() - entry.amount_nano_usd()));
  images_.Add(entry.model(), entry.delivered_count());
  if (entry.units() > 0) units_.Add(entry.model(), static_cast<double>(entry.units()));
}

Task<absl::StatusOr<v1::SettleReservationResponse>> Billing::SettleReservation(
    v1::SettleReservationRequest request) {
  std::optional<ReservationId> id = ParseReservationId(request.reservation_id());
  if (!id) co_return InvalidValue("reservation_id", "`<account>.<attempt_id>` is expected.");
  if (request.delivered_count() < 0) co_return InvalidValue("delivered_count", "0 or more is expected.");
  auto settle = ledger_.Settle(*id, request.delivered_count());
  absl::StatusOr<Settlement> settlement = co_await settle;
  CountSettlement(request.reservation_id(), settlement);
  if (HasReason(settlement.status(), common::v1::ERROR_REASON_BILLING_UNAVAILABLE)) {
    lost_answers_.Add(request.reservation_id());
  }
  if (!settlement.ok()) co_return settlement.status();
  bool was_lost = lost_answers_.Take(request.reservation_id());
  if (was_lost && settlement->response.replayed() && settlement->response.ledger_sequence() > 0) {
    auto count = CountLostCharge(*id, settlement->response.ledger_sequence());
    co_await count;
  }
  co_return std::move(settlement->response);
}

Task<absl::StatusOr<v1::ReleaseReservationResponse>> Billing::ReleaseReservation(
    v1::ReleaseReservationRequest request) {
  auto read = ReadRelease(ledger_, std::move(request));
  absl::StatusOr<ReleaseOf> asked = co_await read;
  if (!asked.ok()) co_return asked.status();
  auto release = ledger_.Release(asked->id, asked->key);
  absl::StatusOr<v1::ReleaseReservationResponse> response = co_await release;
  if (!response.ok()) {
    releases_.Add(ResultLabel(response.status()));
  } else {
    releases_.Add(response->replayed() ? "replayed" : "released");
    if (response->replayed()) replays_.Add(kRelease);
  }
  co_return response;
}

Task<absl::StatusOr<v1::CheckKeyResponse>> Billing::CheckKey(v1::CheckKeyRequest request) {
  auto find = ledger_.FindKey(request.api_key());
  absl::StatusOr<ApiKey> key = co_await find;
  if (!key.ok()) co_return key.status();
  if (request.image_count() < 0 || request.image_count() > kImagesMax) {
    co_return InvalidValue("image_count", absl::StrCat("0 to ", kImagesMax, " is expected."));
  }
  auto check = ledger_.CheckKey(PayerOf(*std::move(key)), request.image_count());
  absl::StatusOr<v1::CheckKeyResponse> response = co_await check;
  co_return response;
}

Task<absl::StatusOr<Estimate>> Billing::EstimateSwept(Payer payer, CatalogFact fact, int image_count) {
  auto first_try = ledger_.EstimateCost(payer, fact, image_count);
  absl::StatusOr<Estimate> estimate = co_await first_try;
  if (!estimate.ok() || !estimate->holds_are_due) co_return estimate;
  auto sweep = sweeper_.Sweep(std::vector<int>(1, BucketOf(payer.account)), kInlineSweepMax);
  co_await sweep;
  auto second_try = ledger_.EstimateCost(payer, fact, image_count);
  absl::StatusOr<Estimate> second = co_await second_try;
  co_return second;
}

Task<absl::StatusOr<v1::EstimateCostResponse>> Billing::EstimateCost(v1::EstimateCostRequest request,
                                                                     CallerRights rights) {
  auto find = FindPayer(ledger_, CallerOf(request), rights);
  absl::StatusOr<Payer> payer = co_await find;
  if (!payer.ok()) co_return payer.status();
  absl::Status asked = CheckModel(request.model());
  if (asked.ok()) asked = CheckAsked(request);
  if (!asked.ok()) co_return asked;
  auto look_up = LookUp(request.model(), request.size(), request.quality(), 0, Naming::kAlsoPublic);
  absl::StatusOr<CatalogFact> fact = co_await look_up;
  if (!fact.ok()) co_return fact.status();
  auto ask = EstimateSwept(*payer, *fact, request.image_count());
  absl::StatusOr<Estimate> estimate = co_await ask;
  if (!estimate.ok()) co_return estimate.status();
  if (fact->kind == CatalogFact::Kind::kBehind) co_return fact->behind;
  if (fact->kind == CatalogFact::Kind::kMissing) co_return error::ModelNotFound(request.model());

  v1::EstimateCostResponse response;
  response.set_catalog_version(fact->version);
  if (fact->kind == CatalogFact::Kind::kPriced) {
    response.set_unit_price_nano_usd(fact->unit_price.nanos());
    std::optional<Money> total = fact->unit_price.Times(request.image_count());
    bool costs_money = estimate->source != v1::FUNDING_SOURCE_SUBSCRIPTION;
    if (total && costs_money) response.set_total_nano_usd(total->nanos());
  }
  response.set_funding_source(estimate->source);
  response.set_would_be_admitted(estimate->refusal_reason.empty());
  response.set_refusal_reason(estimate->refusal_reason);
  co_return response;
}

}  // namespace prismatic::billing
