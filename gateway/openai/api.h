#ifndef PRISMATIC_GATEWAY_OPENAI_API_H_
#define PRISMATIC_GATEWAY_OPENAI_API_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "gateway/clients/billing_client.h"
#include "gateway/generation/generation.h"
#include "gateway/openai/rejections.h"
#include "gateway/openai/routes.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/clock/clock.h"
#include "services/common/http/message.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"
#include "services/common/trace/trace_context.h"

namespace prismatic::gateway::openai {

// The public HTTP API, without a socket: strings in, strings out.
//
//   POST /v1/images/generations   GET /v1/models   GET /v1/models/{id}
//   GET /openapi.json   GET /healthz   GET /readyz
//
// Every response carries x-request-id and openai-processing-ms; every error has OpenAI's shape. One
// access-log line and one metric per request. Thread-safe.
class Api {
 public:
  struct Options {
    Generation* generation = nullptr;
    BillingClient* billing = nullptr;
    const catalog_watch::CatalogHolder* catalog = nullptr;
    metrics::Registry* metrics = nullptr;
    const Clock* clock = &Clock::Real();
  };
  explicit Api(Options options);

  // Which provider made a generation's images, which its answer does not tell clients; empty: none did.
  struct ServedBy {
    std::string provider;
    std::string upstream_model;
    // How long it took as the gateway saw it.
    absl::Duration provider_time;
  };
  // Takes the request's body. `served_by` is for operators and may be null.
  Task<http::Response> Handle(std::shared_ptr<http::Request> request,
                              std::shared_ptr<ServedBy> served_by = nullptr);
  // For what the HTTP server refuses before a handler sees it; the statuses are GateRefusal's.
  http::Response Refuse(int status) const;

  // From now on /readyz says no; requests are served as before.
  void StopBeingReady() { leaving_ = true; }
  // From now on new generations are refused, too.
  void StartDraining() { draining_ = true; }
  // Generations that have not been answered yet.
  int in_flight() const { return in_flight_; }

 private:
  Task<http::Response> Serve(CallContext call, std::shared_ptr<http::Request> request, Route route,
                             std::shared_ptr<ServedBy> served_by);
  Task<http::Response> Generate(CallContext call, std::shared_ptr<http::Request> request,
                                std::shared_ptr<ServedBy> served_by);
  Task<http::Response> Models(CallContext call, std::shared_ptr<const http::Request> request,
                              std::string public_id);
  http::Response Ready() const;
  // The error, counted among what is turned away; `Malformed`: what the edge alone refuses.
  http::Response Refused(const absl::Status& status) const;
  http::Response Malformed(const absl::Status& status) const;
  // What every answer gets: its headers, its log line, its metrics.
  struct Asked {
    std::string request_id;
    TraceContext trace;
    std::string method;
    size_t body_bytes = 0;
    const char* route;  // a fixed name
    absl::Time started;
    // Of a generation that brought images.
    std::optional<absl::Duration> provider_time;
  };
  void Finish(const Asked& asked, http::Response& response) const;

  const Options options_;
  std::atomic<bool> leaving_{false};
  std::atomic<bool> draining_{false};
  std::atomic<int> in_flight_{0};
  metrics::Gauge in_flight_gauge_;
  const Rejections rejections_;
  metrics::Histogram request_bytes_;
  metrics::Histogram response_bytes_;
  metrics::Histogram overhead_;
};

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_API_H_
