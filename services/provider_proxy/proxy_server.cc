#include "services/provider_proxy/proxy_server.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/log/log.h"
#include "services/common/status/status_macros.h"
#include "services/provider_proxy/service.h"

namespace prismatic::provider_proxy {

namespace {

// It may hold a password, which then is kept out of the logs.
absl::Status CheckEgressProxy(const std::string& proxy) {
  if (proxy.empty()) return absl::OkStatus();
  absl::string_view rest = proxy;
  if (!absl::ConsumePrefix(&rest, "http://") || rest.empty() || absl::StrContains(rest, '/')) {
    return absl::InvalidArgumentError("--egress-proxy must be http://[user:password@]host:port");
  }
  size_t at = rest.rfind('@');
  if (at == absl::string_view::npos) return absl::OkStatus();
  absl::string_view user = rest.substr(0, at);
  size_t colon = user.find(':');
  if (colon != absl::string_view::npos) log::RegisterSecret(std::string(user.substr(colon + 1)));
  return absl::OkStatus();
}

}  // namespace

void AddFlags(config::Flags& flags, ProxyOptions& options) {
  flags.Text("listen", &options.listen, "where callers connect, host:port");
  flags.Text("metrics-listen", &options.metrics_listen, "where /metrics is served, host:port");
  flags.Text("registry", &options.registry, "model-registry's callers' port");
  flags.Bytes("bytes-in-flight-max", &options.bytes_in_flight_max, 1 << 20, int64_t{1} << 40,
              "requests and results in memory; results that do not fit wait unread");
  rpc::AddConnectionAgeFlag(flags, &options.connection_age);
  options.drain.AddTo(flags);
  AddUpstreamFlags(flags, options);
  flags.Integer("workers", &options.workers, 1, 256, "threads for JSON, base64 and image checks");
}

void AddUpstreamFlags(config::Flags& flags, ProxyOptions& options) {
  flags.Text("credentials-dir", &options.credentials_dir,
             "folder of the files that `file:` credentials name");
  flags.Text("upstream-ca-file", &options.upstream_ca_file,
             "PEM file of the authorities that upstreams' certificates come from; empty: the system's");
  flags.Text("egress-proxy", &options.egress_proxy,
             "HTTP proxy to upstreams, http://[user:password@]host:port, unless the catalog names another");
  flags.Duration("generation-time", &options.generation_time, absl::Seconds(1), absl::Seconds(295),
                 "a generation with all its upstream calls takes at most this long");
}

ProxyServer::ProxyServer() = default;

ProxyServer::~ProxyServer() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<ProxyServer>> ProxyServer::Start(const ProxyOptions& options,
                                                                catalog_watch::CatalogHolder& catalog,
                                                                loop::Loop& loop, Workers& workers,
                                                                metrics::Registry& metrics,
                                                                ByteBudget* bytes_in_flight) {
  struct stat folder;
  if (!options.credentials_dir.empty() &&
      (stat(options.credentials_dir.c_str(), &folder) != 0 || !S_ISDIR(folder.st_mode))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--credentials-dir ", options.credentials_dir, " is no folder"));
  }
  absl::Status proxy_known = CheckEgressProxy(options.egress_proxy);
  if (!proxy_known.ok()) return proxy_known;
  std::unique_ptr<ProxyServer> server(new ProxyServer());
  server->proxy_ = std::make_unique<ProviderProxy>(
      ProviderProxy::Parts{.loop = loop,
                           .workers = workers,
                           .metrics = metrics,
                           .catalog = catalog,
                           .bytes_in_flight = bytes_in_flight,
                           .credentials = Credentials::FromProcess(options.credentials_dir),
                           .http = {.ca_file = options.upstream_ca_file},
                           .egress_proxy = options.egress_proxy,
                           .generation_max = options.generation_time});
  server->service_ = std::make_unique<ProviderProxyService>(*server->proxy_, metrics);
  ASSIGN_OR_RETURN(server->server_, rpc::Server::Start({.address = options.listen,
                                                        .services = {server->service_.get()},
                                                        .message_bytes_max = kMessageBytesMax,
                                                        .connection_age = options.connection_age}));
  rpc::Server* port = server->server_.get();
  server->subscription_ = catalog.Subscribe([port](const auto&) { port->SetServing(true); });
  if (catalog.ready()) port->SetServing(true);
  return server;
}

int ProxyServer::port() const { return server_->port(); }

void ProxyServer::StopBeingReady() { server_->StopBeingReady(); }

void ProxyServer::Drain(absl::Duration grace) {
  subscription_ = catalog_watch::CatalogHolder::Subscription();
  if (server_ != nullptr) server_->Shutdown(grace);
}

}  // namespace prismatic::provider_proxy
