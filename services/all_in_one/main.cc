// prismatic-all-in-one: gateway, model-registry, billing and provider-proxy in one process. The gateway
// calls the others directly; their gRPC ports are open all the same.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/gateway_server.h"
#include "services/all_in_one/direct_clients.h"
#include "services/billing/billing_server.h"
#include "services/common/config/flags.h"
#include "services/common/http/metrics_server.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/lifecycle/program.h"
#include "services/common/log/log.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/status/status_macros.h"
#include "services/common/task/workers.h"
#include "services/model_registry/registry_server.h"
#include "services/provider_proxy/proxy_server.h"

namespace prismatic::all_in_one {
namespace {

// Calls of others in flight at the end take milliseconds; the gateway's own have been waited for.
constexpr absl::Duration kDrainGrace = absl::Seconds(5);

struct Options {
  gateway::GatewayOptions gateway;
  model_registry::RegistryOptions registry;
  billing::BillingOptions billing;
  provider_proxy::ProxyOptions proxy;
  std::string metrics_listen = "127.0.0.1:9464";
  std::string redis = "redis://127.0.0.1:6379";
  std::string admin_token_file;
  absl::Duration connection_age = rpc::kConnectionAge;

  void AddTo(config::Flags& flags) {
    gateway.AddTo(flags);
    flags.Text("registry-listen", &registry.listen, "model-registry's callers' port");
    flags.Text("registry-admin-listen", &registry.admin_listen, "model-registry's admin port");
    flags.Text("billing-listen", &billing.listen, "billing's callers' port");
    flags.Text("billing-admin-listen", &billing.admin_listen, "billing's admin port");
    flags.Text("provider-proxy-listen", &proxy.listen, "provider-proxy's port");
    flags.Text("metrics-listen", &metrics_listen, "where /metrics is served, host:port");
    flags.Text("redis", &redis, "where Redis is; docs/how-to/redis.md has the forms of its URL");
    flags.Text("catalog", &registry.catalog, "the catalog file to import; empty: none");
    flags.Text("admin-token-file", &admin_token_file, "the file that holds the admin ports' token");
    flags.Require("admin-token-file");
    rpc::AddConnectionAgeFlag(flags, &connection_age);
    model_registry::AddOperatorFlags(flags, registry);
    billing::AddMeterFlags(flags, billing);
    provider_proxy::AddUpstreamFlags(flags, proxy);
  }

  // What several services share.
  void Spread() {
    registry.redis = billing.redis = redis;
    registry.admin_token_file = billing.admin_token_file = admin_token_file;
    gateway.admin.billing_token_file = admin_token_file;
    registry.connection_age = billing.connection_age = proxy.connection_age = connection_age;
  }
};

// Where a port of this process is, from `listen`'s host and the number that it has been given.
std::string OwnPort(const std::string& listen, int port) {
  std::string host = listen.substr(0, listen.rfind(':'));
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "[::]") host = "[::1]";
  return absl::StrCat(host, ":", port);
}

absl::Status Run(const Options& options, lifecycle::Process& process) {
  metrics::Registry metrics;
  loop::Loop loop("prismatic");
  Workers workers(options.gateway.workers);
  ByteBudget bytes_in_flight(options.gateway.bytes_in_flight_max);
  ASSIGN_OR_RETURN(auto exporter, http::MetricsServer::Start(options.metrics_listen, metrics));

  ASSIGN_OR_RETURN(auto registry, model_registry::RegistryServer::Start(options.registry, loop, metrics));
  catalog_watch::CatalogHolder& catalog = registry->registry().holder();
  ASSIGN_OR_RETURN(auto billing, billing::BillingServer::Start(options.billing, catalog, loop, metrics));
  ASSIGN_OR_RETURN(auto proxy, provider_proxy::ProxyServer::Start(options.proxy, catalog, loop, workers,
                                                                  metrics, &bytes_in_flight));

  DirectBillingClient billing_client(billing->billing(), workers);
  DirectProviderClient provider_client(proxy->proxy(), workers);
  gateway::GatewayOptions gateway_options = options.gateway;
  gateway_options.admin.targets = {
      .registry_admin = OwnPort(options.registry.admin_listen, registry->admin_port()),
      .billing_admin = OwnPort(options.billing.admin_listen, billing->admin_port()),
      .provider_proxy = OwnPort(options.proxy.listen, proxy->port()),
      .in_this_process = true};
  ASSIGN_OR_RETURN(auto gateway,
                   gateway::GatewayServer::Start(gateway_options, {.billing = &billing_client,
                                                                   .provider = &provider_client,
                                                                   .catalog = &catalog,
                                                                   .loop = &loop,
                                                                   .workers = &workers,
                                                                   .metrics = &metrics,
                                                                   .bytes_in_flight = &bytes_in_flight}));
  process.OnLeave([&] {
    proxy->StopBeingReady();
    billing->StopBeingReady();
    registry->StopBeingReady();
  });
  gateway->AddDrainSteps(process);
  process.OnDrain("provider-proxy", [&] { proxy->Drain(kDrainGrace); });
  process.OnDrain("billing", [&] { billing->Drain(kDrainGrace); });
  process.OnDrain("model-registry", [&] { registry->Drain(kDrainGrace); });
  log::Info(
      "serving",
      {{"port", gateway->port()}, {"admin_port", gateway->admin_port()}, {"metrics_port", exporter->port()}});
  process.RunUntilSignal(options.gateway.drain);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  lifecycle::Process process;
  log::SetService("all-in-one");
  Options options;
  config::Flags flags("prismatic-all-in-one", "The whole suite in one process.");
  options.AddTo(flags);
  return lifecycle::RunProgram(flags, argc, argv, [&] {
    options.Spread();
    return Run(options, process);
  });
}

}  // namespace
}  // namespace prismatic::all_in_one

int main(int argc, char** argv) { return prismatic::all_in_one::Main(argc, argv); }
