#include "services/billing/books_watch.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "services/billing/billing_fixture.h"

namespace prismatic::billing {
namespace {

using prismatic::testing::IsOk;

class BooksWatchTest : public BillingFixture {
 protected:
  // One replica of billing, with metrics of its own.
  struct Replica {
    Replica(RedisLedger& ledger, BooksWatch::Options options) : watch(ledger, metrics, options) {}
    double Gauge(const std::string& name) { return metrics.GetGauge(name, "").value(); }
    double drifting() { return Gauge("prismatic_ledger_drift_accounts"); }
    double drift() { return Gauge("prismatic_ledger_drift_nano_usd"); }
    double overdue() { return Gauge("prismatic_reservations_overdue"); }
    double unchecked() { return Gauge("prismatic_books_unchecked_accounts"); }
    double holds() { return Gauge("prismatic_reservations_outstanding"); }
    metrics::Registry metrics;
    BooksWatch watch;
  };
  static BooksWatch::Options Quick() {
    BooksWatch::Options options;
    options.pause = absl::ZeroDuration();
    options.pause_of_tries = absl::ZeroDuration();
    return options;
  }
  // More than one call looks at.
  static BooksWatch::Options InPages() {
    BooksWatch::Options options = Quick();
    options.accounts_per_step = 2;
    options.limits.holds_max = 4;
    return options;
  }
  std::unique_ptr<Replica> NewReplica(BooksWatch::Options options = Quick()) {
    return std::make_unique<Replica>(*ledger_, options);
  }
  // Of one bucket, in its order.
  static std::vector<std::string> Neighbours(size_t count) {
    std::vector<std::string> names;
    for (int i = 0; names.size() < count; ++i) {
      std::string name = absl::StrCat("many-", i);
      if (BucketOf(name) == 0) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void AddToHeldUnits(const std::string& name, int units) {
    std::string account = AccountKeys(name).Account();
    std::vector<std::string> words = absl::StrSplit(redis_.Ask({"HGET", account, "sub"}), '|');
    words[7] = absl::StrCat(std::stoi(words[7]) + units);
    redis_.Ask({"HSET", account, "sub", absl::StrJoin(words, "|")});
  }
  void Add(const std::string& account, const std::string& field, int64_t amount) {
    redis_.Ask({"HINCRBY", AccountKeys(account).Account(), field, absl::StrCat(amount)});
  }
};

TEST_F(BooksWatchTest, TellsWhatIsHeldAndForHowLong) {
  std::string acme = Open("acme", kDollar), zeta = Open("zeta", kDollar);
  Reserved(Asking(acme, 2));
  Advance(7'000'000);
  EXPECT_THAT(Settle(Reserved(Asking(zeta)), 1), IsOk());
  Reserved(Asking(zeta));
  auto replica = NewReplica();
  replica->watch.Look();
  EXPECT_EQ(replica->holds(), 2);
  EXPECT_EQ(replica->Gauge("prismatic_reservations_outstanding_nano_usd"), 3 * kPrice);
  EXPECT_EQ(replica->Gauge("prismatic_reservation_age_max_seconds"), 7);
  EXPECT_EQ(replica->overdue(), 0);
  EXPECT_EQ(replica->drifting(), 0);
  EXPECT_EQ(replica->drift(), 0);
  EXPECT_GT(replica->Gauge("prismatic_books_looked_timestamp_seconds"), 1.7e9);
}

TEST_F(BooksWatchTest, NothingIsTrueOfEmptyBooksToo) {
  auto replica = NewReplica();
  EXPECT_TRUE(std::isnan(replica->drifting()));
  EXPECT_EQ(replica->Gauge("prismatic_books_looked_timestamp_seconds"), 0);
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 0);
  EXPECT_EQ(replica->holds(), 0);
  EXPECT_EQ(replica->Gauge("prismatic_reservation_age_max_seconds"), 0);
}

TEST_F(BooksWatchTest, AWalletChangedByHandIsSeenUntilItIsRepaired) {
  books_are_spoiled_ = true;
  Open("acme", kDollar);
  Open("zeta", kDollar);
  auto replica = NewReplica();
  Add("acme", "bal", 500);
  Add("zeta", "owed", 7);
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 2);
  EXPECT_EQ(replica->drift(), 507);
  Add("acme", "bal", -500);
  Add("zeta", "owed", -7);
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 0);
  EXPECT_EQ(replica->drift(), 0);
}

TEST_F(BooksWatchTest, AHoldWithoutAReservationIsDrift) {
  books_are_spoiled_ = true;
  std::string key = Open("acme", kDollar);
  Reserved(Asking(key));
  auto replica = NewReplica();
  Add("acme", "held", 9);
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 1);
  EXPECT_EQ(replica->drift(), 9);
  v1::RecountAccountRequest recount;
  recount.set_account("acme");
  EXPECT_THAT(Wait(admin_->RecountAccount(recount)), IsOk());
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 0);
}

TEST_F(BooksWatchTest, ALostEntryAndALostAccountAreDrift) {
  books_are_spoiled_ = true;
  Open("acme", kDollar);
  EXPECT_THAT(TopUp("acme", 5, "t"), IsOk());
  Open("zeta", kDollar);
  Open("omega", kDollar);
  redis_.Ask({"XDEL", AccountKeys("acme").Ledger(), "2-0"});
  redis_.Ask({"DEL", AccountKeys("zeta").Account()});
  redis_.Ask({"HSET", AccountKeys("omega").Account(), "bal", "much"});
  auto replica = NewReplica();
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 3);
  EXPECT_EQ(replica->drift(), 5);
}

TEST_F(BooksWatchTest, UnitsOfASubscriptionCountToo) {
  books_are_spoiled_ = true;
  std::string key = OpenSubscribed("acme", 10);
  Reserved(Asking(key, 2));
  auto replica = NewReplica();
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 0);
  AddToHeldUnits("acme", 1);
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 1);
  EXPECT_EQ(replica->drift(), 0);
}

TEST_F(BooksWatchTest, AHoldPastItsTimeIsOverdueUntilItIsSwept) {
  std::string key = Open("acme", kDollar);
  Reserved(Asking(key));
  auto replica = NewReplica();
  Advance(424'000'000);
  replica->watch.Look();
  EXPECT_EQ(replica->overdue(), 0);
  Advance(1'000'000);
  replica->watch.Look();
  EXPECT_EQ(replica->overdue(), 1);
  EXPECT_EQ(replica->Gauge("prismatic_reservation_age_max_seconds"), 425);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  replica->watch.Look();
  EXPECT_EQ(replica->overdue(), 0);
  EXPECT_EQ(replica->holds(), 0);
}

TEST_F(BooksWatchTest, ABucketThatCannotBeReadIsOverdue) {
  books_are_spoiled_ = true;
  Open("acme", kDollar);
  redis_.Ask({"SET", DueKey(BucketOf("acme")), "no list"});
  Open("zeta", kDollar);
  Add("zeta", "bal", 3);
  auto replica = NewReplica();
  replica->watch.Look();
  EXPECT_EQ(replica->overdue(), 1);
  EXPECT_EQ(replica->drifting(), 1);
}

TEST_F(BooksWatchTest, ManyAccountsAndHoldsAreLookedAtInPages) {
  books_are_spoiled_ = true;
  std::vector<std::string> names = Neighbours(8);
  for (const std::string& name : names) {
    std::string key = name == names[7] ? OpenSubscribed(name, 100) : Open(name, kDollar);
    for (int i = 0; i < 3; ++i) Reserved(Asking(key, 2));
  }
  auto replica = NewReplica(InPages());
  replica->watch.Look();
  EXPECT_EQ(replica->holds(), 24);
  EXPECT_EQ(replica->Gauge("prismatic_reservations_outstanding_nano_usd"), 42 * kPrice);
  EXPECT_EQ(replica->drifting(), 0);
  EXPECT_EQ(replica->unchecked(), 0);
  Add(names[6], "held", 11);
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 1);
  EXPECT_EQ(replica->drift(), 11);
  AddToHeldUnits(names[7], -1);
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 2);
  EXPECT_EQ(replica->drift(), 11);
}

TEST_F(BooksWatchTest, AccountsThatChangeBetweenThePagesAreLookedAtInOneMoment) {
  books_are_spoiled_ = true;
  std::vector<std::string> names = Neighbours(2);
  std::string wallet = Open(names[0], kDollar), subscribed = OpenSubscribed(names[1], 100);
  for (int i = 0; i < 3; ++i) {
    Reserved(Asking(wallet));
    Reserved(Asking(subscribed));
  }
  Add(names[0], "held", 11);
  AddToHeldUnits(names[1], 1);
  lossy_->DoBeforeCalls([&](const std::string& function) {
    if (function != "list_pending") return;
    for (const std::string& name : names) Add(name, "last_us", 1);
  });
  struct Case {
    int busy_accounts_max, holds_of_one_max;
    double drifting, drift, unchecked;
  };
  for (const Case& c : {Case{2, 3, 2, 11, 0}, Case{1, 3, 1, 11, 1}, Case{2, 2, 0, 0, 2}}) {
    redis_.Ask({"DEL", BooksTurnKey()});
    BooksWatch::Options options = InPages();
    options.busy_accounts_max = c.busy_accounts_max;
    options.limits.holds_of_one_max = c.holds_of_one_max;
    auto replica = NewReplica(options);
    replica->watch.Look();
    EXPECT_EQ(replica->holds(), 6);
    EXPECT_EQ(replica->drifting(), c.drifting);
    EXPECT_EQ(replica->drift(), c.drift);
    EXPECT_EQ(replica->unchecked(), c.unchecked);
  }
}

TEST_F(BooksWatchTest, HoldsOfAnAccountThatIsNotListedAreComparedToo) {
  books_are_spoiled_ = true;
  std::vector<std::string> names = Neighbours(4);
  for (const std::string& name : names) {
    std::string key = Open(name, kDollar);
    for (int i = 0; i < 2; ++i) Reserved(Asking(key));
    if (name != names[0]) redis_.Ask({"ZREM", AccountKeys(name).AccountList(), name});
  }
  redis_.Ask({"DEL", AccountKeys(names[2]).Account()});
  Add(names[3], "held", 9);
  for (const BooksWatch::Options& options : {Quick(), InPages()}) {
    redis_.Ask({"DEL", BooksTurnKey()});
    auto replica = NewReplica(options);
    replica->watch.Look();
    EXPECT_EQ(replica->holds(), 8);
    EXPECT_EQ(replica->drifting(), 2);
    EXPECT_EQ(replica->drift(), 9);
    EXPECT_EQ(replica->unchecked(), 0);
  }
}

// They are in order of the bytes of their IDs.
TEST_F(BooksWatchTest, HoldsOfOneMomentAreListedOnceEachThoughTheLastOneSeenHasGone) {
  std::string key = Open("acme", kDollar);
  for (int i = 0; i < 7; ++i) Reserved(Asking(key));
  const int bucket = BucketOf("acme");
  PendingSums sums;
  HoldPosition at;
  for (int i = 0; i < 2; ++i) at = *Wait(ledger_->SumPending(bucket, at, 2, &sums));
  EXPECT_EQ(sums.count, 4);
  EXPECT_THAT(Release(at.reservation_id), IsOk());
  for (int i = 0; i < 2; ++i) at = *Wait(ledger_->SumPending(bucket, at, 2, &sums));
  EXPECT_EQ(at.end_us, "");
  EXPECT_EQ(sums.count, 7);
  EXPECT_EQ(sums.of["acme"].nanos, 7 * kPrice);
}

TEST_F(BooksWatchTest, AnAccountsHoldsOfOneMomentAreListedOverSeveralPages) {
  std::string key = Open("acme", kDollar);
  for (int i = 0; i < 5; ++i) Reserved(Asking(key));
  redis::FunctionLibrary library = FunctionsWithTestClock();
  AccountKeys keys("acme");
  std::set<std::string> listed;
  std::string end, id;
  int pages = 0;
  do {
    absl::StatusOr<redis::Reply> page =
        Wait(client_->Call(redis::Lane::kLasting, library, "list_holds", {keys.Account(), keys.Due()},
                           {absl::StrCat(now_us_.load()), "acme", end, id, "10", "2"}));
    ASSERT_THAT(page, IsOk());
    ASSERT_GE(page->elements.size(), 3u);
    end = page->elements[1].text, id = page->elements[2].text;
    for (size_t i = 3; i < page->elements.size(); ++i) listed.insert(page->elements[i].text);
  } while (!end.empty() && ++pages < 9);
  EXPECT_EQ(listed.size(), 5u);
  EXPECT_EQ(pages, 2);
}

TEST_F(BooksWatchTest, RunningRequestsNeverLookLikeDrift) {
  std::vector<std::string> keys;
  for (int i = 0; i < 4; ++i) {
    keys.push_back(Open(absl::StrCat("busy-", i), 1'000 * kDollar));
    for (int j = 0; j < 2; ++j) Reserved(Asking(keys.back()));
  }
  std::atomic<bool> stop = false;
  std::thread traffic([&] {
    for (int i = 0; !stop; ++i) {
      std::string id = Reserved(Asking(keys[i % keys.size()], 1 + i % 3));
      Advance(1);
      EXPECT_THAT(i % 5 == 0 ? Release(id).status() : Settle(id, 1).status(), IsOk());
      Advance(1);
    }
  });
  for (int holds_max : {1'000, 1}) {  // in one call, and in pages
    redis_.Ask({"DEL", BooksTurnKey()});
    BooksWatch::Options options = Quick();
    options.limits.holds_max = holds_max;
    auto replica = NewReplica(options);
    for (int i = 0; i < 30; ++i) {
      replica->watch.Look();
      EXPECT_EQ(replica->drifting(), 0);
      EXPECT_EQ(replica->drift(), 0);
      EXPECT_GE(replica->holds(), 8);
    }
  }
  stop = true;
  traffic.join();
}

TEST_F(BooksWatchTest, OneReplicaLooksAndAnotherFollowsWhenItDies) {
  Open("acme", kDollar);
  BooksWatch::Options options = Quick();
  options.turn = absl::Milliseconds(300);
  auto first = NewReplica(options), second = NewReplica(options);
  first->watch.Look();
  second->watch.Look();
  EXPECT_EQ(first->drifting(), 0);
  EXPECT_TRUE(std::isnan(second->drifting()));
  EXPECT_TRUE(std::isnan(second->holds()));
  // It never asks again, and tells nothing of its death.
  absl::Time until = absl::Now() + absl::Seconds(20);
  while (std::isnan(second->drifting()) && absl::Now() < until) second->watch.Look();
  EXPECT_EQ(second->drifting(), 0);
  first->watch.Look();
  EXPECT_TRUE(std::isnan(first->drifting()));
}

TEST_F(BooksWatchTest, AReplicaThatStopsGivesItsTurnBack) {
  BooksWatch::Options options = Quick();
  options.turn = absl::Hours(1);
  auto first = NewReplica(options), second = NewReplica(options);
  first->watch.Start();
  absl::Time until = absl::Now() + absl::Seconds(20);
  while (first->drifting() != 0 && absl::Now() < until) std::this_thread::yield();
  second->watch.Look();
  EXPECT_TRUE(std::isnan(second->drifting()));
  first = nullptr;
  while (std::isnan(second->drifting()) && absl::Now() < until) second->watch.Look();
  EXPECT_EQ(second->drifting(), 0);
}

TEST_F(BooksWatchTest, NothingIsToldWhileRedisIsAway) {
  Open("acme", kDollar);
  auto replica = NewReplica();
  replica->watch.Look();
  EXPECT_EQ(replica->drifting(), 0);
  double looked = replica->Gauge("prismatic_books_looked_timestamp_seconds");
  lossy_->LoseAnswerOf("inspect", Quick().tries);
  replica->watch.Look();
  EXPECT_EQ(lossy_->left_to_lose(), 0);
  EXPECT_TRUE(std::isnan(replica->drifting()));
  EXPECT_TRUE(std::isnan(replica->overdue()));
  EXPECT_EQ(replica->Gauge("prismatic_books_looked_timestamp_seconds"), looked);
}

TEST_F(BooksWatchTest, ALookGoesOnWhereSingleCallsAreNotAnswered) {
  std::vector<std::string> names = Neighbours(3);
  for (const std::string& name : names) {
    std::string key = Open(name, kDollar);
    for (int i = 0; i < 2; ++i) Reserved(Asking(key));
  }
  auto replica = NewReplica(InPages());
  for (const char* function : {"take_turn", "pipeline", "inspect", "list_pending"}) {
    SCOPED_TRACE(function);
    lossy_->LoseAnswerOf(function, Quick().tries - 1);
    replica->watch.Look();
    EXPECT_EQ(lossy_->left_to_lose(), 0);
    EXPECT_EQ(replica->drifting(), 0);
    EXPECT_EQ(replica->holds(), 6);
  }
}

TEST_F(BooksWatchTest, ALookGoesOnWhileItsTurnIsNotRenewedInTime) {
  Open("acme", kDollar);
  BooksWatch::Options options = Quick();
  options.tries = 1;
  options.turn = absl::Seconds(4);
  options.pause = absl::Milliseconds(2'100);  // so that the second step wants to renew it
  auto replica = NewReplica(options);
  lossy_->LoseAnswerOf("take_turn", 1, 1);
  replica->watch.Look();
  EXPECT_EQ(lossy_->left_to_lose(), 0);
  EXPECT_EQ(replica->drifting(), 0);
}

TEST_F(BooksWatchTest, ALookWaitsForARedisThatIsBusyForAWhile) {
  Open("acme", kDollar);
  auto client = redis::Client::Create(loop_, metrics_, {.url = redis_.url()});
  ASSERT_THAT(client, IsOk());
  ASSERT_THAT(Wait((*client)->WaitUntilConnected(absl::Seconds(20))), IsOk());
  RedisLedger ledger(**client, metrics_);
  Replica replica(ledger, BooksWatch::Options());
  redis_.Ask({"CLIENT", "PAUSE", "800", "ALL"});
  replica.watch.Look();
  EXPECT_EQ(replica.drifting(), 0);
}

TEST_F(BooksWatchTest, AWatchThatWaitsToAskAgainStopsAtOnce) {
  BooksWatch::Options options = Quick();
  options.pause_of_tries = absl::Hours(1);
  auto replica = NewReplica(options);
  lossy_->LoseAnswerOf("pipeline", 1);
  replica->watch.Start();
  absl::Time begin = absl::Now();
  while (lossy_->left_to_lose() > 0 && absl::Now() < begin + absl::Seconds(20)) std::this_thread::yield();
  EXPECT_EQ(lossy_->left_to_lose(), 0);
  replica = nullptr;
  EXPECT_LT(absl::Now(), begin + absl::Seconds(30));
  EXPECT_LE(std::stoi(redis_.Ask({"PTTL", BooksTurnKey()})), 1);  // given back
}

}  // namespace
}  // namespace prismatic::billing
