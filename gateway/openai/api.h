#ifndef PRISMATIC_GATEWAY_OPENAI_API_H_
#define PRISMATIC_GATEWAY_OPENAI_API_H_

#include <atomic>
#include <memory>
#include <string>

#include "gateway/clients/billing_client.h"
#include "gateway/generation/generation.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/clock/clock.h"
#include "services/common/http/message.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::gateway::openai {

// The public HTTP API, without a socket: strings in, strings out.
//
//   POST /v1/images/generations   GET /v1/models   GET /v1/models/{id}   GET /healthz   GET /readyz
//
// Every response carries x-request-id; every error has OpenAI's shape. One access-log line and one
// metric per request. Thread-safe.
class Api {
 public:
  struct Options {
    Generation* generation = nullptr;
    BillingClient* billing = nullptr;
    const catalog_watch::CatalogHolder* catalog = nullptr;
    metrics::Registry* metrics = nullptr;
    const Clock* clock = &Clock::Real();
    // Generations at once; more are refused at once, so that those begun can be finished.
    int in_flight_max = 1000;
  };
  explicit Api(Options options);

  Task<http::Response> Handle(std::shared_ptr<const http::Request> request);
  // For what the HTTP library refuses before a handler sees it.
  http::Response Refuse(int status) const;

  // From now on /readyz says no, and new generations are refused.
  void StartDraining() { draining_ = true; }
  // Generations that have not been answered yet.
  int in_flight() const { return in_flight_; }

 private:
  struct Answer {
    const char* route;  // a fixed name, for logs and metrics
    http::Response response;
  };
  Task<Answer> Route(CallContext call, std::shared_ptr<const http::Request> request);
  Task<http::Response> Generate(CallContext call, std::shared_ptr<const http::Request> request);
  Task<http::Response> Models(CallContext call, std::shared_ptr<const http::Request> request,
                              std::string public_id);
  http::Response Ready() const;
  void Record(const std::string& request_id, const http::Request& request, const Answer& answer,
              absl::Duration duration) const;

  const Options options_;
  std::atomic<bool> draining_{false};
  std::atomic<int> in_flight_{0};
  metrics::Gauge in_flight_gauge_;
};

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_API_H_
