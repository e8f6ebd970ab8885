#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CALL_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CALL_H_

#include <memory>
#include <string>

#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/task/cancel.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/adapters/outcome.h"
#include "services/provider_proxy/proxy_metrics.h"
#include "services/provider_proxy/routing/retry_budget.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "services/provider_proxy/upstream/credential_pool.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream_exchange.h"

namespace prismatic::provider_proxy {

// Makes one call to an upstream, from the request to checked images: builds it, picks a credential, has it
// exchanged, fetches what came as a URL and is wanted as base64, counts and logs. A provider with several
// credentials is asked again with the next one when it refuses one and so has not begun. Decides nothing
// else. Thread-safe.
class UpstreamCaller {
 public:
  struct Parts {
    Workers& workers;
    UpstreamExchange& exchange;
    Fetcher& fetcher;
    CredentialPool& credentials;
    RetryBudget& retries;
    ProxyMetrics& metrics;
  };
  explicit UpstreamCaller(Parts parts) : parts_(parts) {}

  using Result = UpstreamExchange::Result;

  // Asks for a piece of the request's images over one route. Call it on the workers, it resumes there. What
  // the candidate points to lives until the task ends.
  Task<Result> Call(CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request,
                    Candidate candidate, Piece piece, std::shared_ptr<ByteRoom> room);

 private:
  bool MayTryNext(const CallContext& call, const CredentialPool::Pick& pick,
                  const std::string& last_tried) const;
  Task<Result> Attempt(CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request,
                       Candidate candidate, Piece piece, CredentialPool::Pick pick,
                       std::shared_ptr<ByteRoom> room);
  Task<Result> FetchImages(CallContext call, Result result, Candidate candidate,
                           std::shared_ptr<ByteRoom> room, absl::Time until);
  // An image with what it takes of the room.
  struct Fetching {
    v1::GeneratedImage image;
    ByteRoom::Entry room;
  };
  Task<absl::StatusOr<Fetching>> FetchImage(v1::GeneratedImage image, FetchOptions options);
  struct Attempted {
    const CallContext& call;
    const std::string& model;
    const std::string& credential;  // the reference, never the secret
  };
  static void Log(const Attempted& attempt, const Candidate& candidate, const Result& result,
                  absl::Duration took);
  Result Unusable(const CallContext& call, const Candidate& candidate, absl::string_view label,
                  const absl::Status& why);

  Parts parts_;
};

// How results and reference images of a provider are fetched.
FetchOptions FetchOptionsFor(const CallContext& call, const Candidate& candidate,
                             std::shared_ptr<ByteRoom> room, std::string egress_proxy);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CALL_H_
