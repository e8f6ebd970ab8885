#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CALL_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CALL_H_

#include <memory>
#include <string>

#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/task/cancel.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/adapters/outcome.h"
#include "services/provider_proxy/proxy_metrics.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "services/provider_proxy/upstream/credentials.h"
#include "services/provider_proxy/upstream/fetch_guard.h"
#include "services/provider_proxy/upstream/http_client.h"

namespace prismatic::provider_proxy {

// Makes one call to an upstream, from the request to checked images: builds it, adds the credential,
// sends it, reads the answer on the workers, fetches what came as a URL and is wanted as base64, counts
// and logs. Decides nothing. Thread-safe.
class UpstreamCaller {
 public:
  struct Parts {
    Workers& workers;
    HttpClient& client;
    Fetcher& fetcher;
    Credentials& credentials;
    ProxyMetrics& metrics;
  };
  explicit UpstreamCaller(Parts parts) : parts_(parts) {}

  // Asks for `count` images over one route. Call it on the workers, it resumes there. What the candidate
  // points to lives until the task ends.
  Task<Outcome> Call(CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request,
                     Candidate candidate, int count);

 private:
  struct Sent {
    Outcome outcome;
    int status = 0;
    int64_t bytes_sent = 0;
    int64_t bytes_received = 0;
  };
  Task<Sent> Send(CallContext call, HttpRequest http, Candidate candidate, int count);
  Task<Outcome> FetchImages(CallContext call, Outcome outcome, Candidate candidate);
  Task<absl::StatusOr<v1::GeneratedImage>> FetchImage(v1::GeneratedImage image, FetchOptions options);
  static void Log(const std::string& request_id, const Candidate& candidate, const Sent& sent,
                  absl::Duration took);
  Outcome Unusable(const std::string& request_id, const Candidate& candidate, absl::string_view label,
                   const absl::Status& why);

  Parts parts_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_CALL_H_
