#ifndef PRISMATIC_SERVICES_CATALOG_WATCH_LINE_H_
#define PRISMATIC_SERVICES_CATALOG_WATCH_LINE_H_

#include <chrono>
#include <mutex>

#include "services/catalog_watch/catalog_holder.h"
#include "services/common/loop/loop.h"
#include "services/common/loop/ticker.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::catalog_watch {

// How a process stands in touch with where its catalog comes from, for people who look at its metrics: the
// same ones whether it follows a registry's stream or, as a registry does, the store. Thread-safe. Destroyed
// before holder and loop, not on the loop's thread.
//
// Metrics, besides the holder's: prismatic_catalog_watch_connected, prismatic_catalog_watch_failures_total,
// prismatic_catalog_last_error_timestamp_seconds, prismatic_catalog_last_contact_seconds,
// prismatic_catalog_age_seconds; the last two are told anew each second.
class Line {
 public:
  // One for a holder.
  Line(CatalogHolder& holder, loop::Loop& loop, metrics::Registry& metrics);
  Line(const Line&) = delete;

  // The source answers, until it is Lost.
  void Connected();
  // It does not, or not any more. Counted each time; the caller logs why.
  void Lost();

 private:
  using Clock = std::chrono::steady_clock;

  // A version came into force here.
  void Changed();
  void Show();

  metrics::Gauge connected_gauge_;
  metrics::Counter failures_;
  metrics::Gauge error_gauge_;
  metrics::Gauge contact_gauge_;
  metrics::Gauge age_gauge_;

  mutable std::mutex mutex_;
  bool connected_ = false;     // guarded by mutex_
  Clock::time_point contact_;  // guarded by mutex_; the start of the process before the first one
  Clock::time_point changed_;  // guarded by mutex_; likewise

  // Last: they end before what they touch.
  CatalogHolder::Subscription subscription_;
  loop::Ticker ticker_;
};

}  // namespace prismatic::catalog_watch

#endif  // PRISMATIC_SERVICES_CATALOG_WATCH_LINE_H_
