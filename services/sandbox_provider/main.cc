#include <cstdio>
#include <memory>
#include <string>

#include "services/common/config/flags.h"
#include "services/common/http/server.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/log/log.h"
#include "services/common/metrics/metrics.h"
#include "services/sandbox_provider/sandbox.h"

namespace prismatic::sandbox {
namespace {

struct Settings {
  std::string listen = "127.0.0.1:9100";
  std::string metrics;
  std::string font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
  std::string api_key;
  absl::Duration drain = absl::Seconds(10);
};

absl::Status ReadSettings(int argc, char** argv, Settings& settings) {
  config::Flags flags("prismatic-sandbox",
                      "An image upstream for trying and testing: real pictures, any fault.");
  flags.Text("listen", &settings.listen, "where to serve, host:port, loopback only");
  flags.Text("metrics", &settings.metrics, "where to serve /metrics, host:port; empty: nowhere");
  flags.Text("font", &settings.font,
             "the font that prompts are written with; without it pictures have no words");
  flags.Text("api-key", &settings.api_key, "the one key to accept; empty: any");
  flags.Duration("drain", &settings.drain, absl::ZeroDuration(), absl::Minutes(15),
                 "how long requests in flight may take at the end");
  absl::Status status = flags.Parse(argc, argv);
  for (const std::string& warning : flags.warnings()) log::Warning(warning);
  return status;
}

int Fail(const absl::Status& status) {
  fprintf(stderr, "prismatic-sandbox: %s\n", std::string(status.message()).c_str());
  return 1;
}

int Main(int argc, char** argv) {
  lifecycle::Process process;
  log::SetService("sandbox");
  Settings settings;
  absl::Status status = ReadSettings(argc, argv, settings);
  if (!status.ok()) return Fail(status);
  if (!settings.api_key.empty()) log::RegisterSecret(settings.api_key);

  metrics::Registry registry;
  std::unique_ptr<metrics::Exporter> exporter;
  if (!settings.metrics.empty()) {
    absl::StatusOr<std::unique_ptr<metrics::Exporter>> started =
        metrics::Exporter::Start(settings.metrics, registry);
    if (!started.ok()) return Fail(started.status());
    exporter = *std::move(started);
  }
  absl::StatusOr<std::shared_ptr<const Font>> font = Font::Load(settings.font);
  if (!font.ok()) log::Warning("pictures have no words", {{"reason", std::string(font.status().message())}});
  Sandbox sandbox({.font = font.ok() ? *font : nullptr, .api_key = settings.api_key, .metrics = &registry});

  http::ServerOptions options;
  options.address = settings.listen;
  options.connections_max = 4096;
  options.refuse = Sandbox::Refuse;
  absl::StatusOr<std::unique_ptr<http::Server>> server =
      http::Server::Start(std::move(options), [&sandbox](std::shared_ptr<const http::Request> request) {
        return sandbox.Handle(std::move(request));
      });
  if (!server.ok()) return Fail(server.status());
  log::Info("serving", {{"address", settings.listen}, {"port", (*server)->port()}});
  process.OnDrain("finish requests", [&] { (*server)->Drain(settings.drain); });
  process.RunUntilSignal();
  return 0;
}

}  // namespace
}  // namespace prismatic::sandbox

int main(int argc, char** argv) {
  return prismatic::sandbox::Main(argc, argv);
}
