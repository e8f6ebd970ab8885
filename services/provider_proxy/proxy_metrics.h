#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_METRICS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_METRICS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::provider_proxy {

// What provider-proxy counts. Labels are names of the catalog and words of our own. Thread-safe.
class ProxyMetrics {
 public:
  explicit ProxyMetrics(metrics::Registry& registry);

  // One call to an upstream.
  void CountCall(const std::string& provider, const std::string& outcome, absl::Duration took,
                 int64_t bytes_sent, int64_t bytes_received);
  // The next route was tried, because `from` had not begun (or may be asked again).
  void CountFallback(const std::string& from, const std::string& reason);
  void CountImage(const std::string& provider, const std::string& model);
  // Over how many routes a generation called upstreams, before it was over.
  void ObserveAttempts(int attempts) const { attempts_.Observe(attempts); }
  // A generation that delivered something, from the request to its last image.
  void ObserveGeneration(const std::string& provider, const std::string& model, absl::Duration took);

 private:
  // Handles by provider, since asking the registry each time costs a look through all labels.
  struct Provider {
    metrics::Histogram duration;
    metrics::Counter bytes_sent;
    metrics::Counter bytes_received;
    std::map<std::string, metrics::Counter> by_outcome;
  };
  struct Model {
    metrics::Counter images;
    metrics::Histogram duration;
  };
  Provider& ProviderLocked(const std::string& name);
  Model& ModelLocked(const std::string& provider, const std::string& name);

  metrics::Registry& registry_;
  const metrics::Histogram attempts_;
  std::mutex mutex_;
  std::map<std::string, Provider> providers_;                    // guarded by mutex_
  std::map<std::pair<std::string, std::string>, Model> models_;  // guarded by mutex_
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_METRICS_H_
