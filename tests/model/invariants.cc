#include "tests/model/invariants.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace prismatic::billing::model {
namespace {

bool IsCharge(const v1::LedgerEntry& entry) {
  return entry.type() == v1::LEDGER_ENTRY_TYPE_CHARGE || entry.type() == v1::LEDGER_ENTRY_TYPE_LATE_CHARGE;
}

// I1, I13: the entries add up to what is there, chain, and have no gap.
std::string CheckLedger(const Account& account) {
  int64_t balance = 0, owed = 0, sequence = 0;
  for (const v1::LedgerEntry& entry : account.ledger) {
    balance += entry.amount_nano_usd();
    owed += entry.owed_change_nano_usd();
    if (entry.sequence() != ++sequence) return "I13: the ledger has a gap";
    if (entry.balance_nano_usd() != balance || entry.owed_nano_usd() != owed)
      return "I13: the ledger does not chain";
  }
  if (balance != account.balance || owed != account.owed)
    return "I1: the entries do not add up to the wallet";
  return "";
}

// I2, I11: what is held is there, nothing is negative, and all can be written down.
std::string CheckMoney(const Account& account) {
  const int64_t held = account.Held();
  if (held < 0 || held > account.balance || account.balance > kMoneyMax)
    return "I2: more is held than there is";
  if (account.owed < 0 || account.owed > kMoneyMax) return "I2: the debt is out of its range";
  return "";
}

// I14: the ledger alone tells what the subscription is.
std::string CheckSubscription(const Account& account) {
  std::optional<Subscription> told = SubscriptionTold(account.ledger, account.ledger.size());
  if (told.has_value() != account.subscription.has_value())
    return "I14: the ledger tells of another subscription";
  if (!told) return "";
  const Subscription& kept = *account.subscription;
  bool same = kept.used == told->used && kept.over == told->over && kept.quota == told->quota &&
              kept.start_us == told->start_us && kept.end_us == told->end_us;
  return same ? "" : "I14: the entries do not add up to the subscription's counters";
}

// I16: what all accounts used is what each of them did. (A row that is at the format's end tells no more.)
std::string CheckTotals(const Model& model) {
  std::map<std::pair<int32_t, std::string>, Usage> sums;
  bool full = false;
  for (const auto& [name, account] : model.accounts()) {
    for (const auto& [row, usage] : account.usage) {
      Usage& sum = sums[{std::get<0>(row), std::get<2>(row)}];
      sum.requests += usage.requests;
      sum.images += usage.images;
      sum.charged += usage.charged;
      sum.units += usage.units;
      full = full || usage.charged == kMoneyMax || sum.charged > kMoneyMax;
    }
  }
  size_t rows = 0;
  for (const auto& [day, of_day] : model.totals()) {
    for (const auto& [name, total] : of_day) {
      const Usage& sum = sums[{day, name}];
      bool same = total.requests == sum.requests && total.images == sum.images && total.units == sum.units &&
                  (full || total.charged == sum.charged);
      if (!same) return absl::StrCat("I16: the totals of ", day, " are no sums");
      ++rows;
    }
  }
  return rows == sums.size() ? "" : "I16: a day's use is in no total";
}

bool OnlyLooks(Verb verb) {
  switch (verb) {
    case Verb::kValidate:
    case Verb::kCheckKey:
    case Verb::kEstimate:
    case Verb::kGetReservation:
    case Verb::kListLedger:
    case Verb::kListUsage:
    case Verb::kListReservations:
    case Verb::kAudit:
    case Verb::kStep:
      return true;
    default:
      return false;
  }
}

// I6, I8, I11: what is refused, repeated or only looked at changes nothing, and no number was written as a
// float.
std::string CheckWrites(const Done& done) {
  if (!done.changed.empty()) {
    const std::string& first = done.changed[0];
    if (!absl::StartsWith(done.answer, "OK")) return absl::StrCat("I8: a refusal changed ", first);
    // A release that finds its hold expired ends it for good, and is told as a repeat.
    bool repeat = done.operation.verb != Verb::kRelease && absl::StrContains(done.answer, "replayed: true");
    if (repeat) return absl::StrCat("I6: a repeat changed ", first);
    if (OnlyLooks(done.operation.verb)) return absl::StrCat("I8: a look changed ", first);
  }
  for (const std::string& key : done.changed) {
    auto record = done.bytes.find(key);
    if (record != done.bytes.end() && absl::StrContains(record->second.text, "e+")) {
      return absl::StrCat("I11: a float in ", key);
    }
  }
  return "";
}

// I9, I14: what was just admitted is paid: all of it, at the catalog's price or within the quota.
std::string CheckAdmission(const Model& model, const Done& done) {
  bool admitted = done.operation.verb == Verb::kReserve && absl::StartsWith(done.answer, "OK") &&
                  !absl::StrContains(done.answer, "replayed: true");
  if (!admitted) return "";
  for (const auto& [name, account] : model.accounts()) {
    auto found = account.reservations.find(done.operation.attempt);
    if (found == account.reservations.end() || !absl::StrContains(done.answer, AccountName(name))) continue;
    const Reservation& r = found->second;
    const CatalogEntry& entry = kCatalog[done.operation.model];
    if (account.owed > 0) return "I9: admitted in debt";
    if (!r.by_subscription()) {
      bool right = entry.kind == CatalogEntry::Kind::kPriced && r.amount() == entry.unit_price * r.n;
      return right ? "" : "I9: held something else than the price";
    }
    const Subscription& plan = *account.subscription;
    if (plan.used + account.HeldUnits(account.period_number) > plan.quota)
      return "I14: more is held than the quota";
  }
  return "";
}

bool MayBecome(v1::ReservationState from, v1::ReservationState to) {
  if (from == to) return true;
  if (from == v1::RESERVATION_STATE_PENDING) return to != v1::RESERVATION_STATE_SETTLED_LATE;
  bool ended_late = to == v1::RESERVATION_STATE_SETTLED_LATE || to == v1::RESERVATION_STATE_RELEASED;
  return from == v1::RESERVATION_STATE_EXPIRED && ended_late;
}

}  // namespace

// I3, I5: one charge for each settled reservation, none for the others. An attempt that was forgotten may be
// made anew, and what was charged for it before stays in the ledger.
std::string Invariants::CheckCharges(int name, const Account& account) const {
  std::map<std::string, std::vector<int64_t>> charges;
  for (const v1::LedgerEntry& entry : account.ledger) {
    if (IsCharge(entry)) charges[entry.reservation_id()].push_back(entry.sequence());
  }
  for (const auto& [attempt, r] : account.reservations) {
    bool settled = r.Is(v1::RESERVATION_STATE_SETTLED) || r.Is(v1::RESERVATION_STATE_SETTLED_LATE);
    const std::vector<int64_t>& made = charges[ReservationId{AccountName(name), AttemptName(attempt)}.Text()];
    const int64_t born = seen_.at({name, attempt}).born;
    auto found = std::count_if(made.begin(), made.end(), [&](int64_t sequence) { return sequence > born; });
    if (found != (settled && !r.passed_on ? 1 : 0))
      return absl::StrCat("I5: attempt ", attempt, " has ", found, " charges");
    if (r.charge > r.unit * r.delivered) return "I5: charged more than was delivered";
  }
  return "";
}

// I3, I4: what ended stays ended, and a hold ends by itself at its time and not before.
std::string Invariants::CheckHistory(int name, const Account& account, int64_t now) {
  for (const auto& [attempt, r] : account.reservations) {
    auto [before, is_new] = seen_.try_emplace(
        {name, attempt}, Seen{r.state, r.charge, static_cast<int64_t>(account.ledger.size())});
    if (is_new) continue;
    if (!MayBecome(before->second.state, r.state))
      return absl::StrCat("I3: reservation ", attempt, " ended twice");
    bool ended_now = r.state != before->second.state;
    if (!ended_now && r.charge != before->second.charge) return "I3: a charge changed";
    if (ended_now && r.Is(v1::RESERVATION_STATE_EXPIRED) && r.end_us > now)
      return "I4: expired before its time";
    before->second.state = r.state;
    before->second.charge = r.charge;
  }
  return "";
}

std::string Invariants::Check(const Model& model, const Done& done) {
  for (const std::string& broken : {CheckWrites(done), CheckAdmission(model, done), CheckTotals(model)}) {
    if (!broken.empty()) return broken;
  }
  for (const auto& [name, account] : model.accounts()) {
    for (const std::string& broken : {CheckLedger(account), CheckMoney(account), CheckSubscription(account),
                                      CheckHistory(name, account, std::max(model.now_us(), account.last_us)),
                                      CheckCharges(name, account)}) {
      if (!broken.empty()) return absl::StrCat("account ", name, ": ", broken);
    }
  }
  // What was forgotten may come anew.
  for (auto it = seen_.begin(); it != seen_.end();) {
    bool known = model.accounts().at(it->first.first).reservations.count(it->first.second) > 0;
    it = known ? std::next(it) : seen_.erase(it);
  }
  return "";
}

}  // namespace prismatic::billing::model
