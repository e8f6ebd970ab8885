#include "services/billing/billing_server.h"

#include <chrono>
#include <set>
#include <utility>

#include "services/billing/service.h"
#include "services/common/log/log.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/server.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

// How late health may be about Redis; callers see BILLING_UNAVAILABLE at once.
constexpr std::chrono::milliseconds kRedisLook(100);

}  // namespace

void AddFlags(config::Flags& flags, BillingOptions& options) {
  flags.Text("listen", &options.listen, "where callers connect, host:port");
  flags.Text("admin-listen", &options.admin_listen, "where administrators connect, host:port");
  flags.Text("metrics-listen", &options.metrics_listen, "where /metrics is served, host:port");
  flags.Text("redis", &options.redis, "where Redis is: redis://[user:password@]host[:port]");
  flags.Text("registry", &options.registry, "the registry's port for callers, host:port");
  flags.Text("admin-token-file", &options.admin_token_file, "the file that holds the admin port's token");
  flags.Require("admin-token-file");
  flags.List("trusted-meters", &options.trusted_meters,
             "names in client certificates that may reserve for an account without its key");
}

BillingServer::BillingServer() = default;

absl::StatusOr<std::unique_ptr<BillingServer>> BillingServer::Start(const BillingOptions& options,
                                                                    catalog_watch::CatalogHolder& catalog,
                                                                    loop::Loop& loop,
                                                                    metrics::Registry& metrics) {
  std::unique_ptr<BillingServer> server(new BillingServer());
  RETURN_IF_ERROR(server->Build(options, catalog, loop, metrics));
  return server;
}

absl::Status BillingServer::Build(const BillingOptions& options, catalog_watch::CatalogHolder& catalog,
                                  loop::Loop& loop, metrics::Registry& metrics) {
  ASSIGN_OR_RETURN(rpc::AdminToken token, rpc::AdminToken::FromFile(options.admin_token_file));
  ASSIGN_OR_RETURN(redis_, redis::Client::Create(loop, metrics, {.url = options.redis}));
  core_ = std::make_unique<BillingCore>(*redis_, catalog, metrics);
  std::set<std::string> meters(options.trusted_meters.begin(), options.trusted_meters.end());
  service_ = std::make_unique<BillingService>(core_->billing(), metrics, std::move(meters));
  admin_service_ = std::make_unique<BillingAdminService>(core_->admin(), metrics, std::move(token));
  ASSIGN_OR_RETURN(server_, rpc::Server::Start({.address = options.listen, .services = {service_.get()}}));
  ASSIGN_OR_RETURN(admin_server_,
                   rpc::Server::Start({.address = options.admin_listen, .services = {admin_service_.get()}}));
  redis_watch_ = std::thread([this] { WatchRedis(); });
  return absl::OkStatus();
}

BillingServer::~BillingServer() { Drain(absl::ZeroDuration()); }

int BillingServer::port() const { return server_->port(); }
int BillingServer::admin_port() const { return admin_server_->port(); }

void BillingServer::WatchRedis() {
  bool serving = false;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    bool connected = redis_->connected();
    if (connected != serving) {
      serving = connected;
      server_->SetServing(serving);
      admin_server_->SetServing(serving);
      log::Info(serving ? "billing is ready" : "billing is not ready: no Redis");
    }
    wake_.wait_for(lock, kRedisLook, [this] { return stopping_; });
  }
}

void BillingServer::Drain(absl::Duration grace) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (redis_watch_.joinable()) redis_watch_.join();
  if (server_ != nullptr) server_->Shutdown(grace);
  if (admin_server_ != nullptr) admin_server_->Shutdown(grace);
}

}  // namespace prismatic::billing
