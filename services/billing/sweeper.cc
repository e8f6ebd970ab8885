#include "services/billing/sweeper.h"

#include <chrono>
#include <numeric>
#include <utility>

#include "absl/time/clock.h"
#include "services/billing/names.h"
#include "services/common/status/status.h"

namespace prismatic::billing {
namespace {

constexpr std::chrono::seconds kSweepInterval(1);
// Holds end in time also while thousands of settlements are sent again.
constexpr absl::Duration kResendTime = absl::Seconds(1);
// Of one bucket in one sweep; keeps one call short when thousands are due at once.
constexpr int kPerBucketMax = 100;

}  // namespace

Sweeper::Sweeper(RedisLedger& ledger, metrics::Registry& metrics)
    : ledger_(ledger),
      expired_(metrics.GetCounter("prismatic_reservations_expired_total",
                                  "Reservations that were neither settled nor released in time.")) {}

Sweeper::~Sweeper() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Sweeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Sweeper::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    Wait(ledger_.ResendUnconfirmed(kResendTime));
    Wait(SweepAll());
    lock.lock();
    wake_.wait_for(lock, kSweepInterval, [this] { return stopping_; });
  }
}

Task<int> Sweeper::SweepAll() {
  std::vector<int> buckets(kBuckets);
  std::iota(buckets.begin(), buckets.end(), 0);
  return Sweep(std::move(buckets));
}

Task<int> Sweeper::Sweep(std::vector<int> buckets, absl::Duration time_max) {
  absl::Time stop = absl::Now() + time_max;
  auto find = ledger_.DueHolds(std::move(buckets), kPerBucketMax);
  absl::StatusOr<std::vector<ReservationId>> holds = co_await find;
  if (!holds.ok()) co_return 0;
  int ended = 0;
  for (const ReservationId& hold : *holds) {
    auto expire = ledger_.Expire(hold);
    absl::StatusOr<bool> expired = co_await expire;
    if (expired.ok() && *expired) {
      expired_.Add();
      ++ended;
    }
    bool redis_is_away = HasReason(expired.status(), common::v1::ERROR_REASON_BILLING_UNAVAILABLE);
    if (redis_is_away || absl::Now() > stop) break;
  }
  co_return ended;
}

}  // namespace prismatic::billing
