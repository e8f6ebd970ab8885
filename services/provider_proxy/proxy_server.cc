#include "services/provider_proxy/proxy_server.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/rpc/server.h"
#include "services/common/status/status_macros.h"
#include "services/provider_proxy/service.h"

namespace prismatic::provider_proxy {

void AddFlags(config::Flags& flags, ProxyOptions& options) {
  flags.Text("listen", &options.listen, "where callers connect, host:port");
  flags.Text("metrics-listen", &options.metrics_listen, "where /metrics is served, host:port");
  flags.Text("registry", &options.registry, "model-registry's callers' port");
  flags.Text("credentials-dir", &options.credentials_dir,
             "folder of the files that `file:` credentials name");
  flags.Text("upstream-ca-file", &options.upstream_ca_file,
             "PEM file of the authorities that upstreams' certificates come from; empty: the system's");
  flags.Integer("workers", &options.workers, 1, 256, "threads for JSON, base64 and image checks");
}

ProxyServer::ProxyServer() = default;

ProxyServer::~ProxyServer() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<ProxyServer>> ProxyServer::Start(const ProxyOptions& options,
                                                                catalog_watch::CatalogHolder& catalog,
                                                                loop::Loop& loop, Workers& workers,
                                                                metrics::Registry& metrics) {
  struct stat folder;
  if (!options.credentials_dir.empty() &&
      (stat(options.credentials_dir.c_str(), &folder) != 0 || !S_ISDIR(folder.st_mode))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--credentials-dir ", options.credentials_dir, " is no folder"));
  }
  std::unique_ptr<ProxyServer> server(new ProxyServer());
  server->proxy_ = std::make_unique<ProviderProxy>(
      ProviderProxy::Parts{.loop = loop,
                           .workers = workers,
                           .metrics = metrics,
                           .catalog = catalog,
                           .credentials = Credentials::FromProcess(options.credentials_dir),
                           .http = {.ca_file = options.upstream_ca_file}});
  server->service_ = std::make_unique<ProviderProxyService>(*server->proxy_, metrics);
  ASSIGN_OR_RETURN(server->server_, rpc::Server::Start({.address = options.listen,
                                                        .services = {server->service_.get()},
                                                        .message_bytes_max = kMessageBytesMax}));
  rpc::Server* port = server->server_.get();
  server->subscription_ = catalog.Subscribe([port](const auto&) { port->SetServing(true); });
  if (catalog.ready()) port->SetServing(true);
  return server;
}

int ProxyServer::port() const { return server_->port(); }

void ProxyServer::Drain(absl::Duration grace) {
  subscription_ = catalog_watch::CatalogHolder::Subscription();
  if (server_ != nullptr) server_->Shutdown(grace);
}

}  // namespace prismatic::provider_proxy
