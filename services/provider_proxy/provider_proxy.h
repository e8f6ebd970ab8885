#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_PROXY_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_PROXY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/loop/loop.h"
#include "services/common/loop/ticker.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/provider_check.h"
#include "services/provider_proxy/provider_states.h"
#include "services/provider_proxy/proxy_metrics.h"
#include "services/provider_proxy/routing/health.h"
#include "services/provider_proxy/routing/retry_budget.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "services/provider_proxy/routing/slots.h"
#include "services/provider_proxy/routing/steady_clock.h"
#include "services/provider_proxy/upstream/credential_pool.h"
#include "services/provider_proxy/upstream/credentials.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream/http_client.h"
#include "services/provider_proxy/upstream_call.h"
#include "services/provider_proxy/upstream_exchange.h"

namespace prismatic::provider_proxy {

// Takes what a generation gives, in order: its images, then one summary. Called on worker threads, one
// call at a time; keeps the message and returns at once. There are never more messages than images
// asked for plus one. With an image comes what it takes of the generation's room, to be kept as long as
// the image is kept; several may share one.
using ImageSink = std::function<void(v1::GenerateImagesResponse, std::shared_ptr<ByteRoom::Entry>)>;

// The service itself, without gRPC: what the executable serves and the all-in-one calls directly.
// Thread-safe. Destroyed before what it was given, when no call is under way.
class ProviderProxy {
 public:
  struct Parts {
    loop::Loop& loop;
    Workers& workers;
    metrics::Registry& metrics;
    catalog_watch::CatalogHolder& catalog;
    // Of this process; null: nothing is counted.
    ByteBudget* bytes_in_flight = nullptr;
    Credentials credentials;
    HttpClientOptions http;
    // For providers whose catalog entry names none; empty: none.
    std::string egress_proxy;
    // A generation with all its calls. Less than the gateway's 300 s, so that the gateway hears why.
    absl::Duration generation_max = absl::Seconds(295);
    Random random = RealRandom();
  };
  explicit ProviderProxy(Parts parts);
  ~ProviderProxy();
  ProviderProxy(const ProviderProxy&) = delete;

  // As the RPC GenerateImages: OK when at least one image went into the sink. Ends on any thread. A
  // cancelled call ends soon, with CANCELLED unless something was delivered already. The room, which is
  // null when nothing was generated, holds what the images take.
  struct Generated {
    absl::Status status;
    std::shared_ptr<ByteRoom> room;
    // For the log.
    int images = 0;
    int upstream_calls = 0;
  };
  Task<Generated> Generate(CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request,
                           ImageSink sink);

  // As the RPC TestProvider.
  Task<absl::StatusOr<v1::TestProviderResponse>> Test(CallContext call, v1::TestProviderRequest request);

  // As the RPC GetProviderStates.
  Task<absl::StatusOr<v1::GetProviderStatesResponse>> States();

  ByteBudget* bytes_in_flight() const { return bytes_in_flight_; }

 private:
  struct Generation;
  struct Pieces;

  Task<Generated> Work(CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request,
                       ImageSink sink);
  absl::StatusOr<std::vector<Candidate>> CandidatesFor(const catalog_watch::Snapshot& snapshot,
                                                       const v1::GenerateImagesRequest& request) const;
  Task<bool> TryRoutes(std::shared_ptr<Generation> generation, std::vector<Candidate> candidates);
  Health::Permit MayCall(const Generation& generation, const Candidate& candidate);
  Task<bool> TryRoute(std::shared_ptr<Generation> generation, Candidate candidate, bool may_wait);
  Task<std::vector<Slots::Slot>> TakeSlot(std::shared_ptr<Generation> generation, Candidate candidate,
                                          bool may_wait);
  Task<std::shared_ptr<const v1::GenerateImagesRequest>> RequestFor(std::shared_ptr<Generation> generation,
                                                                    Candidate candidate);
  Task<bool> RunLane(std::shared_ptr<Generation> generation, std::shared_ptr<Pieces> pieces,
                     Slots::Slot slot);
  absl::Status Conclude(Generation& generation);
  void UseCatalog(const catalog::v1::Catalog& catalog);
  void Look();
  // For the metrics: those of the catalog, so that one that was removed is told no more.
  std::map<std::string, double> OfEachProvider(int Slots::View::*figure);

  loop::Loop& loop_;
  Workers& workers_;
  catalog_watch::CatalogHolder& catalog_;
  ByteBudget* const bytes_in_flight_;
  // Fetched reference images, from their first byte to the end of their generation: apart from results, which
  // must never wait for them.
  ByteBudget reference_bytes_;
  const absl::Duration generation_max_;
  const SteadyClock clock_;
  Credentials credentials_;
  CredentialPool credential_pool_;
  const Random random_;
  ProxyMetrics metrics_;
  Slots slots_;
  Health health_;
  RetryBudget retries_;
  HttpClient client_;
  Fetcher fetcher_;
  UpstreamExchange exchange_;
  UpstreamCaller caller_;
  ProviderCheck check_;
  catalog_watch::CatalogHolder::Subscription limits_;
  // What time alone changes, and what is only looked at now and then.
  metrics::Gauge bytes_used_;
  metrics::Gauge results_waiting_;
  loop::Ticker ticker_;
  std::unique_ptr<metrics::Readings> concurrency_;
  std::unique_ptr<metrics::Readings> concurrency_limit_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_PROXY_H_
