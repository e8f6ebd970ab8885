#include "gateway/gateway_server.h"

#include <utility>

#include "absl/time/clock.h"

namespace prismatic::gateway {
namespace {

// A release or a settlement takes 3 s at most; a background settlement pauses up to 2 s between tries.
constexpr absl::Duration kDetachedGrace = absl::Seconds(6);

}  // namespace

void GatewayOptions::AddTo(config::Flags& flags) {
  flags.Text("listen", &listen, "the public HTTP port, host:port; loopback only for now");
  flags.Integer("in-flight-max", &in_flight_max, 1, 100'000,
                "generations at once; more are refused with 503");
  flags.Bytes("body-bytes-max", &body_bytes_max, 1 << 10, int64_t{256} << 20,
              "largest request body; reference images may be data: URLs");
  flags.Integer("workers", &workers, 1, 64, "threads for JSON and base64");
  flags.Duration("drain-delay", &drain_delay, absl::ZeroDuration(), absl::Minutes(5),
                 "how long /readyz says no after SIGTERM before connections are refused");
  flags.Duration("drain-grace", &drain_grace, absl::ZeroDuration(), absl::Minutes(30),
                 "how long SIGTERM waits for generations in flight");
}

GatewayServer::GatewayServer(const GatewayOptions& options, Parts parts)
    : options_(options),
      generation_({.catalog = parts.catalog,
                   .billing = parts.billing,
                   .provider = parts.provider,
                   .loop = parts.loop,
                   .workers = parts.workers,
                   .metrics = parts.metrics}),
      api_({.generation = &generation_,
            .billing = parts.billing,
            .catalog = parts.catalog,
            .metrics = parts.metrics,
            .in_flight_max = options.in_flight_max}) {}

absl::StatusOr<std::unique_ptr<GatewayServer>> GatewayServer::Start(const GatewayOptions& options,
                                                                    Parts parts) {
  std::unique_ptr<GatewayServer> server(new GatewayServer(options, parts));
  http::ServerOptions http_options;
  http_options.address = options.listen;
  http_options.body_bytes_max = options.body_bytes_max;
  // Room for the generations, and for health checks and refusals beside them.
  http_options.connections_max = options.in_flight_max + 256;
  http_options.refuse = [api = &server->api_](int status) { return api->Refuse(status); };
  auto http = http::Server::Start(std::move(http_options), [api = &server->api_](auto request) {
    return api->Handle(std::move(request));
  });
  if (!http.ok()) return http.status();
  server->http_ = *std::move(http);
  return server;
}

void GatewayServer::AddDrainSteps(lifecycle::Process& process) {
  process.OnDrain("gateway refuses new work", [this] {
    api_.StartDraining();
    absl::SleepFor(options_.drain_delay);
  });
  process.OnDrain("gateway finishes what it began", [this] { http_->Drain(options_.drain_grace); });
  process.OnDrain("gateway ends its releases", [this] { generation_.Drain(kDetachedGrace); });
}

}  // namespace prismatic::gateway
