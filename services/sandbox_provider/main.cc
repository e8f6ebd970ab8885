#include <cstdio>
#include <memory>
#include <string>

#include "services/common/config/flags.h"
#include "services/common/http/metrics_server.h"
#include "services/common/http/server.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/lifecycle/program.h"
#include "services/common/log/log.h"
#include "services/common/metrics/metrics.h"
#include "services/common/status/status_macros.h"
#include "services/common/task/workers.h"
#include "services/sandbox_provider/sandbox.h"

namespace prismatic::sandbox {
namespace {

struct Settings {
  std::string listen = "127.0.0.1:9100";
  std::string metrics;
  std::string font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
  std::string api_key;
  absl::Duration drain = absl::Seconds(10);
  lifecycle::DrainOptions drain_options;
};

absl::Status Run(const Settings& settings, lifecycle::Process& process) {
  if (!settings.api_key.empty()) log::RegisterSecret(settings.api_key);
  metrics::Registry registry;
  std::unique_ptr<http::MetricsServer> exporter;
  if (!settings.metrics.empty()) {
    ASSIGN_OR_RETURN(exporter, http::MetricsServer::Start(settings.metrics, registry));
  }
  absl::StatusOr<std::shared_ptr<const Font>> font = Font::Load(settings.font);
  if (!font.ok()) log::Warning("pictures have no words", {{"reason", std::string(font.status().message())}});
  Sandbox sandbox({.font = font.ok() ? *font : nullptr, .api_key = settings.api_key, .metrics = &registry});

  Workers workers(2);
  http::ServerOptions options;
  options.address = settings.listen;
  options.workers = &workers;
  options.limits.fields = http::Fields::kAll;
  options.limits.requests_max = options.limits.connections_max;
  options.refuse = Sandbox::Refuse;
  ASSIGN_OR_RETURN(auto server, http::Server::Start(std::move(options),
                                                    [&sandbox](std::shared_ptr<const http::Request> request) {
                                                      return sandbox.Handle(std::move(request));
                                                    }));
  log::Info("serving", {{"address", settings.listen}, {"port", server->port()}});
  process.OnDrain("finish requests", [&] { server->Drain(settings.drain); });
  process.RunUntilSignal(settings.drain_options);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  lifecycle::Process process;
  log::SetService("sandbox");
  Settings settings;
  config::Flags flags("prismatic-sandbox",
                      "An image upstream for trying and testing: real pictures, any fault.");
  flags.Text("listen", &settings.listen, "where to serve, host:port");
  flags.Text("metrics", &settings.metrics, "where to serve /metrics, host:port; empty: nowhere");
  flags.Text("font", &settings.font,
             "the font that prompts are written with; without it pictures have no words");
  flags.Text("api-key", &settings.api_key, "the one key to accept; empty: any");
  flags.Duration("drain", &settings.drain, absl::ZeroDuration(), absl::Minutes(15),
                 "how long requests in flight may take at the end");
  settings.drain_options.AddTo(flags);
  return lifecycle::RunProgram(flags, argc, argv, [&] { return Run(settings, process); });
}

}  // namespace
}  // namespace prismatic::sandbox

int main(int argc, char** argv) { return prismatic::sandbox::Main(argc, argv); }
