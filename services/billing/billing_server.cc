#include "services/billing/billing_server.h"

#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "services/billing/admin_service.h"
#include "services/billing/ledger_tail.h"
#include "services/billing/service.h"
#include "services/common/log/log.h"
#include "services/common/redis/durability.h"
#include "services/common/rpc/channel.h"
#include "services/common/status/status_macros.h"

namespace prismatic::billing {
namespace {

// How late health may be about Redis; callers see BILLING_UNAVAILABLE at once.
constexpr std::chrono::milliseconds kRedisLook(100);
// A replica that has just started would refuse reservations until its first catalog comes. When none comes
// (the registry is away), settlements shall not wait for it, which need none.
constexpr absl::Duration kCatalogWait = absl::Seconds(10);

}  // namespace

void AddFlags(config::Flags& flags, BillingOptions& options) {
  flags.Text("listen", &options.listen, "where callers connect, host:port");
  flags.Text("admin-listen", &options.admin_listen, "where administrators connect, host:port");
  flags.Text("metrics-listen", &options.metrics_listen, "where /metrics is served, host:port");
  flags.Text("redis", &options.redis, "where Redis is; docs/how-to/redis.md has the forms of its URL");
  flags.Text("registry", &options.registry, "the registry's port for callers, host:port");
  flags.Text("admin-token-file", &options.admin_token_file, "the file that holds the admin port's token");
  flags.Require("admin-token-file");
  rpc::AddConnectionAgeFlag(flags, &options.connection_age);
  options.drain.AddTo(flags);
  AddMeterFlags(flags, options);
}

void AddMeterFlags(config::Flags& flags, BillingOptions& options) {
  flags.Text("meters-listen", &options.meters_listen,
             "where callers with a client certificate connect, host:port; empty: nowhere");
  flags.Text("meters-cert-file", &options.meters_cert_file, "PEM file of that port's certificate");
  flags.Text("meters-key-file", &options.meters_key_file, "PEM file of its key");
  flags.Text("meters-client-ca-file", &options.meters_client_ca_file,
             "PEM file of the authorities whose clients are let in at that port");
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
  tails_ = std::make_unique<LedgerTails>(core_->ledger(), loop, metrics);
  admin_service_ = std::make_unique<BillingAdminService>(core_->admin(), *tails_, metrics, std::move(token));
  rpc::TlsPort meters_port = {options.meters_listen, options.meters_cert_file, options.meters_key_file,
                              options.meters_client_ca_file};
  ASSIGN_OR_RETURN(server_, rpc::Server::Start({.address = options.listen,
                                                .tls = meters_port,
                                                .services = {service_.get()},
                                                .connection_age = options.connection_age}));
  ASSIGN_OR_RETURN(admin_server_, rpc::Server::Start({.address = options.admin_listen,
                                                      .services = {admin_service_.get()},
                                                      .connection_age = options.connection_age}));
  readiness_watch_ = std::thread([this, &catalog] { WatchReadiness(catalog); });
  return absl::OkStatus();
}

BillingServer::~BillingServer() { Drain(absl::ZeroDuration()); }

int BillingServer::port() const { return server_->port(); }
int BillingServer::admin_port() const { return admin_server_->port(); }

void BillingServer::CheckRedis() {
  absl::StatusOr<std::vector<redis::DurabilityFinding>> findings = Wait(redis::CheckDurability(*redis_));
  if (findings.ok()) return redis::LogFindings(*findings);
  log::Warning("the settings of Redis could not be looked at", {{"error", findings.status().message()}});
}

void BillingServer::WatchReadiness(const catalog_watch::CatalogHolder& catalog) {
  const absl::Time catalog_due = absl::Now() + kCatalogWait;
  bool serving = false, ready = false;
  std::optional<uint64_t> checked;  // in which history
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    bool connected = redis_->connected();
    if (connected != std::exchange(serving, connected)) admin_server_->SetServing(serving);
    bool able = connected && (catalog.ready() || absl::Now() >= catalog_due);
    if (able != std::exchange(ready, able)) {
      server_->SetServing(ready);
      log::Info(ready ? "billing is ready" : "billing is not ready: no Redis");
    }
    uint64_t history = redis_->replication().changes;
    if (connected && checked != history) {
      checked = history;
      lock.unlock();
      CheckRedis();
      lock.lock();
    }
    wake_.wait_for(lock, kRedisLook, [this] { return stopping_; });
  }
}

void BillingServer::StopBeingReady() {
  server_->StopBeingReady();
  admin_server_->StopBeingReady();
}

void BillingServer::Drain(absl::Duration grace) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (readiness_watch_.joinable()) readiness_watch_.join();
  // They would go on for ever.
  if (tails_ != nullptr) tails_->End();
  if (server_ != nullptr) server_->Shutdown(grace);
  if (admin_server_ != nullptr) admin_server_->Shutdown(grace);
}

}  // namespace prismatic::billing
