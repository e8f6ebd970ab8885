// prismatic-registry: keeps the catalog and tells everybody about it.
#include <memory>

#include "services/common/config/flags.h"
#include "services/common/http/metrics_server.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/lifecycle/program.h"
#include "services/common/log/log.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/status/status_macros.h"
#include "services/model_registry/registry_server.h"

namespace prismatic::model_registry {
namespace {

// Calls in flight take milliseconds; one that writes, up to Redis' deadline of 2 s.
constexpr absl::Duration kDrainGrace = absl::Seconds(5);

absl::Status Run(const RegistryOptions& options, lifecycle::Process& process) {
  metrics::Registry metrics;
  loop::Loop loop("registry");
  ASSIGN_OR_RETURN(std::unique_ptr<http::MetricsServer> exporter,
                   http::MetricsServer::Start(options.metrics_listen, metrics));
  ASSIGN_OR_RETURN(std::unique_ptr<RegistryServer> server, RegistryServer::Start(options, loop, metrics));
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
  log::SetService("registry");
  RegistryOptions options;
  config::Flags flags("prismatic-registry", "Keeps the catalog: what models exist and who serves them.");
  AddFlags(flags, options);
  return lifecycle::RunProgram(flags, argc, argv, [&] { return Run(options, process); });
}

}  // namespace
}  // namespace prismatic::model_registry

int main(int argc, char** argv) { return prismatic::model_registry::Main(argc, argv); }
