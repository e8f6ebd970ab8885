#include "services/provider_proxy/proxy_metrics.h"

namespace prismatic::provider_proxy {

ProxyMetrics::ProxyMetrics(metrics::Registry& registry)
    : registry_(registry),
      attempts_(registry.GetHistogram("prismatic_upstream_attempts",
                                      "Over how many routes a generation called upstreams.",
                                      {1, 2, 3, 4, 5})) {}

ProxyMetrics::Provider& ProxyMetrics::ProviderLocked(const std::string& name) {
  auto [found, added] = providers_.try_emplace(name);
  if (added) {
    auto bytes = [&](const char* direction) {
      return registry_.GetCounter("prismatic_upstream_bytes_total", "Bytes exchanged with upstreams.",
                                  {{"provider", name}, {"direction", direction}});
    };
    found->second.duration =
        registry_.GetHistogram("prismatic_upstream_request_duration_seconds", "How long upstream calls take.",
                               metrics::SlowBuckets(), {{"provider", name}});
    found->second.bytes_sent = bytes("sent");
    found->second.bytes_received = bytes("received");
  }
  return found->second;
}

ProxyMetrics::Model& ProxyMetrics::ModelLocked(const std::string& provider, const std::string& name) {
  auto [found, added] = models_.try_emplace({provider, name});
  if (added) {
    metrics::Labels labels = {{"provider", provider}, {"model", name}};
    found->second.images = registry_.GetCounter("prismatic_images_generated_total",
                                                "Images received from upstreams and found valid.", labels);
    found->second.duration = registry_.GetHistogram("prismatic_image_generation_duration_seconds",
                                                    "How long generations take that deliver an image.",
                                                    metrics::SlowBuckets(), labels);
  }
  return found->second;
}

void ProxyMetrics::CountCall(const std::string& provider, const std::string& outcome, absl::Duration took,
                             int64_t bytes_sent, int64_t bytes_received) {
  std::lock_guard<std::mutex> lock(mutex_);
  Provider& counted = ProviderLocked(provider);
  auto [found, added] = counted.by_outcome.try_emplace(outcome);
  if (added) {
    found->second =
        registry_.GetCounter("prismatic_upstream_requests_total", "Upstream calls by how they ended.",
                             {{"provider", provider}, {"outcome", outcome}});
  }
  found->second.Add();
  counted.duration.Observe(took);
  counted.bytes_sent.Add(static_cast<double>(bytes_sent));
  counted.bytes_received.Add(static_cast<double>(bytes_received));
}

void ProxyMetrics::CountFallback(const std::string& from, const std::string& reason) {
  registry_
      .GetCounter("prismatic_fallbacks_total",
                  "Times that the next route was tried, by what the one before said.",
                  {{"from", from}, {"reason", reason}})
      .Add();
}

void ProxyMetrics::CountImage(const std::string& provider, const std::string& model) {
  std::lock_guard<std::mutex> lock(mutex_);
  ModelLocked(provider, model).images.Add();
}

void ProxyMetrics::ObserveGeneration(const std::string& provider, const std::string& model,
                                     absl::Duration took) {
  std::lock_guard<std::mutex> lock(mutex_);
  ModelLocked(provider, model).duration.Observe(took);
}

}  // namespace prismatic::provider_proxy
