#include "gateway/admin/admin_server.h"

#include <utility>

namespace prismatic::gateway::admin {
namespace {

// People and scripts, not clients: more at once is a mistake of somebody's.
constexpr int kRequestsMax = 200;
constexpr int kConnectionsMax = 1'000;
// Of its own, so that a full public port does not keep operators out; some catalogs at once, or some
// pictures. Small bodies are read even when it is used up, so that whoever takes it all, with made-up
// credentials, say, does not keep others from switching a provider off: 16 MiB for kConnectionsMax of them.
constexpr int64_t kBytesInFlightMax = int64_t{128} << 20;

http::Limits AdminLimits() {
  http::Limits limits;
  limits.fields = http::Fields::kAdmin;
  limits.requests_max = kRequestsMax;
  limits.connections_max = kConnectionsMax;
  limits.body_bytes_max = kLargeBodyBytesMax;
  limits.body_bytes_reserved = kBodyBytesMax;
  return limits;
}

}  // namespace

void AdminOptions::AddTo(config::Flags& flags) {
  flags.Text("admin-listen", &listen,
             "the admin port for the page and its API, a numeric address and a port; empty: none");
  flags.List(
      "admin-trusted-proxies", &trusted_proxies,
      "addresses or ranges (10.0.0.0/8) of the proxies in front of the admin port: from them the last "
      "address of X-Forwarded-For that is no proxy's own counts as the client's when logins are limited; "
      "name the proxies alone, not the network that people come from");
}

AdminServer::AdminServer(const AdminOptions& options, Read read, Parts parts)
    : proxies_(std::move(read.proxies)),
      clients_(options.targets, std::move(read.billing_token), parts.workers, *parts.metrics),
      api_({.parts = {.clients = &clients_,
                      .catalog = parts.catalog,
                      .api = parts.api,
                      .exports = &exports_,
                      .proxies = &proxies_},
            .metrics = parts.metrics}),
      bytes_(kBytesInFlightMax) {}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const AdminOptions& options, Parts parts) {
  absl::StatusOr<rpc::AdminToken> token = rpc::AdminToken::FromFile(options.billing_token_file);
  if (!token.ok()) return token.status();
  absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse(options.trusted_proxies);
  if (!proxies.ok()) return proxies.status();
  std::unique_ptr<AdminServer> server(
      new AdminServer(options, {*std::move(token), *std::move(proxies)}, parts));
  http::ServerOptions http_options;
  http_options.address = options.listen;
  http_options.limits = AdminLimits();
  http_options.limits.body_bytes_max_for = [api = &server->api_](const http::Head& head) {
    return api->BodyBytesMax(head);
  };
  http_options.workers = parts.workers;
  http_options.budget = &server->bytes_;
  http_options.metrics = parts.metrics;
  http_options.metrics_prefix = "prismatic_admin_http";
  http_options.refuse = [api = &server->api_](int status) { return api->Refuse(status); };
  auto http = http::Server::Start(std::move(http_options), [api = &server->api_](auto request) {
    return api->Handle(std::move(request));
  });
  if (!http.ok()) return http.status();
  server->http_ = *std::move(http);
  return server;
}

}  // namespace prismatic::gateway::admin
