#include "services/billing/books_watch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/time/clock.h"
#include "services/billing/names.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"
#include "services/common/uuid/uuid.h"

namespace prismatic::billing {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
// How soon a turn that is given back ends; Redis takes no 0.
constexpr absl::Duration kAtOnce = absl::Milliseconds(1);

bool IsAway(const absl::Status& status) {
  return HasReason(status, common::v1::ERROR_REASON_BILLING_UNAVAILABLE);
}

bool EndsTheLook(const absl::Status& status) { return IsAway(status) || absl::IsCancelled(status); }

// To be shown; whether they differ is compared as integers.
double Apart(int64_t a, int64_t b) { return std::abs(static_cast<double>(a) - static_cast<double>(b)); }

}  // namespace

BooksWatch::BooksWatch(RedisLedger& ledger, metrics::Registry& metrics, Options options)
    : ledger_(ledger),
      options_(options),
      self_(NewUuidV7()),
      holds_(metrics.GetGauge("prismatic_reservations_outstanding", "Holds that have not ended.")),
      held_nanos_(metrics.GetGauge("prismatic_reservations_outstanding_nano_usd",
                                   "Money that they hold, in nano-USD.")),
      age_(metrics.GetGauge("prismatic_reservation_age_max_seconds",
                            "Age of the oldest hold; 0: there is none.")),
      overdue_(
          metrics.GetGauge("prismatic_reservations_overdue",
                           "Holds past their time that nobody has ended, and buckets that cannot be read.")),
      drifting_(metrics.GetGauge("prismatic_ledger_drift_accounts",
                                 "Accounts that differ from their last ledger entry or from their holds.")),
      drift_nanos_(metrics.GetGauge("prismatic_ledger_drift_nano_usd",
                                    "By how much they differ, in nano-USD, without sign.")),
      unchecked_(metrics.GetGauge("prismatic_books_unchecked_accounts",
                                  "Accounts whose holds, money or units, could not be compared.")),
      looked_(metrics.GetGauge("prismatic_books_looked_timestamp_seconds",
                               "When this process looked through all books last, Unix time; 0: not yet.")) {
  TellNothing();
}

BooksWatch::~BooksWatch() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  // Over the fast lane: nobody waits long for a process that stops.
  if (absl::Now() < ours_until_) {
    Wait(ledger_.TakeBooksTurn(self_, kAtOnce, redis::Lane::kFast)).status().IgnoreError();
  }
}

void BooksWatch::Start() {
  thread_ = std::thread([this] { Run(); });
}

void BooksWatch::Run() {
  do {
    Look();
  } while (Rest(options_.rest));
}

bool BooksWatch::Rest(absl::Duration duration) {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_for(lock, absl::ToChronoNanoseconds(duration), [this] { return stopping_; });
  return !stopping_;
}

void BooksWatch::Look() {
  ours_until_ = absl::InfinitePast();  // asks again
  Books books;
  absl::Status looked = LookAtAll(books);
  if (looked.ok()) return Tell(books);
  TellNothing();
}

absl::Status BooksWatch::BeginStep() {
  if (!Rest(options_.pause)) return absl::CancelledError("stopping");
  absl::Time now = absl::Now();
  if (now < ours_until_ - options_.turn / 2) return absl::OkStatus();
  auto ask = [this] { return ledger_.TakeBooksTurn(self_, options_.turn); };
  const bool still_ours = now < ours_until_;
  absl::StatusOr<bool> ours = still_ours ? Wait(ask()) : Repeat(ask);
  // Goes on with the turn that it has; the next step asks again.
  if (still_ours && IsAway(ours.status())) return absl::OkStatus();
  RETURN_IF_ERROR(ours.status());
  ours_until_ = *ours ? now + options_.turn : absl::InfinitePast();
  return *ours ? absl::OkStatus() : absl::CancelledError("another replica looks");
}

template <typename Call>
auto BooksWatch::Repeat(Call call) -> decltype(Wait(call())) {
  for (int tries = 1;; ++tries) {
    auto answer = Wait(call());
    if (!IsAway(answer.status()) || tries == options_.tries) return answer;
    if (!Rest(options_.pause_of_tries)) return absl::CancelledError("stopping");
  }
}

absl::Status BooksWatch::LookAtAll(Books& books) {
  RETURN_IF_ERROR(BeginStep());
  ASSIGN_OR_RETURN(std::vector<int> used, Repeat([&] { return ledger_.BucketsInUse(); }));
  for (int bucket : used) {
    absl::Status looked = LookAtBucket(bucket, books);
    if (looked.ok()) continue;
    if (EndsTheLook(looked)) return looked;
    log::Error("a bucket of billing's state cannot be read",
               {{"bucket", bucket}, {"error", looked.message()}});
    ++books.overdue;
  }
  return absl::OkStatus();
}

absl::Status BooksWatch::LookAtBucket(int bucket, Books& books) {
  const size_t page = static_cast<size_t>(options_.accounts_per_step);
  std::vector<std::string> names;
  std::set<std::string> unlisted;
  bool first = true;
  do {
    RETURN_IF_ERROR(BeginStep());
    std::string after = names.empty() ? "" : names.back();
    ASSIGN_OR_RETURN(names,
                     Repeat([&] { return ledger_.ListBucket(bucket, after, options_.accounts_per_step); }));
    ASSIGN_OR_RETURN(BucketView view, LookAtAccounts(bucket, names, books));
    if (!std::exchange(first, false)) continue;
    books.holds += view.holds;
    books.overdue += view.overdue;
    books.held_nanos += view.pending->nanos;
    int64_t made_us = view.pending->first_us;
    if (made_us > 0 && (books.first_us == 0 || made_us < books.first_us)) books.first_us = made_us;
    unlisted = std::move(view.pending->unlisted);
  } while (names.size() == page);
  return LookAtUnlisted(bucket, unlisted, books);
}

absl::StatusOr<BucketView> BooksWatch::LookAtAccounts(int bucket, const std::vector<std::string>& names,
                                                      Books& books) {
  ASSIGN_OR_RETURN(BucketView view, Repeat([&] { return ledger_.Inspect(bucket, names, options_.limits); }));
  if (!view.pending) RETURN_IF_ERROR(AddUpInPages(bucket, names, &view, books));
  for (const AccountView& account : view.accounts) AddAccount(account, books);
  return view;
}

absl::Status BooksWatch::LookAtUnlisted(int bucket, const std::set<std::string>& unlisted, Books& books) {
  std::vector<std::string> names;
  for (const std::string& name : unlisted) {
    if (BucketOf(name) == bucket) {
      names.push_back(name);
    } else {
      ++books.drifting;
    }
  }
  const size_t page = static_cast<size_t>(options_.accounts_per_step);
  for (size_t at = 0; at < names.size(); at += page) {
    RETURN_IF_ERROR(BeginStep());
    auto begin = names.begin() + static_cast<std::ptrdiff_t>(at);
    auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(at + page, names.size()));
    RETURN_IF_ERROR(LookAtAccounts(bucket, {begin, end}, books).status());
  }
  return absl::OkStatus();
}

absl::Status BooksWatch::AddUpInPages(int bucket, const std::vector<std::string>& names, BucketView* view,
                                      Books& books) {
  PendingSums sums;
  HoldPosition at;
  do {
    RETURN_IF_ERROR(BeginStep());
    ASSIGN_OR_RETURN(
        at, Repeat([&] { return ledger_.SumPending(bucket, at, options_.limits.holds_max, &sums); }));
  } while (!at.end_us.empty());
  ASSIGN_OR_RETURN(BucketView again, Repeat([&] { return ledger_.Inspect(bucket, names, options_.limits); }));
  for (size_t i = 0; i < names.size(); ++i) {
    AccountView& account = view->accounts[i];
    if (account.version != again.accounts[i].version) {
      RETURN_IF_ERROR(LookAtBusy(bucket, names[i], &account, books));
      continue;
    }
    PendingOfAccount& of_account = sums.of[names[i]];
    account.pending = {.nanos = of_account.nanos, .units = of_account.units[account.period]};
  }
  view->pending = std::move(sums);
  return absl::OkStatus();
}

absl::Status BooksWatch::LookAtBusy(int bucket, const std::string& name, AccountView* account, Books& books) {
  if (books.busy_accounts >= options_.busy_accounts_max) return absl::OkStatus();
  ++books.busy_accounts;
  RETURN_IF_ERROR(BeginStep());
  ASSIGN_OR_RETURN(BucketView view,
                   Repeat([&] { return ledger_.InspectOne(bucket, name, options_.limits); }));
  *account = std::move(view.accounts[0]);
  return absl::OkStatus();
}

void BooksWatch::AddAccount(const AccountView& account, Books& books) {
  if (account.damaged) {
    ++books.drifting;
    return;
  }
  bool differs = account.sequence != account.entry_sequence || account.balance != account.entry_balance ||
                 account.owed != account.entry_owed;
  books.drift_nanos +=
      Apart(account.balance, account.entry_balance) + Apart(account.owed, account.entry_owed);
  if (account.pending) {
    differs =
        differs || account.held != account.pending->nanos || account.held_units != account.pending->units;
    books.drift_nanos += Apart(account.held, account.pending->nanos);
  } else {
    ++books.unchecked;
  }
  if (differs) ++books.drifting;
}

void BooksWatch::Tell(const Books& books) {
  holds_.Set(static_cast<double>(books.holds));
  held_nanos_.Set(static_cast<double>(books.held_nanos));
  double age_us = books.first_us == 0 ? 0 : static_cast<double>(ledger_.NowUs() - books.first_us);
  age_.Set(std::max(age_us, 0.0) / 1e6);
  overdue_.Set(static_cast<double>(books.overdue));
  drifting_.Set(static_cast<double>(books.drifting));
  drift_nanos_.Set(books.drift_nanos);
  unchecked_.Set(static_cast<double>(books.unchecked));
  looked_.Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
}

void BooksWatch::TellNothing() {
  for (const metrics::Gauge& gauge :
       {holds_, held_nanos_, age_, overdue_, drifting_, drift_nanos_, unchecked_}) {
    gauge.Set(kUnknown);
  }
}

}  // namespace prismatic::billing
