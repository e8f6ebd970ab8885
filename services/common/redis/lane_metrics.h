#ifndef PRISMATIC_SERVICES_COMMON_REDIS_LANE_METRICS_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_LANE_METRICS_H_

#include <string>

#include "services/common/metrics/metrics.h"

namespace prismatic::redis {

// The metrics of one lane.
struct LaneMetrics {
  LaneMetrics(metrics::Registry& registry, const std::string& lane);

  metrics::Histogram duration;
  metrics::Counter errors_refused;        // Redis answered with an error
  metrics::Counter errors_deadline;       // no answer in time
  metrics::Counter errors_lost;           // the connection went while the command was on the way
  metrics::Counter errors_not_connected;  // never sent
  metrics::Counter errors_too_many;       // never sent
  metrics::Counter errors_breaker;        // never sent
  metrics::Counter unconfirmed;           // done, but not known to be on enough replicas
  metrics::Counter breaker_opened;
  metrics::Gauge breaker_open;
  metrics::Gauge connected;
  metrics::Gauge pending;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_LANE_METRICS_H_
