#ifndef PRISMATIC_SERVICES_BILLING_BOOKS_WATCH_H_
#define PRISMATIC_SERVICES_BILLING_BOOKS_WATCH_H_

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/billing/redis_ledger.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// Looks through all books, over and over, and tells what it has found: what is held, for how long, and
// whether wallets agree with their ledgers and holds. It changes nothing. One replica at a time has the turn
// to look; the others tell nothing, so that the greatest value of all replicas is the one that is meant.
//
// A look takes small steps with a pause after each, since Redis does one thing at a time. Each account is
// seen in one moment; the sums over all of them are of no single moment. What Redis does not answer is asked
// again, so that a look, which may take an hour, does not end with the first call that is lost.
//
// Metrics, NaN while this replica has not looked, or its last look has failed:
// prismatic_reservations_outstanding, prismatic_reservations_outstanding_nano_usd,
// prismatic_reservation_age_max_seconds, prismatic_reservations_overdue, prismatic_ledger_drift_accounts,
// prismatic_ledger_drift_nano_usd, prismatic_books_unchecked_accounts; and
// prismatic_books_looked_timestamp_seconds.
class BooksWatch {
 public:
  struct Options {
    // After each step; a step is two calls of Redis.
    absl::Duration pause = absl::Milliseconds(200);
    // Between looks.
    absl::Duration rest = absl::Seconds(10);
    // How long the turn stays with a replica that does not ask again; longer than `rest`.
    absl::Duration turn = absl::Seconds(30);
    int accounts_per_step = 50;
    // How often a call that Redis does not answer is made before the look is given up, and the pause before
    // each further one. With the lasting lane's deadline of 2 s less than half a turn.
    int tries = 5;
    absl::Duration pause_of_tries = absl::Seconds(1);
    // How many accounts of a look are looked at in a call of their own; see AddUpInPages.
    int busy_accounts_max = 5;
    InspectionLimits limits;
  };
  BooksWatch(RedisLedger& ledger, metrics::Registry& metrics) : BooksWatch(ledger, metrics, Options()) {}
  BooksWatch(RedisLedger& ledger, metrics::Registry& metrics, Options options);
  // Stops, joins, and gives the turn back.
  ~BooksWatch();

  // Begins to look on a thread of its own.
  void Start();
  // Looks once, if it is this replica's turn, and tells the metrics. Blocks.
  void Look();

 private:
  // What a look has found so far.
  struct Books {
    int64_t holds = 0;
    int64_t held_nanos = 0;
    int64_t overdue = 0;
    int64_t first_us = 0;
    int64_t drifting = 0;
    double drift_nanos = 0;
    int64_t unchecked = 0;
    int busy_accounts = 0;
  };

  void Run();
  // False: it is time to stop.
  bool Rest(absl::Duration duration);
  // The pause before a step; not OK when the look is over: stopped, or the turn has gone.
  absl::Status BeginStep();
  absl::Status LookAtAll(Books& books);
  absl::Status LookAtBucket(int bucket, Books& books);
  // Adds the accounts to `books`; answers what was seen of the bucket, of which all is known.
  absl::StatusOr<BucketView> LookAtAccounts(int bucket, const std::vector<std::string>& names, Books& books);
  // The accounts of holds that the list of accounts does not have.
  absl::Status LookAtUnlisted(int bucket, const std::set<std::string>& unlisted, Books& books);
  // Where there are too many holds for one call: compares with sums of several, which hold for the accounts
  // that have not changed meanwhile. Some of the others are seen in a call of their own.
  absl::Status AddUpInPages(int bucket, const std::vector<std::string>& names, BucketView* view,
                            Books& books);
  absl::Status LookAtBusy(int bucket, const std::string& name, AccountView* account, Books& books);
  // Makes a call of Redis, `tries` times where it is not answered.
  template <typename Call>
  auto Repeat(Call call) -> decltype(Wait(call()));
  static void AddAccount(const AccountView& account, Books& books);
  void Tell(const Books& books);
  void TellNothing();

  RedisLedger& ledger_;
  const Options options_;
  const std::string self_;
  const metrics::Gauge holds_;
  const metrics::Gauge held_nanos_;
  const metrics::Gauge age_;
  const metrics::Gauge overdue_;
  const metrics::Gauge drifting_;
  const metrics::Gauge drift_nanos_;
  const metrics::Gauge unchecked_;
  const metrics::Gauge looked_;
  // Of the thread that looks: until when the turn is surely ours.
  absl::Time ours_until_ = absl::InfinitePast();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_BOOKS_WATCH_H_
