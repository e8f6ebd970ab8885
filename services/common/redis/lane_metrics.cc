#include "services/common/redis/lane_metrics.h"

namespace prismatic::redis {

LaneMetrics::LaneMetrics(metrics::Registry& registry, const std::string& lane) {
  metrics::Labels labels = {{"lane", lane}};
  auto errors = [&](const std::string& kind) {
    return registry.GetCounter("prismatic_redis_errors_total", "Redis commands that failed, by kind",
                               {{"lane", lane}, {"kind", kind}});
  };
  duration = registry.GetHistogram("prismatic_redis_command_duration_seconds",
                                   "Time from a command to its answer, also a late one",
                                   metrics::FastBuckets(), labels);
  errors_refused = errors("refused");
  errors_deadline = errors("deadline");
  errors_lost = errors("lost");
  errors_not_connected = errors("not_connected");
  errors_too_many = errors("too_many");
  errors_breaker = errors("breaker_open");
  unconfirmed = registry.GetCounter("prismatic_redis_unconfirmed_total",
                                    "Commands done whose effect too few replicas had in time", labels);
  breaker_opened = registry.GetCounter("prismatic_redis_breaker_opened_total",
                                       "How often commands began to be refused at once", labels);
  breaker_open =
      registry.GetGauge("prismatic_redis_breaker_open", "1 while commands are refused at once", labels);
  connected = registry.GetGauge("prismatic_redis_connected",
                                "Connections to Redis that answered their greeting", labels);
  pending = registry.GetGauge("prismatic_redis_pending", "Commands on the way to Redis", labels);
}

}  // namespace prismatic::redis
