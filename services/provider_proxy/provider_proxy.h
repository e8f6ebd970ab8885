#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_PROXY_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_PROXY_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/proxy_metrics.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "services/provider_proxy/routing/slots.h"
#include "services/provider_proxy/upstream/credentials.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream/http_client.h"
#include "services/provider_proxy/upstream_call.h"

namespace prismatic::provider_proxy {

// Takes what a generation gives, in order: its images, then one summary. Called on worker threads, one
// call at a time; keeps the message and returns at once. There are never more messages than images
// asked for plus one.
using ImageSink = std::function<void(v1::GenerateImagesResponse)>;

// The service itself, without gRPC: what the executable serves and the all-in-one calls directly.
// Thread-safe. Destroyed before what it was given, when no call is under way.
class ProviderProxy {
 public:
  struct Parts {
    loop::Loop& loop;
    Workers& workers;
    metrics::Registry& metrics;
    catalog_watch::CatalogHolder& catalog;
    Credentials credentials;
    HttpClientOptions http;
    Random random = RealRandom();
  };
  explicit ProviderProxy(Parts parts);
  ~ProviderProxy();
  ProviderProxy(const ProviderProxy&) = delete;

  // As the RPC GenerateImages: OK when at least one image went into the sink. Ends on any thread. A
  // cancelled call ends soon, with CANCELLED unless something was delivered already.
  Task<absl::Status> Generate(CallContext call, v1::GenerateImagesRequest request, ImageSink sink);

 private:
  struct Generation;
  struct Pieces;

  absl::StatusOr<std::vector<Candidate>> CandidatesFor(const catalog_watch::Snapshot& snapshot,
                                                       const v1::GenerateImagesRequest& request) const;
  Task<bool> TryRoutes(std::shared_ptr<Generation> generation, std::vector<Candidate> candidates);
  Task<bool> TryRoute(std::shared_ptr<Generation> generation, Candidate candidate, bool may_wait);
  Task<bool> RunLane(std::shared_ptr<Generation> generation, std::shared_ptr<Pieces> pieces,
                     Slots::Slot slot);
  absl::Status Conclude(Generation& generation);

  loop::Loop& loop_;
  Workers& workers_;
  catalog_watch::CatalogHolder& catalog_;
  Credentials credentials_;
  const Random random_;
  ProxyMetrics metrics_;
  Slots slots_;
  HttpClient client_;
  Fetcher fetcher_;
  UpstreamCaller caller_;
  catalog_watch::CatalogHolder::Subscription limits_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_PROXY_H_
