// prismatic-billing: keeps accounts, keys, limits and money.
#include <memory>

#include "services/billing/billing_server.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/catalog_watch/watcher.h"
#include "services/common/config/flags.h"
#include "services/common/http/metrics_server.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/lifecycle/program.h"
#include "services/common/log/log.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

// Calls in flight take milliseconds; one that writes, up to Redis' deadline of 2 s.
constexpr absl::Duration kDrainGrace = absl::Seconds(5);

absl::Status Run(const BillingOptions& options, lifecycle::Process& process) {
  metrics::Registry metrics;
  loop::Loop loop("billing");
  catalog_watch::CatalogHolder catalog(loop, metrics);
  ASSIGN_OR_RETURN(std::unique_ptr<http::MetricsServer> exporter,
                   http::MetricsServer::Start(options.metrics_listen, metrics));
  ASSIGN_OR_RETURN(std::unique_ptr<BillingServer> server,
                   BillingServer::Start(options, catalog, loop, metrics));
  catalog_watch::Watcher watcher(options.registry, catalog, loop, metrics);
  log::Info(
      "listening",
      {{"port", server->port()}, {"admin_port", server->admin_port()}, {"metrics_port", exporter->port()}});
  process.OnLeave([&] { server->StopBeingReady(); });
  process.OnDrain("stop serving", [&] { server->Drain(kDrainGrace); });
  process.RunUntilSignal(options.drain);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  lifecycle::Process process;
  log::SetService("billing");
  BillingOptions options;
  config::Flags flags("prismatic-billing", "Keeps accounts, keys, limits and money.");
  AddFlags(flags, options);
  return lifecycle::RunProgram(flags, argc, argv, [&] { return Run(options, process); });
}

}  // namespace
}  // namespace prismatic::billing

int main(int argc, char** argv) { return prismatic::billing::Main(argc, argv); }
