#include "services/cli/ledger_book.h"

#include "absl/strings/str_cat.h"
#include "services/cli/amounts.h"
#include "services/common/money/money.h"

namespace prismatic::cli {
namespace {

using Entry = billing::v1::LedgerEntry;

// Numbers from a file may be anything: sums that leave the type stay at its end, where they equal no amount.
int64_t Sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? INT64_MIN : INT64_MAX;
}

int64_t Negated(int64_t a) { return a == INT64_MIN ? INT64_MAX : -a; }

int64_t Product(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

// What the customer was charged: what left the wallet, and what is owed.
int64_t ChargeOf(const Entry& entry) {
  return Sum(Negated(entry.amount_nano_usd()), entry.owed_change_nano_usd());
}

bool IsCarriedForward(const Entry& entry) {
  return entry.type() == billing::v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD;
}

}  // namespace

void Book::Wrong(const Entry& entry, absl::string_view what, absl::string_view expected,
                 absl::string_view found) {
  differences_.push_back({absl::StrCat("entry ", entry.sequence()), std::string(what), std::string(expected),
                          std::string(found)});
}

void Book::Differ(const Entry& entry, absl::string_view what, int64_t expected, int64_t found) {
  if (expected != found) Wrong(entry, what, absl::StrCat(expected), absl::StrCat(found));
}

void Book::Add(const Entry& entry) {
  if (entries_ == 0) {
    Begin(entry);
  } else {
    CheckChain(entry);
  }
  CheckType(entry);
  ++entries_;
  sequence_ = entry.sequence();
  balance_ = entry.balance_nano_usd();
  owed_ = entry.owed_nano_usd();
}

void Book::Begin(const Entry& entry) {
  account_ = entry.account();
  if (!IsCarriedForward(entry)) return CheckChain(entry);
  // It has the time of the last entry that is gone.
  usage_whole_from_ = DayAfter(DayOf(entry.time_us()), 1);
  period_ = {.start_us = entry.period_start_us(),
             .end_us = entry.period_end_us(),
             .quota_units = entry.quota_units(),
             .used_units = entry.units(),
             .over_units = entry.over_units(),
             // It may have been, by an entry that is gone.
             .lowered = true};
  // All that the entries before it changed, from an empty account on.
  Differ(entry, "carried sum of the amounts", entry.balance_nano_usd(), entry.carried_amount_nano_usd());
  Differ(entry, "carried sum of the debts", entry.owed_nano_usd(), entry.carried_owed_change_nano_usd());
}

void Book::CheckChain(const Entry& entry) {
  if (entry.account() != account_) Wrong(entry, "account", account_, entry.account());
  Differ(entry, "sequence", sequence_ + 1, entry.sequence());
  Differ(entry, "balance", Sum(balance_, entry.amount_nano_usd()), entry.balance_nano_usd());
  Differ(entry, "owed", Sum(owed_, entry.owed_change_nano_usd()), entry.owed_nano_usd());
  if (IsCarriedForward(entry)) Wrong(entry, "place", "before all others", "between entries");
}

void Book::CheckType(const Entry& entry) {
  auto in_range = [](int64_t amount) { return amount >= 0 && amount <= Money::kMaxNanos; };
  if (!in_range(entry.balance_nano_usd())) {
    Wrong(entry, "balance", "0 to 9000000000000000", absl::StrCat(entry.balance_nano_usd()));
  }
  if (!in_range(entry.owed_nano_usd())) {
    Wrong(entry, "owed", "0 to 9000000000000000", absl::StrCat(entry.owed_nano_usd()));
  }
  switch (entry.type()) {
    case billing::v1::LEDGER_ENTRY_TYPE_CHARGE:
    case billing::v1::LEDGER_ENTRY_TYPE_LATE_CHARGE:
      CheckCharge(entry);
      return CountCharge(entry);
    case billing::v1::LEDGER_ENTRY_TYPE_TOP_UP:
      if (ChargeOf(entry) >= 0)
        Wrong(entry, "money added", "more than 0", absl::StrCat(Negated(ChargeOf(entry))));
      return CheckOnce(entry);
    case billing::v1::LEDGER_ENTRY_TYPE_ADJUSTMENT:
      Differ(entry, "change of what is owed", 0, entry.owed_change_nano_usd());
      return CheckOnce(entry);
    case billing::v1::LEDGER_ENTRY_TYPE_WRITE_OFF:
      Differ(entry, "change of the balance", 0, entry.amount_nano_usd());
      if (entry.owed_change_nano_usd() >= 0) {
        Wrong(entry, "change of what is owed", "less than 0", absl::StrCat(entry.owed_change_nano_usd()));
      }
      return CheckOnce(entry);
    case billing::v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED:
    case billing::v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED:
    case billing::v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER:
      CheckNoMoney(entry);
      return TurnPeriod(entry);
    case billing::v1::LEDGER_ENTRY_TYPE_CARRIED_FORWARD:
      return;
    default:
      Wrong(entry, "type", "one that this program knows", absl::StrCat(entry.type()));
  }
}

void Book::CheckNoMoney(const Entry& entry) {
  Differ(entry, "change of the balance", 0, entry.amount_nano_usd());
  Differ(entry, "change of what is owed", 0, entry.owed_change_nano_usd());
}

// A request ID moves money once.
void Book::CheckOnce(const Entry& entry) {
  if (entry.request_id().empty()) return;  // opening money
  if (!requests_.insert(entry.request_id()).second) {
    Wrong(entry, "entries of this request ID", "one", absl::StrCat("another one: ", entry.request_id()));
  }
}

void Book::CheckCharge(const Entry& entry) {
  bool late = entry.type() == billing::v1::LEDGER_ENTRY_TYPE_LATE_CHARGE;
  if (!reservations_.insert(entry.reservation_id()).second) {
    Wrong(entry, "charges of this reservation", "one", absl::StrCat("another one: ", entry.reservation_id()));
  }
  if (entry.delivered_count() < 1 || entry.delivered_count() > entry.image_count()) {
    Wrong(entry, "images delivered", absl::StrCat("1 to ", entry.image_count()),
          absl::StrCat(entry.delivered_count()));
  }
  if (entry.funding_source() == billing::v1::FUNDING_SOURCE_SUBSCRIPTION) {
    CheckNoMoney(entry);
    if (entry.delivered_count() > 0)
      Differ(entry, "units of a broken image", 0, entry.units() % entry.delivered_count());
    if (entry.over_units() < 0 || entry.over_units() > entry.units() || (!late && entry.over_units() != 0)) {
      Wrong(entry, "units over the quota", late ? absl::StrCat("0 to ", entry.units()) : "0",
            absl::StrCat(entry.over_units()));
    }
    return;
  }
  if (entry.funding_source() != billing::v1::FUNDING_SOURCE_WALLET) {
    Wrong(entry, "who paid", "wallet or subscription", absl::StrCat(entry.funding_source()));
  }
  if (!late) Differ(entry, "change of what is owed", 0, entry.owed_change_nano_usd());
  if (entry.amount_nano_usd() > 0 || entry.owed_change_nano_usd() < 0) {
    Wrong(entry, "direction of the charge", "out of the wallet", "into it");
  }
  // Debt that the format cannot hold any more is not booked.
  bool debt_is_full = late && entry.owed_nano_usd() == Money::kMaxNanos;
  int64_t price = Product(entry.unit_price_nano_usd(), entry.delivered_count());
  if (!debt_is_full) Differ(entry, "charge", price, ChargeOf(entry));
}

void Book::CountCharge(const Entry& entry) {
  UsageSum& sum = usage_[{DayOf(entry.time_us()), entry.key_id(), entry.model()}];
  ++sum.requests;
  sum.images = Sum(sum.images, entry.delivered_count());
  sum.charged_nano_usd = Sum(sum.charged_nano_usd, ChargeOf(entry));
  sum.units = Sum(sum.units, entry.units());
  if (entry.funding_source() == billing::v1::FUNDING_SOURCE_SUBSCRIPTION) CountUnits(entry);
}

// A hold belongs to the period in which it was made. Settled in the next one, it moves no counter, and its
// entry names no period.
void Book::CountUnits(const Entry& entry) {
  if (entry.period_start_us() == 0) return;
  Differ(entry, "start of the period that it counts in", period_.start_us, entry.period_start_us());
  period_.used_units = Sum(period_.used_units, Sum(entry.units(), Negated(entry.over_units())));
  period_.over_units = Sum(period_.over_units, entry.over_units());
}

void Book::TurnPeriod(const Entry& entry) {
  bool changed = entry.type() == billing::v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED;
  bool rolled_over = entry.type() == billing::v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER;
  if (rolled_over) {
    Differ(entry, "units used in the period that ended", period_.used_units, entry.units());
  }
  // Another quota leaves the period as it is; a start that goes back is a clock that was mended.
  bool ended = changed && entry.period_end_us() == 0;
  bool anew = !changed || ended || entry.period_start_us() > period_.start_us;
  bool lowered = !anew && (period_.lowered || entry.quota_units() < period_.quota_units);
  if (anew) period_ = Period();
  period_.start_us = entry.period_start_us();
  period_.end_us = entry.period_end_us();
  period_.quota_units = entry.quota_units();
  period_.lowered = lowered;
}

}  // namespace prismatic::cli
