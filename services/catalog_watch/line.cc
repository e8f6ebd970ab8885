#include "services/catalog_watch/line.h"

#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace prismatic::catalog_watch {

Line::Line(CatalogHolder& holder, loop::Loop& loop, metrics::Registry& metrics)
    : connected_gauge_(metrics.GetGauge("prismatic_catalog_watch_connected",
                                        "The source of the catalog answers: the registry's stream, or to a "
                                        "registry its store.")),
      failures_(
          metrics.GetCounter("prismatic_catalog_watch_failures_total",
                             "How often it did not: streams that ended, looks at the store that failed.")),
      error_gauge_(metrics.GetGauge("prismatic_catalog_last_error_timestamp_seconds",
                                    "When it did not the last time; 0: never. The log says why.")),
      contact_gauge_(metrics.GetGauge("prismatic_catalog_last_contact_seconds",
                                      "How long the source of the catalog has been silent; 0: it answers.")),
      age_gauge_(metrics.GetGauge("prismatic_catalog_age_seconds",
                                  "How long the catalog in use has been in use here; without one, since the "
                                  "start.")),
      contact_(Clock::now()),
      changed_(contact_),
      subscription_(holder.Subscribe([this](const std::shared_ptr<const Snapshot>&) { Changed(); })),
      ticker_(loop, absl::Seconds(1), [this] { Show(); }) {}

void Line::Connected() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    connected_ = true;
    contact_ = Clock::now();
  }
  connected_gauge_.Set(1);
  contact_gauge_.Set(0);
}

void Line::Lost() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (connected_) contact_ = Clock::now();
    connected_ = false;
  }
  connected_gauge_.Set(0);
  failures_.Add();
  error_gauge_.Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
}

void Line::Changed() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    changed_ = Clock::now();
  }
  age_gauge_.Set(0);
}

void Line::Show() {
  Clock::time_point now = Clock::now();
  std::lock_guard<std::mutex> lock(mutex_);
  age_gauge_.Set(absl::ToDoubleSeconds(absl::FromChrono(now - changed_)));
  contact_gauge_.Set(connected_ ? 0 : absl::ToDoubleSeconds(absl::FromChrono(now - contact_)));
}

}  // namespace prismatic::catalog_watch
