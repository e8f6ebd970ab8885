#include "services/common/http/metrics_server.h"

#include <utility>

namespace prismatic::http {
namespace {

Task<Response> Answer(const metrics::Registry* registry, std::shared_ptr<Request> request) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  bool known = request->path == "/metrics";
  bool reads = request->method == "GET" || request->method == "HEAD";
  response.status = !known ? 404 : reads ? 200 : 405;
  if (response.status == 405) response.Header("Allow", "GET, HEAD");
  response.body = response.status == 200 ? registry->Text() : "Metrics are at GET /metrics.\n";
  co_return response;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    const metrics::Registry& registry) {
  auto metrics = std::make_unique<MetricsServer>();
  ServerOptions options;
  options.address = address;
  options.workers = &metrics->executor_;
  // For a few scrapers, not for the public.
  options.limits.body_bytes_max = 0;
  options.limits.connections_max = 100;
  auto server = Server::Start(std::move(options), [registry = &registry](std::shared_ptr<Request> request) {
    return Answer(registry, std::move(request));
  });
  if (!server.ok()) return server.status();
  metrics->server_ = *std::move(server);
  return metrics;
}

}  // namespace prismatic::http
