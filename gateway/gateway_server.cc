#include "gateway/gateway_server.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace prismatic::gateway {
namespace {

// A release or a settlement takes 3 s at most; a background settlement pauses up to 2 s between tries.
constexpr absl::Duration kDetachedGrace = absl::Seconds(6);

}  // namespace

void GatewayOptions::AddTo(config::Flags& flags) {
  flags.Text("listen", &listen, "the public HTTP port, a numeric address and a port");
  admin.AddTo(flags);
  flags.Integer("in-flight-max", &limits.requests_max, 1, 100'000,
                "requests at once; more are refused with 503 before their body is read");
  flags.Integer("connections-max", &limits.connections_max, 1, 1'000'000,
                "connections at once; one more closes the one that has been idle longest");
  flags.Bytes("body-bytes-max", &limits.body_bytes_max, 1 << 10, int64_t{256} << 20,
              "largest request body; reference images may be data: URLs");
  flags.Bytes("bytes-in-flight-max", &bytes_in_flight_max, 1 << 20, int64_t{1} << 40,
              "bodies and answers in memory; new requests are refused while three quarters are taken");
  flags.Duration("head-time", &limits.head_time, absl::Milliseconds(10), absl::Minutes(5),
                 "within this a request's head arrives, else 408");
  flags.Duration("body-time", &limits.body_time, absl::Milliseconds(10), absl::Hours(1),
                 "within this a request's body arrives, else 408");
  flags.Duration("answer-time", &limits.answer_time, absl::Milliseconds(10), absl::Hours(1),
                 "within this a client takes some of its answer, else it is dropped");
  flags.Duration("keep-alive", &limits.keep_alive, absl::Milliseconds(10), absl::Hours(1),
                 "an idle connection is closed after this; longer than a proxy in front keeps its own");
  flags.Integer("workers", &workers, 1, 64, "threads for JSON and base64");
  drain.AddTo(flags);
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
            .metrics = parts.metrics}) {}

absl::StatusOr<std::unique_ptr<GatewayServer>> GatewayServer::Start(const GatewayOptions& options,
                                                                    Parts parts) {
  std::unique_ptr<GatewayServer> server(new GatewayServer(options, parts));
  http::ServerOptions http_options;
  http_options.address = options.listen;
  http_options.limits = options.limits;
  http_options.workers = parts.workers;
  http_options.budget = parts.bytes_in_flight;
  http_options.metrics = parts.metrics;
  http_options.refuse = [api = &server->api_](int status) { return api->Refuse(status); };
  auto http = http::Server::Start(std::move(http_options), [api = &server->api_](auto request) {
    return api->Handle(std::move(request));
  });
  if (!http.ok()) return http.status();
  server->http_ = *std::move(http);
  if (!options.admin.listen.empty()) {
    auto admin = admin::AdminServer::Start(
        options.admin,
        {.api = &server->api_, .catalog = parts.catalog, .workers = parts.workers, .metrics = parts.metrics});
    if (!admin.ok()) return admin.status();
    server->admin_ = *std::move(admin);
  }
  return server;
}

void GatewayServer::AddDrainSteps(lifecycle::Process& process) {
  process.OnLeave([this] {
    api_.StopBeingReady();
    http_->CloseAfterAnswers();
    if (admin_ != nullptr) admin_->CloseAfterAnswers();
  });
  process.OnDrain("gateway finishes what it began", [this] {
    api_.StartDraining();
    absl::Time until = absl::Now() + options_.drain_grace;
    http_->Drain(options_.drain_grace);
    if (admin_ != nullptr) admin_->Drain(std::max(until - absl::Now(), absl::ZeroDuration()));
  });
  process.OnDrain("gateway ends its releases", [this] { generation_.Drain(kDetachedGrace); });
}

}  // namespace prismatic::gateway
