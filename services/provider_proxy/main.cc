// prismatic-provider-proxy: speaks to the upstreams.
#include <memory>
#include <string>

#include "services/catalog_watch/watcher.h"
#include "services/common/config/flags.h"
#include "services/common/http/metrics_server.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/lifecycle/program.h"
#include "services/common/log/log.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/status/status_macros.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/proxy_server.h"

namespace prismatic::provider_proxy {
namespace {

// The longest generation, so that a rolling restart loses none.
constexpr absl::Duration kDrainGrace = absl::Seconds(300);

absl::Status Run(const ProxyOptions& options, lifecycle::Process& process) {
  metrics::Registry metrics;
  loop::Loop loop("provider");
  Workers workers(options.workers);
  ByteBudget bytes_in_flight(options.bytes_in_flight_max);
  catalog_watch::CatalogHolder catalog(loop, metrics);
  ASSIGN_OR_RETURN(std::unique_ptr<http::MetricsServer> exporter,
                   http::MetricsServer::Start(options.metrics_listen, metrics));
  ASSIGN_OR_RETURN(std::unique_ptr<ProxyServer> server,
                   ProxyServer::Start(options, catalog, loop, workers, metrics, &bytes_in_flight));
  catalog_watch::Watcher watcher(options.registry, catalog, loop, metrics);
  log::Info("listening", {{"port", server->port()}, {"metrics_port", exporter->port()}});
  process.OnLeave([&] { server->StopBeingReady(); });
  process.OnDrain("stop serving", [&] { server->Drain(kDrainGrace); });
  process.RunUntilSignal(options.drain);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  lifecycle::Process process;
  log::SetService("provider-proxy");
  ProxyOptions options;
  config::Flags flags("prismatic-provider-proxy", "Speaks to the upstreams that draw images.");
  AddFlags(flags, options);
  return lifecycle::RunProgram(flags, argc, argv, [&] { return Run(options, process); });
}

}  // namespace
}  // namespace prismatic::provider_proxy

int main(int argc, char** argv) { return prismatic::provider_proxy::Main(argc, argv); }
