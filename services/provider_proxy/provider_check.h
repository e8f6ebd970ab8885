#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_CHECK_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/loop/loop.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/model_list.h"
#include "services/provider_proxy/sample_image.h"
#include "services/provider_proxy/upstream/credentials.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream/http_client.h"
#include "services/provider_proxy/upstream_exchange.h"

namespace prismatic::provider_proxy {

// Looks for what is wrong between this replica and a provider, one step after the other, and says it in
// words. Takes none of the provider's slots and counts in no metric. Thread-safe.
class ProviderCheck {
 public:
  struct Parts {
    loop::Loop& loop;
    Workers& workers;
    HttpClient& client;
    catalog_watch::CatalogHolder& catalog;
    Credentials& credentials;
    UpstreamExchange& exchange;
    // Of this process; null: nothing is counted.
    ByteBudget* bytes_in_flight = nullptr;
    // Without one the loop's.
    Fetcher::Resolver resolver = nullptr;
    // What is worth waiting for in one step; an image takes longer than all else.
    absl::Duration step_max = absl::Seconds(10);
    absl::Duration image_max = absl::Seconds(120);
  };
  explicit ProviderCheck(Parts parts);

  // As the RPC TestProvider. INVALID_VALUE, or CANCELLED. Resumes on the workers.
  Task<absl::StatusOr<v1::TestProviderResponse>> Run(CallContext call, v1::TestProviderRequest request);

 private:
  struct Visit;

  absl::Status Begin(Visit& visit) const;
  absl::Status ChooseRoutes(Visit& visit) const;
  static void CheckSwitch(Visit& visit);
  void CheckCredentials(Visit& visit) const;
  // The steps that others build on are false when they failed.
  Task<bool> CheckName(Visit* visit);
  Task<bool> CheckConnection(Visit* visit);
  Task<bool> CheckAuthentication(Visit* visit);
  // The same for a wire format with nothing to ask a credential with.
  Task<bool> CheckHttp(Visit* visit);
  static void CheckModels(Visit& visit);
  static void CompareModels(Visit& visit, const ModelList& models);
  Task<bool> CheckImage(Visit* visit);

  Task<Fetcher::Addresses> Resolve(std::string host, int port);
  // Asks with each credential, and last without; the answers in this order.
  Task<std::vector<HttpResult>> Ask(Visit* visit, HttpRequest request);
  Task<HttpResult> SendGet(Visit* visit, HttpRequest request, std::string secret);

  Parts parts_;
  Fetcher fetcher_;
  SampleImage sample_image_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_CHECK_H_
