// The arithmetic of `ledger verify`: books that add up pass, and a drift of every kind is found.

#include "services/cli/ledger_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "services/cli/ledger_audit.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNoon = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z
constexpr int32_t kDay = 20260101;
constexpr int64_t kMonthEnd = kNoon + 31 * int64_t{86'400'000'000};

// A ledger with each kind of entry in it, as billing would write it.
class Ledger {
 public:
  pb::LedgerEntry& Next(pb::LedgerEntryType type, int64_t amount = 0, int64_t owed_change = 0) {
    pb::LedgerEntry entry;
    entry.set_account("acme");
    entry.set_sequence(static_cast<int64_t>(entries_.size()) + 1);
    entry.set_type(type);
    entry.set_time_us(kNoon);
    entry.set_amount_nano_usd(amount);
    entry.set_owed_change_nano_usd(owed_change);
    entry.set_balance_nano_usd(balance_ += amount);
    entry.set_owed_nano_usd(owed_ += owed_change);
    entries_.push_back(entry);
    return entries_.back();
  }
  pb::LedgerEntry& TopUp(const char* request_id, int64_t amount, int64_t paid = 0) {
    pb::LedgerEntry& entry = Next(pb::LEDGER_ENTRY_TYPE_TOP_UP, amount, -paid);
    entry.set_request_id(request_id);
    return entry;
  }
  pb::LedgerEntry& Charge(pb::LedgerEntryType type, int64_t taken, int64_t owed) {
    pb::LedgerEntry& entry = Next(type, -taken, owed);
    entry.set_reservation_id(absl::StrCat("acme.r", entry.sequence()));
    entry.set_key_id("acme.1");
    entry.set_model("imagen-4");
    entry.set_image_count(4);
    entry.set_delivered_count(2);
    entry.set_unit_price_nano_usd(40);
    entry.set_funding_source(pb::FUNDING_SOURCE_WALLET);
    return entry;
  }
  pb::LedgerEntry& Units(pb::LedgerEntryType type, int64_t units, int64_t over) {
    pb::LedgerEntry& entry = Charge(type, 0, 0);
    entry.set_funding_source(pb::FUNDING_SOURCE_SUBSCRIPTION);
    entry.set_unit_price_nano_usd(0);
    entry.set_units(units);
    entry.set_over_units(over);
    entry.set_period_start_us(period_start_);
    return entry;
  }
  pb::LedgerEntry& Period(pb::LedgerEntryType type, int64_t quota, int64_t start, int64_t end) {
    pb::LedgerEntry& entry = Next(type);
    entry.set_quota_units(quota);
    entry.set_period_start_us(period_start_ = start);
    entry.set_period_end_us(end);
    return entry;
  }
  std::vector<pb::LedgerEntry>& entries() { return entries_; }

 private:
  std::vector<pb::LedgerEntry> entries_;
  int64_t balance_ = 0;
  int64_t owed_ = 0;
  int64_t period_start_ = 0;
};

// 1 top-up, 2 charge, 3 late charge that owes, 4 top-up that pays, 5 adjustment, 6 late charge that owes
// again, 7 write-off, 8 grant, 9 units, 10 units late and over, 11 rollover, 12 units, 13 larger quota, 14
// units of a hold of the period before.
Ledger Whole() {
  Ledger ledger;
  ledger.TopUp("t1", 100);
  ledger.Charge(pb::LEDGER_ENTRY_TYPE_CHARGE, 80, 0);
  ledger.Charge(pb::LEDGER_ENTRY_TYPE_LATE_CHARGE, 20, 60);
  ledger.TopUp("t2", 40, 60);
  ledger.Next(pb::LEDGER_ENTRY_TYPE_ADJUSTMENT, -15).set_request_id("a1");
  ledger.Charge(pb::LEDGER_ENTRY_TYPE_LATE_CHARGE, 25, 55);
  ledger.Next(pb::LEDGER_ENTRY_TYPE_WRITE_OFF, 0, -55).set_request_id("w1");
  ledger.Period(pb::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED, 5, kNoon, kMonthEnd);
  ledger.Units(pb::LEDGER_ENTRY_TYPE_CHARGE, 4, 0);
  ledger.Units(pb::LEDGER_ENTRY_TYPE_LATE_CHARGE, 2, 1);
  ledger.Period(pb::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER, 5, kMonthEnd, kMonthEnd + 1000).set_units(5);
  ledger.Units(pb::LEDGER_ENTRY_TYPE_CHARGE, 2, 0);
  ledger.Period(pb::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED, 9, kMonthEnd, kMonthEnd + 1000);
  ledger.Units(pb::LEDGER_ENTRY_TYPE_CHARGE, 6, 0).clear_period_start_us();
  return ledger;
}

Book BookOf(const std::vector<pb::LedgerEntry>& entries) {
  Book book;
  for (const pb::LedgerEntry& entry : entries) book.Add(entry);
  return book;
}

std::vector<std::string> Wheres(const std::vector<Difference>& differences) {
  std::vector<std::string> wheres;
  for (const Difference& each : differences) wheres.push_back(each.where + ": " + each.what);
  return wheres;
}

TEST(LedgerBookTest, BooksThatAddUpHaveNoDifference) {
  Book book = BookOf(Whole().entries());
  EXPECT_THAT(Wheres(book.differences()), IsEmpty());
  EXPECT_EQ(book.sequence(), 14);
  EXPECT_EQ(book.balance_nano_usd(), 0);
  EXPECT_EQ(book.owed_nano_usd(), 0);
  EXPECT_EQ(book.period().used_units, 2);
  EXPECT_EQ(book.period().quota_units, 9);
  EXPECT_EQ(book.period().over_units, 0);
  UsageSum sum = book.usage().at({kDay, "acme.1", "imagen-4"});
  EXPECT_EQ(sum, (UsageSum{.requests = 7, .images = 14, .charged_nano_usd = 240, .units = 14}));
}

struct Drift {
  const char* name;
  // Zero-based.
  size_t entry;
  std::function<void(pb::LedgerEntry&)> spoil;
  const char* found;
};

TEST(LedgerBookTest, ADriftOfEveryKindIsFoundWhereItIs) {
  const Drift kDrifts[] = {
      {"a balance that does not chain", 1, [](auto& e) { e.set_balance_nano_usd(21); }, "entry 2: balance"},
      {"one nano too little taken", 1,
       [](auto& e) {
         e.set_amount_nano_usd(-79);
         e.set_balance_nano_usd(21);
       },
       "entry 2: charge"},
      {"debt that does not chain", 2, [](auto& e) { e.set_owed_nano_usd(61); }, "entry 3: owed"},
      {"a late charge that loses a part", 2,
       [](auto& e) {
         e.set_owed_change_nano_usd(59);
         e.set_owed_nano_usd(59);
       },
       "entry 3: charge"},
      {"a charge in time that owes", 1,
       [](auto& e) {
         e.set_type(pb::LEDGER_ENTRY_TYPE_CHARGE), e.set_owed_change_nano_usd(1), e.set_owed_nano_usd(1);
       },
       "entry 2: change of what is owed"},
      {"more delivered than reserved", 1, [](auto& e) { e.set_image_count(1); }, "entry 2: images delivered"},
      {"nothing delivered", 1, [](auto& e) { e.set_delivered_count(0); }, "entry 2: images delivered"},
      {"a second charge of a reservation", 2, [](auto& e) { e.set_reservation_id("acme.r2"); },
       "entry 3: charges of this reservation"},
      {"a charge that nobody paid", 1, [](auto& e) { e.clear_funding_source(); }, "entry 2: who paid"},
      {"a top-up done twice", 3, [](auto& e) { e.set_request_id("t1"); },
       "entry 4: entries of this request ID"},
      {"an adjustment with a top-up's ID", 4, [](auto& e) { e.set_request_id("t2"); },
       "entry 5: entries of this request ID"},
      {"a top-up of nothing", 0,
       [](auto& e) {
         e.set_amount_nano_usd(0);
         e.set_balance_nano_usd(0);
       },
       "entry 1: money added"},
      {"a write-off that gives money", 6,
       [](auto& e) { e.set_amount_nano_usd(1), e.set_balance_nano_usd(1); },
       "entry 7: change of the balance"},
      {"a grant that moves money", 7, [](auto& e) { e.set_amount_nano_usd(1), e.set_balance_nano_usd(1); },
       "entry 8: change of the balance"},
      {"a subscription's charge that takes money", 8,
       [](auto& e) { e.set_amount_nano_usd(-1), e.set_balance_nano_usd(-1); },
       "entry 9: change of the balance"},
      {"units that are no whole images", 8, [](auto& e) { e.set_units(3); },
       "entry 9: units of a broken image"},
      {"units over in time", 8, [](auto& e) { e.set_over_units(1); }, "entry 9: units over the quota"},
      {"more over than used", 9, [](auto& e) { e.set_over_units(3); }, "entry 10: units over the quota"},
      {"a rollover that forgets units", 10, [](auto& e) { e.set_units(4); },
       "entry 11: units used in the period that ended"},
      {"units counted in another period", 11, [](auto& e) { e.set_period_start_us(kNoon); },
       "entry 12: start of the period that it counts in"},
      {"another account's entry", 5, [](auto& e) { e.set_account("other"); }, "entry 6: account"},
      {"an unknown type", 4, [](auto& e) { e.set_type(static_cast<pb::LedgerEntryType>(99)); },
       "entry 5: type"},
      {"a number out of every range", 4, [](auto& e) { e.set_amount_nano_usd(INT64_MIN); },
       "entry 5: balance"},
  };
  for (const Drift& drift : kDrifts) {
    Ledger ledger = Whole();
    drift.spoil(ledger.entries()[drift.entry]);
    std::vector<std::string> wheres = Wheres(BookOf(ledger.entries()).differences());
    EXPECT_THAT(wheres, ::testing::Contains(drift.found)) << drift.name;
  }
}

TEST(LedgerBookTest, AMissingEntryIsAGapAndNothingElse) {
  Ledger ledger = Whole();
  ledger.entries().erase(ledger.entries().begin() + 12);  // the change of the quota moves no money
  EXPECT_THAT(Wheres(BookOf(ledger.entries()).differences()), ElementsAre("entry 14: sequence"));
  Ledger doubled = Whole();
  doubled.entries().insert(doubled.entries().begin() + 13, doubled.entries()[12]);
  EXPECT_THAT(Wheres(BookOf(doubled.entries()).differences()), ElementsAre("entry 13: sequence"));
  Ledger headless = Whole();
  headless.entries().erase(headless.entries().begin());
  EXPECT_EQ(Wheres(BookOf(headless.entries()).differences())[0], "entry 2: sequence");
}

TEST(LedgerBookTest, ABalanceMayNotGoBelowZero) {
  Ledger ledger;
  ledger.Charge(pb::LEDGER_ENTRY_TYPE_CHARGE, 80, 0);
  EXPECT_THAT(Wheres(BookOf(ledger.entries()).differences()), ElementsAre("entry 1: balance"));
}

// Entries 1 to `through` as one.
std::vector<pb::LedgerEntry> Trimmed(Ledger ledger, size_t through) {
  std::vector<pb::LedgerEntry> entries = ledger.entries();
  pb::LedgerEntry carried;
  const pb::LedgerEntry& last = entries[through - 1];
  carried.set_account("acme");
  carried.set_sequence(last.sequence());
  carried.set_type(pb::LEDGER_ENTRY_TYPE_CARRIED_FORWARD);
  carried.set_time_us(last.time_us());
  carried.set_balance_nano_usd(last.balance_nano_usd());
  carried.set_owed_nano_usd(last.owed_nano_usd());
  carried.set_carried_amount_nano_usd(last.balance_nano_usd());
  carried.set_carried_owed_change_nano_usd(last.owed_nano_usd());
  Book book = BookOf({entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(through)});
  carried.set_quota_units(book.period().quota_units);
  carried.set_period_start_us(book.period().start_us);
  carried.set_period_end_us(book.period().end_us);
  carried.set_units(book.period().used_units);
  carried.set_over_units(book.period().over_units);
  entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(through));
  entries.insert(entries.begin(), carried);
  return entries;
}

TEST(LedgerBookTest, ATrimmedLedgerAddsUpFromItsCarriedForwardEntryOn) {
  for (size_t through = 1; through < 14; ++through) {
    Book book = BookOf(Trimmed(Whole(), through));
    EXPECT_THAT(Wheres(book.differences()), IsEmpty()) << through;
    EXPECT_EQ(book.sequence(), 14);
    EXPECT_EQ(book.period().used_units, 2) << through;
    EXPECT_EQ(book.period().quota_units, 9) << through;
  }
  std::vector<pb::LedgerEntry> wrong = Trimmed(Whole(), 2);
  wrong[0].set_carried_amount_nano_usd(19);
  EXPECT_THAT(Wheres(BookOf(wrong).differences()), ElementsAre("entry 2: carried sum of the amounts"));
  std::vector<pb::LedgerEntry> in_between = Whole().entries();
  in_between[4] = Trimmed(Whole(), 5)[0];
  in_between[4].set_amount_nano_usd(-15);
  EXPECT_THAT(Wheres(BookOf(in_between).differences()), ElementsAre("entry 5: place"));
}

// What billing says of the account of Whole().
pb::AuditAccountResponse Audit() {
  pb::AuditAccountResponse audit;
  pb::Account* account = audit.mutable_account();
  account->set_name("acme");
  account->set_ledger_sequence(14);
  account->set_concurrent(2);
  pb::Subscription* subscription = account->mutable_subscription();
  subscription->mutable_plan()->set_quota_units(9);
  subscription->set_period_start_us(kMonthEnd);
  subscription->set_period_end_us(kMonthEnd + 1000);
  subscription->set_used_units(2);
  subscription->set_held_units(7);
  audit.set_pending_count(2);
  audit.set_pending_units(7);
  pb::KeyConcurrency* key = audit.add_keys();
  key->set_key_id("acme.1");
  key->set_concurrent(2);
  key->set_pending_count(2);
  return audit;
}

struct AuditDrift {
  std::function<void(pb::AuditAccountResponse&)> spoil;
  const char* found;
};

TEST(LedgerAuditTest, ACounterThatDriftedIsFound) {
  Book book = BookOf(Whole().entries());
  EXPECT_THAT(Wheres(CompareAccount(book, Audit())), IsEmpty());
  const AuditDrift kDrifts[] = {
      {[](auto& a) { a.mutable_account()->set_balance_nano_usd(1); }, "account: balance"},
      {[](auto& a) { a.mutable_account()->set_owed_nano_usd(1); }, "account: owed"},
      {[](auto& a) { a.mutable_account()->set_ledger_sequence(15); }, "account: ledger sequence"},
      {[](auto& a) { a.mutable_account()->set_held_nano_usd(1); }, "account: money held"},
      {[](auto& a) { a.set_pending_nano_usd(40); }, "account: money held"},
      {[](auto& a) { a.mutable_account()->set_concurrent(3); }, "account: requests in flight"},
      {[](auto& a) { a.mutable_keys(0)->set_concurrent(1); }, "key acme.1: requests in flight"},
      {[](auto& a) { a.mutable_keys(0)->set_pending_count(3), a.mutable_keys(0)->set_concurrent(3); },
       "account: open reservations made with keys"},
      {[](auto& a) { a.mutable_account()->mutable_subscription()->set_used_units(3); },
       "subscription: units used"},
      {[](auto& a) { a.mutable_account()->mutable_subscription()->set_over_units(1); },
       "subscription: units over"},
      {[](auto& a) { a.mutable_account()->mutable_subscription()->set_held_units(6); },
       "subscription: units held"},
      {[](auto& a) { a.mutable_account()->mutable_subscription()->mutable_plan()->set_quota_units(8); },
       "subscription: quota"},
      {[](auto& a) { a.mutable_account()->mutable_subscription()->set_period_start_us(kNoon); },
       "subscription: period's start"},
      {[](auto& a) { a.mutable_account()->mutable_subscription()->set_period_end_us(1); },
       "subscription: period's end"},
      {[](auto& a) { a.mutable_account()->clear_subscription(), a.set_pending_units(0); },
       "subscription: state"},
      {[](auto& a) {
         a.mutable_account()->mutable_subscription()->set_held_units(8), a.set_pending_units(8);
       },
       "subscription: units used and held"},
  };
  for (const AuditDrift& drift : kDrifts) {
    pb::AuditAccountResponse audit = Audit();
    drift.spoil(audit);
    EXPECT_THAT(Wheres(CompareAccount(book, audit)), ::testing::Contains(drift.found)) << drift.found;
  }
}

TEST(LedgerAuditTest, UnitsThatWereCarriedForwardAreComparedToo) {
  Book book = BookOf(Trimmed(Whole(), 12));
  EXPECT_THAT(Wheres(CompareAccount(book, Audit())), IsEmpty());
  pb::AuditAccountResponse audit = Audit();
  audit.mutable_account()->mutable_subscription()->set_used_units(3);
  EXPECT_THAT(Wheres(CompareAccount(book, audit)), ElementsAre("subscription: units used"));
}

TEST(LedgerAuditTest, OnlyDaysAfterTheLastTrimmedEntryHaveWholeUsage) {
  EXPECT_EQ(BookOf(Whole().entries()).usage_whole_from(), 0);
  EXPECT_EQ(BookOf(Trimmed(Whole(), 12)).usage_whole_from(), kDay + 1);
}

TEST(LedgerAuditTest, UsageMustEqualTheEntriesOfEachDayKeyAndModel) {
  UsageTable table = BookOf(Whole().entries()).usage();
  UsageKey key{kDay, "acme.1", "imagen-4"};
  EXPECT_THAT(CompareUsage(table, table, table, 0), IsEmpty());
  for (int64_t UsageSum::*field :
       {&UsageSum::requests, &UsageSum::images, &UsageSum::charged_nano_usd, &UsageSum::units}) {
    for (int64_t step : {-1, 1}) {
      UsageTable drifted = table;
      drifted[key].*field += step;
      EXPECT_THAT(CompareUsage(table, table, drifted, 0), SizeIs(1));
    }
  }
  UsageTable lost;
  EXPECT_THAT(CompareUsage(table, table, lost, 0), SizeIs(4));
  UsageTable invented = table;
  invented[{kDay, "acme.2", "imagen-4"}].images = 1;
  EXPECT_THAT(CompareUsage(table, table, invented, 0), SizeIs(1));
  EXPECT_THAT(CompareUsage(table, table, lost, kDay + 1), IsEmpty());  // days that are not whole
}

TEST(LedgerAuditTest, UsageReadWhileItGrowsLiesBetweenBothEnds) {
  UsageKey busy{kDay, "acme.1", "m"}, quiet{kDay, "acme.2", "m"};
  UsageTable before = {{busy, {.images = 3}}, {quiet, {.images = 5}}};
  UsageTable after = {{busy, {.images = 6}}, {quiet, {.images = 5}}};
  for (int64_t images = 3; images <= 6; ++images) {
    EXPECT_THAT(CompareUsage(before, after, {{busy, {.images = images}}, {quiet, {.images = 5}}}, 0),
                IsEmpty());
  }
  EXPECT_THAT(CompareUsage(before, after, {{busy, {.images = 7}}, {quiet, {.images = 5}}}, 0), SizeIs(1));
  EXPECT_THAT(CompareUsage(before, after, {{busy, {.images = 2}}, {quiet, {.images = 5}}}, 0), SizeIs(1));
  EXPECT_THAT(CompareUsage(before, after, {{busy, {.images = 4}}, {quiet, {.images = 6}}}, 0), SizeIs(1));
}

}  // namespace
}  // namespace prismatic::cli
