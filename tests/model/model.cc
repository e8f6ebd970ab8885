#include "tests/model/model.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace prismatic::billing::model {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kIdempotencyMs = kDayMs + 900'000;

int64_t LifeOfShortRecord(const Reservation& r) { return r.has_idempotency_key ? kDayMs : kHourMs; }

std::string Resolved(const Reservation& reservation) {
  std::string state = v1::ReservationState_Name(reservation.state).substr(sizeof("RESERVATION_STATE_") - 1);
  return Refusal("RESERVATION_RESOLVED", {{"state", state},
                                          {"delivered_count", absl::StrCat(reservation.delivered)},
                                          {"charge_nano_usd", absl::StrCat(reservation.charge)}});
}

}  // namespace

std::string Told(const google::protobuf::Message& message) {
  return absl::StrCat("OK ", message.ShortDebugString());
}

// A refusal as the subject tells it: reason, facts, when to retry; `due` when holds could be expired first.
std::string Refusal(const std::string& reason, const std::map<std::string, std::string>& facts,
                    int64_t retry_us, bool due) {
  std::string text = reason;
  for (const auto& [name, value] : facts) absl::StrAppend(&text, " ", name, "=", value);
  if (retry_us > 0) absl::StrAppend(&text, " retry_us=", retry_us);
  return due ? text + " due" : text;
}

int64_t Account::Held() const {
  int64_t held = 0;
  for (const auto& [attempt, r] : reservations) held += r.pending() ? r.amount() : 0;
  return held;
}

int64_t Account::Concurrent(const std::string& key_id) const {
  return std::count_if(reservations.begin(), reservations.end(),
                       [&](const auto& r) { return r.second.pending() && r.second.key_id == key_id; });
}

int64_t Account::Concurrent() const {
  return std::count_if(reservations.begin(), reservations.end(),
                       [](const auto& r) { return r.second.pending(); });
}

// Time ---------------------------------------------------------------------------------------------------

int64_t Model::Now(const Account* account) const {
  if (account == nullptr) return clock_us_;
  bool a_little_back = account->last_us > clock_us_ && account->last_us - clock_us_ < kStepBackUs;
  return a_little_back ? account->last_us : clock_us_;
}

bool Model::HoldsAreDue(int64_t now) const {
  for (const auto& [name, account] : accounts_) {
    for (const auto& [attempt, r] : account.reservations) {
      if (r.pending() && r.end_us <= now) return true;
    }
  }
  return false;
}

// Who asks, and what for ---------------------------------------------------------------------------------

Account* Model::Find(int account) {
  auto found = accounts_.find(account);
  return found == accounts_.end() ? nullptr : &found->second;
}

Model::Asker Model::WhoAsks(const Operation& operation) {
  Asker asker{.account = Find(operation.account)};
  if (operation.key == 0) return asker;
  int number = operation.key == kThief ? 1 : operation.key;
  if (IsImported(operation.key)) number = imported_.at(operation.key).second;
  asker.key_id = KeyName(operation.account, number).Text();
  if (asker.account && asker.account->keys.count(number)) asker.key = &asker.account->keys[number];
  return asker;
}

std::string Model::UnknownCaller(const Asker& asker, const Operation& operation) const {
  if (operation.key == 0) return asker.account ? "" : Refusal("ACCOUNT_NOT_FOUND");
  bool known = asker.key && asker.key->secret_hash == SecretHash(operation.account, operation.key);
  return known ? "" : Refusal("INVALID_API_KEY");
}

std::string Model::UnwelcomeCaller(const Asker& asker, int64_t now) const {
  bool ended =
      asker.key && (asker.key->revoked || (asker.key->expire_us != 0 && asker.key->expire_us <= now));
  if (ended) return Refusal("INVALID_API_KEY");
  return asker.account->suspended ? Refusal("ACCOUNT_SUSPENDED") : "";
}

// An idempotency key is free again when its attempt came to nothing.
std::string Model::IdempotencyRefusal(const Asker& asker, const Operation& operation, int64_t now) const {
  auto mark = asker.account->idempotency.find(operation.idempotency_key);
  if (operation.idempotency_key == 0 || mark == asker.account->idempotency.end()) return "";
  if (mark->second.body != BodyHash(operation.body)) return Refusal("IDEMPOTENCY_KEY_REUSED");
  auto holder = asker.account->reservations.find(mark->second.attempt);
  if (holder == asker.account->reservations.end()) return "";
  const Reservation& first = holder->second;
  if (first.pending()) return Refusal("IDEMPOTENCY_KEY_IN_USE", {}, 2'000'000, first.end_us <= now);
  if (first.Is(v1::RESERVATION_STATE_RELEASED) || first.Is(v1::RESERVATION_STATE_EXPIRED)) return "";
  std::string id = ReservationId{AccountName(operation.account), AttemptName(holder->first)}.Text();
  return Refusal("IDEMPOTENCY_KEY_COMPLETED",
                 {{"reservation", id}, {"charge_nano_usd", absl::StrCat(first.charge)}});
}

std::string Model::ModelRefusal(const Asker& asker, const Operation& operation) const {
  const CatalogEntry& entry = kCatalog[operation.model];
  if (entry.kind == CatalogEntry::Kind::kBehind)
    return Refusal("CATALOG_BEHIND", {{"have", "6"}, {"want", "7"}});
  if (entry.kind == CatalogEntry::Kind::kMissing) return Refusal("MODEL_NOT_FOUND", {{"param", "model"}});
  bool barred = asker.key && asker.key->one_model && operation.model != 0;
  return barred ? Refusal("MODEL_NOT_ALLOWED", {{"model", entry.name}}) : "";
}

// Reservations -------------------------------------------------------------------------------------------

std::string Model::Admit(const Operation& operation, bool only_look) {
  Asker asker = WhoAsks(operation);
  const int64_t now = Now(asker.account);
  std::string refusal = UnknownCaller(asker, operation);
  if (!refusal.empty()) return refusal;
  auto known = asker.account->reservations.find(operation.attempt);
  if (known != asker.account->reservations.end()) {
    return AdmitAgain(known->second, operation, asker, now, only_look);
  }
  v1::FundingSource source = v1::FUNDING_SOURCE_UNSPECIFIED;
  const std::function<std::string()> checks[] = {
      [&] { return UnwelcomeCaller(asker, now); },
      [&] { return IdempotencyRefusal(asker, operation, now); },
      [&] { return LimitRefusal(asker, operation.images, now); },
      [&] { return ModelRefusal(asker, operation); },
      [&] { return only_look ? "" : FundsRefusal(asker, operation, now, source); },
  };
  for (const auto& check : checks) {
    refusal = check();
    if (!refusal.empty()) return refusal;
  }
  if (!only_look) return Hold(operation, asker, source, now);
  v1::CreateReservationResponse response;
  TellLimits(asker, 0, 0, now, response.mutable_requests(), response.mutable_images());
  return Told(response);
}

std::string Model::AdmitAgain(const Reservation& reservation, const Operation& operation, const Asker& asker,
                              int64_t now, bool only_look) {
  bool other = !reservation.fingerprint.empty() && reservation.fingerprint != Fingerprint(operation);
  if (other) return Refusal("IDEMPOTENCY_KEY_REUSED");
  if (reservation.Is(v1::RESERVATION_STATE_RELEASED) || reservation.Is(v1::RESERVATION_STATE_EXPIRED)) {
    return Resolved(reservation);
  }
  v1::CreateReservationResponse response;
  if (!only_look) {
    ReservationId id{AccountName(operation.account), AttemptName(operation.attempt)};
    *response.mutable_reservation() = Describe(id, reservation);
    response.set_replayed(true);
  }
  TellLimits(asker, 0, 0, now, response.mutable_requests(), response.mutable_images());
  return Told(response);
}

// An expired attempt whose idempotency key is used anew has lost it.
void Model::PassOn(const Operation& operation, Account& account) {
  if (operation.idempotency_key == 0) return;
  auto mark = account.idempotency.find(operation.idempotency_key);
  if (mark != account.idempotency.end()) {
    auto first = account.reservations.find(mark->second.attempt);
    if (first != account.reservations.end() && first->second.Is(v1::RESERVATION_STATE_EXPIRED)) {
      first->second.passed_on = true;
    }
  }
  account.idempotency[operation.idempotency_key] = {operation.attempt, BodyHash(operation.body)};
}

std::string Model::Hold(const Operation& operation, const Asker& asker, v1::FundingSource source,
                        int64_t now) {
  Account& account = *asker.account;
  v1::CreateReservationResponse response;
  TellLimits(asker, 1, operation.images, now, response.mutable_requests(), response.mutable_images());
  TakeLimits(asker, operation.images, now);
  PassOn(operation, account);
  if (account.policy != v1::FUNDING_POLICY_WALLET_ONLY) RollOver(operation.account, account, now);
  const CatalogEntry& entry = kCatalog[operation.model];
  Reservation& r = account.reservations[operation.attempt];
  r = Reservation{.fingerprint = Fingerprint(operation),
                  .key_id = asker.key_id,
                  .model = entry.name,
                  .has_idempotency_key = operation.idempotency_key != 0,
                  .n = operation.images,
                  .create_us = now,
                  .end_us = now + kHoldUs};
  if (source == v1::FUNDING_SOURCE_SUBSCRIPTION) {
    r.units = entry.units;
    r.period_number = account.period_number;
  } else {
    r.unit = entry.unit_price;
  }
  account.last_us = now;
  *response.mutable_reservation() =
      Describe({AccountName(operation.account), AttemptName(operation.attempt)}, r);
  return Told(response);
}

std::string Model::Settle(const Operation& operation) {
  ReservationId id{AccountName(operation.account), AttemptName(operation.attempt)};
  Account* account = Find(operation.account);
  auto found =
      account ? account->reservations.find(operation.attempt) : decltype(account->reservations.end())();
  if (!account || found == account->reservations.end()) return Refusal("RESERVATION_FORGOTTEN");
  Reservation& r = found->second;
  const int64_t delivered = operation.images;
  v1::SettleReservationResponse response;
  if (!r.whole()) {
    bool same =
        r.Is(v1::RESERVATION_STATE_RELEASED) ? delivered == 0 : delivered > 0 && delivered == r.delivered;
    if (!same) return Resolved(r);
    *response.mutable_reservation() = Describe(id, r);
    response.set_ledger_sequence(r.sequence);
    response.set_replayed(true);
    return Told(response);
  }
  if (delivered > r.n) return Refusal("DELIVERED_COUNT_TOO_LARGE", {{"limit", absl::StrCat(r.n)}});
  const int64_t now = Now(account);
  const bool in_time = r.pending();
  v1::Reservation told = Describe(id, r);  // what is told the last time it is known
  r.delivered = delivered;
  r.state = delivered == 0 ? v1::RESERVATION_STATE_RELEASED
            : in_time      ? v1::RESERVATION_STATE_SETTLED
                           : v1::RESERVATION_STATE_SETTLED_LATE;
  bool charged = delivered > 0 && !r.passed_on;
  if (charged) Charge(operation.account, *account, r, id.Text(), in_time, now);
  if (charged || in_time) account->last_us = now;
  r.life_ms = LifeOfShortRecord(r);
  told.set_state(r.state);
  told.set_delivered_count(static_cast<int32_t>(delivered));
  told.set_charge_nano_usd(r.charge);
  *response.mutable_reservation() = told;
  response.set_ledger_sequence(r.sequence);
  return Told(response) + (delivered > 0 && r.passed_on ? " passed on" : "");
}

std::string Model::Release(const Operation& operation) {
  v1::ReleaseReservationResponse response;
  Asker asker = WhoAsks(operation);
  if (operation.key != 0) {  // named by the key that it was reserved with
    std::string refusal = UnknownCaller(asker, operation);
    if (!refusal.empty()) return refusal;
  }
  if (!asker.account) return Told(response);
  auto [found, is_new] = asker.account->reservations.try_emplace(operation.attempt);
  Reservation& r = found->second;
  if (is_new) {
    r = Reservation{.state = v1::RESERVATION_STATE_RELEASED, .life_ms = kHourMs};
    return Told(response);
  }
  if (operation.key != 0 && !r.fingerprint.empty() && r.key_id != asker.key_id)
    return Refusal("IDEMPOTENCY_KEY_REUSED");
  if (r.Is(v1::RESERVATION_STATE_SETTLED) || r.Is(v1::RESERVATION_STATE_SETTLED_LATE)) return Resolved(r);
  response.set_replayed(!r.pending());
  if (r.Is(v1::RESERVATION_STATE_RELEASED)) return Told(response);
  if (r.pending()) asker.account->last_us = Now(asker.account);
  r.state = v1::RESERVATION_STATE_RELEASED;
  r.life_ms = LifeOfShortRecord(r);
  return Told(response);
}

// Ends a hold whose time has come. One that ends later than any hold can, since the clock was ahead when it
// was made, gets a hold's time from now.
std::string Model::Expire(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account || !account->reservations.count(operation.attempt)) return "OK nothing";
  Reservation& r = account->reservations[operation.attempt];
  const int64_t now = Now(account);
  if (r.pending() && r.end_us > now + kHoldUs + kStepBackUs) {
    r.create_us = now;
    r.end_us = now + kHoldUs;
    return "OK nothing";
  }
  if (!r.pending() || r.end_us > now) return "OK nothing";
  account->last_us = now;
  r.state = v1::RESERVATION_STATE_EXPIRED;
  r.life_ms = kDayMs;
  if (!r.has_idempotency_key) return "OK ended";
  // Its idempotency key, which tells that it was made again, must not be forgotten first.
  const int64_t left_us = r.create_us + kIdempotencyMs * 1000 - now;
  if (left_us >= kDayMs * 1000) return "OK ended";
  r.life_ms = left_us / 1000;
  if (r.life_ms < kFadesMs) account->reservations.erase(operation.attempt);
  return "OK ended";
}

// What is past its time, oldest first; then what is too far ahead, farthest first.
std::string Model::Sweep() {
  std::vector<std::pair<int64_t, std::string>> due, ahead;
  std::map<std::string, Operation> expiries;
  for (const auto& [name, account] : accounts_) {
    for (const auto& [attempt, r] : account.reservations) {
      if (!r.pending()) continue;
      std::string id = ReservationId{AccountName(name), AttemptName(attempt)}.Text();
      if (r.end_us <= clock_us_) due.emplace_back(r.end_us, id);
      if (r.end_us > clock_us_ + kHoldUs + kStepBackUs) ahead.emplace_back(-r.end_us, id);
      expiries[id] = Operation{.account = name, .attempt = attempt};
    }
  }
  std::sort(due.begin(), due.end());
  std::sort(ahead.begin(), ahead.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  due.insert(due.end(), ahead.begin(), ahead.end());
  std::string told = "OK";
  for (const auto& [end, id] : due)
    absl::StrAppend(&told, " ", id, Expire(expiries[id]) == "OK ended" ? "" : "?");
  return told;
}

std::string Model::Apply(const Operation& operation) {
  if (!IsImported(operation.key) || operation.verb == Verb::kImportKey) {
    const Account* account = Find(operation.account);
    const std::optional<Account> before = account ? std::optional(*account) : std::nullopt;
    const int64_t now = Now(account);
    std::string told = ApplyTo(operation);
    NoteChange(operation, before, now);
    return told;
  }
  auto mapped = imported_.find(operation.key);
  if (mapped == imported_.end()) return Refusal("INVALID_API_KEY");
  Operation told = operation;
  told.account = mapped->second.first;
  return ApplyTo(told);
}

std::string Model::ApplyTo(const Operation& operation) {
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
    case Verb::kTopUp:
    case Verb::kAdjust:
    case Verb::kWriteOff:
      return ChangeMoney(operation);
    case Verb::kCheckKey:
      return CheckKey(operation);
    case Verb::kEstimate:
      return Estimate(operation);
    case Verb::kGetReservation:
      return GetReservation(operation);
    case Verb::kListLedger:
      return ListLedger(operation);
    case Verb::kCreateAccount:
      return CreateAccount(operation);
    case Verb::kCreateKey:
      return CreateKey(operation);
    case Verb::kImportKey:
      return ImportKey(operation);
    case Verb::kRevokeKey:
      return RevokeKey(operation);
    case Verb::kUpdateAccount:
      return UpdateAccount(operation);
    case Verb::kUpdateKey:
      return UpdateKey(operation);
    case Verb::kSuspend:
    case Verb::kResume:
      return Suspend(operation);
    case Verb::kListUsage:
      return ListUsage(operation);
    case Verb::kListReservations:
      return ListReservations(operation);
    case Verb::kAudit:
    case Verb::kRecount:
      return Audit(operation);
    case Verb::kTrimLedger:
      return TrimLedger(operation);
    case Verb::kForget:
    case Verb::kForgetIdempotencyKey:
      return Forget(operation);
    case Verb::kStep:
      break;
  }
  clock_us_ += operation.amount;
  return "OK";
}

}  // namespace prismatic::billing::model
