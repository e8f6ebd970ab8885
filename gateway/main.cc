// prismatic-gateway: the OpenAI Images API over HTTP; asks model-registry, billing and provider-proxy
// over gRPC. Stateless.

#include <memory>
#include <string>

#include "gateway/clients/grpc_clients.h"
#include "gateway/gateway_server.h"
#include "services/catalog_watch/watcher.h"
#include "services/common/http/metrics_server.h"
#include "services/common/lifecycle/program.h"
#include "services/common/log/log.h"
#include "services/common/loop/ticker.h"

namespace prismatic::gateway {
namespace {

struct Settings {
  GatewayOptions gateway;
  std::string metrics_listen = "127.0.0.1:9464";
  std::string registry = "127.0.0.1:7101";
  std::string billing = "127.0.0.1:7201";
  std::string provider = "127.0.0.1:7301";
};

absl::Status CheckAdmin(const admin::AdminOptions& options) {
  if (options.listen.empty() || !options.billing_token_file.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the admin port needs --billing-admin-token-file; --admin-listen '' starts without one");
}

absl::Status Run(const Settings& settings) {
  absl::Status admin = CheckAdmin(settings.gateway.admin);
  if (!admin.ok()) return admin;
  lifecycle::Process process;
  metrics::Registry metrics;
  loop::Loop loop("gateway");
  Workers workers(settings.gateway.workers);
  catalog_watch::CatalogHolder catalog(loop, metrics);
  ByteBudget bytes_in_flight(settings.gateway.bytes_in_flight_max);
  std::unique_ptr<BillingClient> billing = MakeGrpcBillingClient(settings.billing, &workers, metrics);
  std::unique_ptr<ProviderClient> provider =
      MakeGrpcProviderClient(settings.provider, &workers, &bytes_in_flight, metrics);
  metrics::Gauge bytes_used = metrics.GetGauge(
      "prismatic_bytes_in_flight", "Bytes of requests and results in memory, of --bytes-in-flight-max.");
  metrics::Gauge results_waiting =
      metrics.GetGauge("prismatic_results_waiting", "Requests whose results wait unread for room in memory.");
  loop::Ticker ticker(loop, absl::Seconds(1), [&] {
    bytes_used.Set(static_cast<double>(bytes_in_flight.used()));
    results_waiting.Set(static_cast<double>(bytes_in_flight.waiting()));
  });
  catalog_watch::Watcher watcher(settings.registry, catalog, loop, metrics);

  auto exporter = http::MetricsServer::Start(settings.metrics_listen, metrics);
  if (!exporter.ok()) return exporter.status();
  auto server = GatewayServer::Start(settings.gateway, {.billing = billing.get(),
                                                        .provider = provider.get(),
                                                        .catalog = &catalog,
                                                        .loop = &loop,
                                                        .workers = &workers,
                                                        .metrics = &metrics,
                                                        .bytes_in_flight = &bytes_in_flight});
  if (!server.ok()) return server.status();
  (*server)->AddDrainSteps(process);
  log::Info("serving", {{"listen", settings.gateway.listen},
                        {"port", (*server)->port()},
                        {"admin_port", (*server)->admin_port()}});
  process.RunUntilSignal(settings.gateway.drain);
  return absl::OkStatus();
}

}  // namespace
}  // namespace prismatic::gateway

int main(int argc, char** argv) {
  using namespace prismatic;  // NOLINT
  log::SetService("gateway");
  gateway::Settings settings;
  config::Flags flags("prismatic-gateway", "The OpenAI Images API in front of the suite.");
  settings.gateway.AddTo(flags);
  flags.Text("metrics-listen", &settings.metrics_listen, "where /metrics is served, host:port");
  flags.Text("registry", &settings.registry, "model-registry's callers' port");
  flags.Text("billing", &settings.billing, "billing's callers' port");
  flags.Text("provider-proxy", &settings.provider, "provider-proxy's port");
  gateway::admin::AdminOptions& admin = settings.gateway.admin;
  flags.Text("registry-admin", &admin.targets.registry_admin, "model-registry's admin port");
  flags.Text("billing-admin", &admin.targets.billing_admin, "billing's admin port");
  flags.Text("billing-admin-token-file", &admin.billing_token_file,
             "the file that holds the token of billing's admin port; required with an admin port");
  return lifecycle::RunProgram(flags, argc, argv, [&] {
    admin.targets.provider_proxy = settings.provider;
    return gateway::Run(settings);
  });
}
