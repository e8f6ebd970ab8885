#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "tests/model/model.h"

// Who pays: the wallet, or the subscription in its period.

namespace prismatic::billing::model {
namespace {

using Facts = std::map<std::string, std::string>;

constexpr int64_t kDayUs = int64_t{24} * 3600 * 1'000'000;

absl::CivilDay CivilDayOf(int64_t time_us) { return absl::CivilDay(1970, 1, 1) + time_us / kDayUs; }

// The start of period `number`, from 0: counted from the first start, on the last day of a month that is too
// short.
int64_t StartOf(v1::SubscriptionPeriod kind, int64_t first_us, int64_t number) {
  if (kind == v1::SUBSCRIPTION_PERIOD_WEEK) return first_us + 7 * number * kDayUs;
  if (kind == v1::SUBSCRIPTION_PERIOD_DAY) return first_us + number * kDayUs;
  absl::CivilDay first = CivilDayOf(first_us);
  absl::CivilMonth month = absl::CivilMonth(first) + number;
  absl::CivilDay day = absl::CivilDay(month.year(), month.month(), 1);
  while (day.day() < first.day() && absl::CivilMonth(day + 1) == month) ++day;
  return first_us + (day - first) * kDayUs;
}

}  // namespace

std::pair<int64_t, int64_t> PeriodAt(v1::SubscriptionPeriod kind, int64_t first_us, int64_t now) {
  int64_t number = 0;
  while (StartOf(kind, first_us, number + 1) <= now) ++number;
  return {StartOf(kind, first_us, number), StartOf(kind, first_us, number + 1)};
}

int32_t DayOf(int64_t time_us) {
  absl::CivilDay day = CivilDayOf(time_us);
  return static_cast<int32_t>(day.year() * 10'000 + day.month() * 100 + day.day());
}

int64_t Account::HeldUnits(int64_t period) const {
  int64_t units = 0;
  for (const auto& [attempt, r] : reservations) {
    if (r.pending() && r.by_subscription() && r.period_number == period) units += r.units * r.n;
  }
  return units;
}

// A new period has nothing used. A clock that comes back to an earlier period takes the bounds with it, and
// no quota is given twice; a little back, it stays.
Model::InPeriod Model::Roll(const Account& account, int64_t now) {
  InPeriod in{.subscription = account.subscription, .number = account.period_number};
  if (!in.subscription) return in;
  Subscription& subscription = *in.subscription;
  auto [start, end] = PeriodAt(subscription.kind, subscription.first_us, now);
  bool a_little_back = start < subscription.start_us && now >= subscription.start_us - kStepBackUs;
  if (start == subscription.start_us || a_little_back) return in;
  in.change = v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED;
  if (start > subscription.start_us) {
    in.change = v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
    subscription.used = subscription.over = 0;
    ++in.number;
  }
  subscription.start_us = start;
  subscription.end_us = end;
  return in;
}

void Model::AppendPlan(int name, Account& account, v1::LedgerEntryType type, int64_t now, int64_t units) {
  v1::LedgerEntry& entry = Append(name, account, type, 0, 0, now);
  entry.set_units(units);
  if (!account.subscription) return;
  entry.set_quota_units(account.subscription->quota);
  entry.set_period_start_us(account.subscription->start_us);
  entry.set_period_end_us(account.subscription->end_us);
}

void Model::RollOver(int name, Account& account, int64_t now) {
  InPeriod in = Roll(account, now);
  if (in.change == v1::LEDGER_ENTRY_TYPE_UNSPECIFIED) return;
  bool new_period = in.change == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
  int64_t used = new_period ? account.subscription->used : 0;
  account.subscription = in.subscription;
  account.period_number = in.number;
  AppendPlan(name, account, in.change, now, used);
}

void Model::ChangeSubscription(int name, Account& account, const Operation& operation, int64_t now) {
  std::optional<Subscription>& subscription = account.subscription;
  const auto kind = static_cast<v1::SubscriptionPeriod>(operation.period);
  auto type =
      subscription ? v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED : v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED;
  if (operation.quota == kNoQuota || (operation.quota == kQuotaEnds && !subscription)) return;
  if (operation.quota == kQuotaEnds) {
    subscription.reset();
    ++account.period_number;
  } else if (subscription && subscription->kind == kind) {
    if (subscription->quota == operation.quota) return;
    RollOver(name, account, now);
    subscription->quota = operation.quota;
  } else {
    // It begins now, and after what was there.
    int64_t first = subscription ? std::max(now, subscription->start_us + 1) : now;
    auto [start, end] = PeriodAt(kind, first, first);
    subscription = Subscription{
        .quota = operation.quota, .kind = kind, .first_us = first, .start_us = start, .end_us = end};
    ++account.period_number;
  }
  AppendPlan(name, account, type, now);
}

// One source for all of it: the subscription while it covers all, where the policy allows; else the wallet.
std::string Model::FundsRefusal(const Asker& asker, const Operation& operation, int64_t now,
                                v1::FundingSource& source) const {
  const CatalogEntry& entry = kCatalog[operation.model];
  const Account& account = *asker.account;
  const bool priced = entry.kind == CatalogEntry::Kind::kPriced;
  const int64_t amount = entry.unit_price * operation.images;
  InPeriod in = account.policy == v1::FUNDING_POLICY_WALLET_ONLY ? InPeriod() : Roll(account, now);
  const Subscription plan = in.subscription.value_or(Subscription());
  const int64_t held = account.HeldUnits(in.number);
  bool covered = in.subscription && plan.used + held + entry.units * operation.images <= plan.quota;
  // A wallet that has nothing is none to fall back to, unless there is nothing to pay.
  bool no_wallet = account.policy == v1::FUNDING_POLICY_SUBSCRIPTION_ONLY ||
                   (in.subscription && account.balance == 0 && !(priced && amount == 0));
  if (!covered && !no_wallet) {
    if (!priced) return Refusal("GENERATION_PRICE_MISSING", {{"model", entry.name}});
    if (amount > kMoneyMax) {
      return Refusal("IMAGE_COUNT_TOO_LARGE", {{"limit", absl::StrCat(kMoneyMax / entry.unit_price)}});
    }
  }
  if (account.owed > 0) return Refusal("ACCOUNT_IN_DEBT", {{"owed_nano_usd", absl::StrCat(account.owed)}});
  source = v1::FUNDING_SOURCE_SUBSCRIPTION;
  if (covered) return "";
  source = v1::FUNDING_SOURCE_UNSPECIFIED;
  if (no_wallet) {
    Facts facts = {
        {"quota", absl::StrCat(plan.quota)}, {"used", absl::StrCat(plan.used)}, {"held", absl::StrCat(held)}};
    return Refusal("SUBSCRIPTION_QUOTA_EXHAUSTED", facts, 0, HoldsAreDue(now));
  }
  const int64_t free = account.balance - account.Held();
  if (amount > free) {
    Facts facts = {{"required_nano_usd", absl::StrCat(amount)}, {"available_nano_usd", absl::StrCat(free)}};
    return Refusal("CREDIT_BALANCE_EXHAUSTED", facts, 0, HoldsAreDue(now));
  }
  source = v1::FUNDING_SOURCE_WALLET;
  return "";
}

// In time the hold pays all of it. Late, the wallet pays what is free and owes the rest, up to what can be
// written down; the quota gives what is left of it, and the rest is noted as over. Units count in their own
// period only.
void Model::Charge(int name, Account& account, Reservation& r, const std::string& id, bool in_time,
                   int64_t now) {
  int64_t taken = 0, owed = 0, units = r.units * r.delivered, over = 0;
  bool counts = r.by_subscription() && account.subscription && r.period_number == account.period_number;
  if (!r.by_subscription()) {
    taken = in_time ? r.unit * r.delivered : std::min(r.unit * r.delivered, account.balance - account.Held());
    owed = std::min(r.unit * r.delivered - taken, kMoneyMax - account.owed);
  } else if (!in_time) {
    over = units;
    if (counts) {
      const Subscription& plan = *account.subscription;
      over -= std::clamp<int64_t>(plan.quota - plan.used - account.HeldUnits(r.period_number), 0, units);
    }
  }
  if (counts) {
    account.subscription->used += units - over;
    account.subscription->over += over;
  }
  r.charge = taken + owed;
  auto type = in_time ? v1::LEDGER_ENTRY_TYPE_CHARGE : v1::LEDGER_ENTRY_TYPE_LATE_CHARGE;
  v1::LedgerEntry& entry = Append(name, account, type, -taken, owed, now);
  r.sequence = entry.sequence();
  entry.set_reservation_id(id);
  entry.set_key_id(r.key_id);
  entry.set_model(r.model);
  entry.set_image_count(static_cast<int32_t>(r.n));
  entry.set_delivered_count(static_cast<int32_t>(r.delivered));
  entry.set_unit_price_nano_usd(r.unit);
  entry.set_funding_source(r.by_subscription() ? v1::FUNDING_SOURCE_SUBSCRIPTION : v1::FUNDING_SOURCE_WALLET);
  entry.set_catalog_version(kCatalogVersion);
  entry.set_units(units);
  entry.set_over_units(over);
  if (counts) {
    entry.set_period_start_us(account.subscription->start_us);
    entry.set_period_end_us(account.subscription->end_us);
  }
  for (Usage* usage : {&account.usage[{DayOf(now), r.key_id, r.model}], &totals_[DayOf(now)][r.model]}) {
    usage->requests = std::min(usage->requests + 1, kMoneyMax);
    usage->images = std::min(usage->images + r.delivered, kMoneyMax);
    usage->charged = std::min(usage->charged + r.charge, kMoneyMax);
    usage->units = std::min(usage->units + units, kMoneyMax);
  }
}

std::optional<Subscription> SubscriptionTold(const std::vector<v1::LedgerEntry>& ledger, size_t entries) {
  Subscription told;
  for (size_t i = 0; i < entries; ++i) {
    const v1::LedgerEntry& entry = ledger[i];
    bool charge =
        entry.type() == v1::LEDGER_ENTRY_TYPE_CHARGE || entry.type() == v1::LEDGER_ENTRY_TYPE_LATE_CHARGE;
    if (charge && entry.period_start_us() != 0) {
      told.used += entry.units() - entry.over_units();
      told.over += entry.over_units();
    }
    bool began = entry.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED ||
                 entry.type() == v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
    if (!began && entry.type() != v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED) continue;
    // A start that goes back is a clock's that was put right: the counters stay.
    if (began || entry.period_end_us() == 0 || entry.period_start_us() > told.start_us)
      told.used = told.over = 0;
    told.quota = entry.quota_units();
    told.start_us = entry.period_start_us();
    told.end_us = entry.period_end_us();
  }
  return told.end_us != 0 ? std::optional(told) : std::nullopt;
}

}  // namespace prismatic::billing::model
