#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/model/model.h"

// Administration, and looking.

namespace prismatic::billing::model {
namespace {

Number Given(int64_t limit) { return limit < 0 ? Number() : limit; }

void ChangeLimits(Limits& limits, const Operation& operation) {
  if (operation.requests_per_minute != kStays) limits.requests = Given(operation.requests_per_minute);
  if (operation.images_per_minute != kStays) limits.images = Given(operation.images_per_minute);
  if (operation.concurrent != kStays) limits.concurrent = Given(operation.concurrent);
}

void Set(v1::Limits& message, const Limits& limits) {
  if (limits.requests) message.set_requests_per_minute(*limits.requests);
  if (limits.images) message.set_images_per_minute(*limits.images);
  if (limits.concurrent) message.set_max_concurrent(*limits.concurrent);
}

Key NewKey(const Operation& operation, int64_t now) {
  Key key;
  key.limits = LimitsOf(operation);
  key.secret_hash = SecretHash(operation.account, operation.key);
  key.create_us = now;
  key.expire_us = operation.amount > 0 ? now + operation.amount : 0;
  key.one_model = operation.models == 1;
  return key;
}

}  // namespace

Limits LimitsOf(const Operation& operation) {
  Limits limits;
  ChangeLimits(limits, operation);
  return limits;
}

// Administration -----------------------------------------------------------------------------------------

v1::LedgerEntry& Model::Append(int name, Account& account, v1::LedgerEntryType type, int64_t amount,
                               int64_t owed_change, int64_t now) {
  account.balance += amount;
  account.owed += owed_change;
  v1::LedgerEntry& entry = account.ledger.emplace_back();
  entry.set_account(AccountName(name));
  entry.set_sequence(static_cast<int64_t>(account.ledger.size()));
  entry.set_type(type);
  entry.set_time_us(now);
  entry.set_amount_nano_usd(amount);
  entry.set_owed_change_nano_usd(owed_change);
  entry.set_balance_nano_usd(account.balance);
  entry.set_owed_nano_usd(account.owed);
  return entry;
}

std::string Model::ChangeMoney(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  const int64_t now = Now(account);
  const bool by_hand = operation.verb != Verb::kTopUp;
  auto before = account->changes.find(operation.request);
  const bool replayed = before != account->changes.end();
  if (replayed) {
    const Change& first = before->second;
    bool same = first.verb == operation.verb && first.amount == operation.amount &&
                (!by_hand || first.reason == operation.body);
    if (!same) return Refusal("IDEMPOTENCY_KEY_REUSED");
  } else {
    int64_t amount = operation.amount, owed = 0;
    auto type = v1::LEDGER_ENTRY_TYPE_ADJUSTMENT;
    if (operation.verb == Verb::kTopUp) {  // what is owed comes first
      type = v1::LEDGER_ENTRY_TYPE_TOP_UP;
      owed = -std::min(account->owed, amount);
      amount += owed;
    } else if (operation.verb == Verb::kWriteOff) {
      type = v1::LEDGER_ENTRY_TYPE_WRITE_OFF;
      owed = -amount;
      amount = 0;
    }
    const int64_t free = account->balance - account->Held();
    if (free + amount < 0) {
      return Refusal("CREDIT_BALANCE_EXHAUSTED", {{"required_nano_usd", absl::StrCat(-amount)},
                                                  {"available_nano_usd", absl::StrCat(free)}});
    }
    if (account->balance + amount > kMoneyMax || account->owed + owed < 0) {
      return Refusal("INVALID_VALUE", {{"param", "amount_nano_usd"}});
    }
    v1::LedgerEntry& entry = Append(operation.account, *account, type, amount, owed, now);
    entry.set_request_id(RequestName(operation.request));
    if (by_hand) entry.set_reason(Reason(operation.body));
    account->changes[operation.request] = {operation.verb, operation.amount, entry.sequence(),
                                           operation.body};
    account->last_us = now;
  }
  v1::TopUpWalletResponse response;  // those of the others look the same
  *response.mutable_account() = Describe(operation.account, *account, now);
  response.set_ledger_sequence(account->changes[operation.request].sequence);
  response.set_replayed(replayed);
  return Told(response);
}

std::string Model::CreateAccount(const Operation& operation) {
  if (accounts_.count(operation.account)) return Refusal("ACCOUNT_EXISTS");
  const int64_t now = clock_us_, first = now - operation.started;
  if (operation.quota >= 0 && first > now)
    return Refusal("INVALID_VALUE", {{"param", "subscription.start_time_us"}});
  Account& account = accounts_[operation.account];
  account.limits = LimitsOf(operation);
  account.last_us = account.create_us = now;
  if (operation.policy != 0) account.policy = static_cast<v1::FundingPolicy>(operation.policy);
  if (operation.amount > 0) {
    Append(operation.account, account, v1::LEDGER_ENTRY_TYPE_TOP_UP, operation.amount, 0, now);
  }
  if (operation.quota >= 0) {
    const auto kind = static_cast<v1::SubscriptionPeriod>(operation.period);
    auto [start, end] = PeriodAt(kind, first, now);
    account.subscription = Subscription{
        .quota = operation.quota, .kind = kind, .first_us = first, .start_us = start, .end_us = end};
    ++account.period_number;
    AppendPlan(operation.account, account, v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED, now);
  }
  return Told(Describe(operation.account, account, now));
}

std::string Model::UpdateAccount(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  const int64_t now = Now(account);
  const size_t entries = account->ledger.size();
  ChangeSubscription(operation.account, *account, operation, now);
  if (account->ledger.size() > entries) account->last_us = now;
  ChangeLimits(account->limits, operation);
  if (operation.policy != 0) account->policy = static_cast<v1::FundingPolicy>(operation.policy);
  return Told(Describe(operation.account, *account, now));
}

std::string Model::Suspend(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  account->suspended = operation.verb == Verb::kSuspend;
  return Told(Describe(operation.account, *account, Now(account)));
}

std::string Model::CreateKey(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  if (operation.key != account->key_sequence + 1) return "OK taken";
  Key& key = account->keys[operation.key] = NewKey(operation, Now(account));
  account->key_sequence = operation.key;
  return Told(Describe(KeyName(operation.account, operation.key), *account, key));
}

std::string Model::ImportKey(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  auto [mapped, is_new] = imported_.try_emplace(operation.key, operation.account, 0);
  if (mapped->second.first != operation.account) return Refusal("KEY_EXISTS");
  int& number = mapped->second.second;
  if (is_new) {
    number = static_cast<int>(++account->key_sequence);
    account->keys[number] = NewKey(operation, Now(account));
    account->keys[number].imported = operation.key;
  }
  v1::ImportKeyResponse response;
  *response.mutable_key() = Describe(KeyName(operation.account, number), *account, account->keys[number]);
  response.set_replayed(!is_new);
  return Told(response);
}

std::string Model::RevokeKey(const Operation& operation) {
  Asker asker = WhoAsks(operation);
  if (!asker.account || !asker.key) return Refusal("KEY_NOT_FOUND");
  asker.key->revoked = true;
  return Told(Describe(KeyName(operation.account, operation.key), *asker.account, *asker.key));
}

std::string Model::UpdateKey(const Operation& operation) {
  Asker asker = WhoAsks(operation);
  if (!asker.account || !asker.key) return Refusal("KEY_NOT_FOUND");
  Key& key = *asker.key;
  ChangeLimits(key.limits, operation);
  if (operation.amount != 0) key.expire_us = operation.amount > 0 ? Now(asker.account) + operation.amount : 0;
  if (operation.models != 0) key.one_model = operation.models == 1;
  return Told(Describe(KeyName(operation.account, operation.key), *asker.account, key));
}

// Looking ------------------------------------------------------------------------------------------------

std::string Model::CheckKey(const Operation& operation) {
  Asker asker = WhoAsks(operation);
  const int64_t now = Now(asker.account);
  std::string refusal = UnknownCaller(asker, operation);
  if (refusal.empty()) refusal = UnwelcomeCaller(asker, now);
  if (refusal.empty()) refusal = LimitRefusal(asker, operation.images, now);
  if (!refusal.empty()) return std::string(absl::StripSuffix(refusal, " due"));  // a look expires nothing
  v1::CheckKeyResponse response;
  response.set_account(AccountName(operation.account));
  response.set_key_id(asker.key_id);
  if (asker.key->one_model) response.add_allowed_models(kCatalog[0].name);
  TellLimits(asker, 0, 0, now, response.mutable_requests(), response.mutable_images());
  return Told(response);
}

std::string Model::Estimate(const Operation& operation) {
  Asker asker = WhoAsks(operation);
  const int64_t now = Now(asker.account);
  std::string refusal = UnknownCaller(asker, operation);
  if (refusal.empty()) refusal = UnwelcomeCaller(asker, now);
  if (!refusal.empty()) return refusal;
  v1::FundingSource source = v1::FUNDING_SOURCE_UNSPECIFIED;
  const CatalogEntry& entry = kCatalog[operation.model];
  bool known = entry.kind == CatalogEntry::Kind::kPriced || entry.kind == CatalogEntry::Kind::kUnpriced;
  std::string funds = known ? FundsRefusal(asker, operation, now, source) : "";
  refusal = LimitRefusal(asker, operation.images, now);
  if (refusal.empty()) refusal = ModelRefusal(asker, operation);
  if (refusal.empty()) refusal = funds;
  bool due = absl::EndsWith(refusal, " due");
  return absl::StrCat("OK ", v1::FundingSource_Name(source), " ", refusal.substr(0, refusal.find(' ')),
                      due ? " due" : "");
}

std::string Model::GetReservation(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account || !account->reservations.count(operation.attempt)) return Refusal("RESERVATION_FORGOTTEN");
  ReservationId id{AccountName(operation.account), AttemptName(operation.attempt)};
  return Told(Describe(id, account->reservations[operation.attempt]));
}

std::string Model::ListLedger(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  v1::ListLedgerEntriesResponse response;
  if (account->carried_forward) *response.add_entries() = *account->carried_forward;
  for (const v1::LedgerEntry& entry : account->ledger) {
    if (entry.sequence() > account->trimmed()) *response.add_entries() = entry;
  }
  return Told(response);
}

std::string Model::Forget(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return "OK";
  if (operation.verb == Verb::kForgetIdempotencyKey) {
    // It outlives whatever it names.
    auto mark = account->idempotency.find(operation.idempotency_key);
    if (mark == account->idempotency.end() || account->reservations.count(mark->second.attempt)) return "OK";
    account->idempotency.erase(mark);
    return "OK";
  }
  auto found = account->reservations.find(operation.attempt);
  if (found != account->reservations.end() && !found->second.pending()) account->reservations.erase(found);
  return "OK";
}

std::string Model::ListUsage(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  std::string told = "OK";
  for (const auto& [name, usage] : account->usage) {
    if (std::get<0>(name) != DayOf(clock_us_)) continue;
    v1::UsageRow row;
    row.set_day(std::get<0>(name));
    row.set_key_id(std::get<1>(name));
    row.set_model(std::get<2>(name));
    row.set_requests(usage.requests);
    row.set_images(usage.images);
    row.set_charged_nano_usd(usage.charged);
    row.set_units(usage.units);
    absl::StrAppend(&told, " {", row.ShortDebugString(), "}");
  }
  return told;
}

std::string Model::ListReservations(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  std::map<std::pair<int64_t, std::string>, v1::Reservation> by_end;
  for (const auto& [attempt, r] : account->reservations) {
    ReservationId id{AccountName(operation.account), AttemptName(attempt)};
    if (r.pending()) by_end[{r.end_us, id.Text()}] = Describe(id, r);
  }
  v1::ListReservationsResponse response;
  for (const auto& [end, reservation] : by_end) *response.add_reservations() = reservation;
  return Told(response);
}

// The counters of this model are sums, so a recount finds nothing.
std::string Model::Audit(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  v1::AuditAccountResponse audit;
  *audit.mutable_account() = Describe(operation.account, *account, Number());
  audit.set_pending_count(account->Concurrent());
  audit.set_pending_nano_usd(account->Held());
  audit.set_pending_units(account->subscription ? account->HeldUnits(account->period_number) : 0);
  for (const auto& [number, key] : account->keys) {
    std::string id = KeyName(operation.account, number).Text();
    if (account->Concurrent(id) == 0) continue;
    v1::KeyConcurrency& counted = *audit.add_keys();
    counted.set_key_id(id);
    counted.set_concurrent(account->Concurrent(id));
    counted.set_pending_count(account->Concurrent(id));
  }
  if (operation.verb == Verb::kAudit) return Told(audit);
  account->last_us = Now(account);
  if (operation.body != 0) return Told(audit.account());  // what was spoilt is right again
  v1::RecountAccountResponse response;
  *response.mutable_account() = audit.account();
  *response.mutable_before() = std::move(audit);
  return Told(response);
}

// All but the newest entries go; one with their sums takes their place. The newest stays always.
std::string Model::TrimLedger(const Operation& operation) {
  Account* account = Find(operation.account);
  if (!account) return Refusal("ACCOUNT_NOT_FOUND");
  const int64_t newest = static_cast<int64_t>(account->ledger.size());
  const int64_t through = std::max<int64_t>(newest - operation.images, 1);
  if (through < account->trimmed() || through >= newest) {
    return Refusal("INVALID_VALUE", {{"param", "through_sequence"}});
  }
  if (operation.body != 0) return Refusal("INVALID_VALUE", {{"param", "balance_nano_usd"}});
  if (through == account->trimmed()) return Told(*account->carried_forward);
  const v1::LedgerEntry& last = account->ledger[static_cast<size_t>(through) - 1];
  v1::LedgerEntry carried;
  carried.set_account(AccountName(operation.account));
  carried.set_sequence(through);
  carried.set_type(v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD);
  carried.set_time_us(last.time_us());
  carried.set_balance_nano_usd(last.balance_nano_usd());
  carried.set_owed_nano_usd(last.owed_nano_usd());
  carried.set_carried_amount_nano_usd(last.balance_nano_usd());
  carried.set_carried_owed_change_nano_usd(last.owed_nano_usd());
  if (std::optional<Subscription> plan = SubscriptionTold(account->ledger, static_cast<size_t>(through))) {
    carried.set_units(plan->used);
    carried.set_over_units(plan->over);
    carried.set_quota_units(plan->quota);
    carried.set_period_start_us(plan->start_us);
    carried.set_period_end_us(plan->end_us);
  }
  account->carried_forward = carried;
  return Told(carried);
}

// Messages -----------------------------------------------------------------------------------------------

v1::Account Describe(int name, const Account& account, Number now) {
  v1::Account message;
  message.set_name(AccountName(name));
  message.set_suspended(account.suspended);
  Set(*message.mutable_limits(), account.limits);
  message.set_balance_nano_usd(account.balance);
  message.set_held_nano_usd(account.Held());
  message.set_owed_nano_usd(account.owed);
  message.set_concurrent(account.Concurrent());
  message.set_ledger_sequence(static_cast<int64_t>(account.ledger.size()));
  message.set_create_time_us(account.create_us);
  message.set_funding_policy(account.policy);
  if (!account.subscription) return message;
  const Subscription& plan = *account.subscription;
  v1::Subscription& told = *message.mutable_subscription();
  told.mutable_plan()->set_quota_units(plan.quota);
  told.mutable_plan()->set_period(plan.kind);
  told.mutable_plan()->set_start_time_us(plan.first_us);
  bool has_ended = now && *now >= plan.end_us;  // nobody has begun the next one yet
  auto [start, end] =
      has_ended ? PeriodAt(plan.kind, plan.first_us, *now) : std::pair(plan.start_us, plan.end_us);
  told.set_period_start_us(start);
  told.set_period_end_us(end);
  if (has_ended) return message;
  told.set_used_units(plan.used);
  told.set_held_units(account.HeldUnits(account.period_number));
  told.set_over_units(plan.over);
  return message;
}

v1::Key Describe(const KeyId& id, const Account& account, const Key& key) {
  v1::Key message;
  message.set_id(id.Text());
  message.set_account(id.account);
  Set(*message.mutable_limits(), key.limits);
  message.set_revoked(key.revoked);
  message.set_expire_time_us(key.expire_us);
  if (key.one_model) message.add_allowed_models(kCatalog[0].name);
  message.set_imported(key.imported > 0);
  message.set_concurrent(account.Concurrent(id.Text()));
  message.set_create_time_us(key.create_us);
  return message;
}

v1::Reservation Describe(const ReservationId& id, const Reservation& r) {
  v1::Reservation message;
  message.set_id(id.Text());
  message.set_account(id.account);
  message.set_key_id(r.key_id);
  message.set_state(r.state);
  message.set_delivered_count(static_cast<int32_t>(r.whole() ? 0 : r.delivered));
  message.set_charge_nano_usd(r.charge);
  if (!r.whole()) return message;
  message.set_model(r.model);
  message.set_image_count(static_cast<int32_t>(r.n));
  message.set_funding_source(r.by_subscription() ? v1::FUNDING_SOURCE_SUBSCRIPTION
                                                 : v1::FUNDING_SOURCE_WALLET);
  message.set_reserved_units(r.units * r.n);
  message.set_unit_price_nano_usd(r.unit);
  message.set_reserved_nano_usd(r.amount());
  message.set_create_time_us(r.create_us);
  message.set_expire_time_us(r.end_us);
  message.set_catalog_version(kCatalogVersion);
  return message;
}

}  // namespace prismatic::billing::model
