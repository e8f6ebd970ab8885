#include "services/model_registry/registry_server.h"

#include <optional>
#include <utility>

#include "services/common/log/log.h"
#include "services/common/redis/client.h"
#include "services/common/rpc/channel.h"
#include "services/common/status/status_macros.h"

namespace prismatic::model_registry {
namespace {

// A catalog is the largest message of the callers' port; the suite's limit for it.
constexpr int64_t kCatalogBytesMax = int64_t{64} << 20;
// Room for a text of 8 MiB, and one that is too large and gets an answer that says so.
constexpr int64_t kAdminBytesMax = int64_t{64} << 20;

}  // namespace

void AddFlags(config::Flags& flags, RegistryOptions& options) {
  flags.Text("listen", &options.listen, "where callers connect, host:port");
  flags.Text("admin-listen", &options.admin_listen, "where administrators connect, host:port");
  flags.Text("metrics-listen", &options.metrics_listen, "where /metrics is served, host:port");
  flags.Text("redis", &options.redis, "where Redis is; docs/how-to/redis.md has the forms of its URL");
  flags.Text("catalog", &options.catalog, "the catalog file to import; empty: none");
  flags.Text("admin-token-file", &options.admin_token_file, "the file that holds the admin port's token");
  flags.Require("admin-token-file");
  rpc::AddConnectionAgeFlag(flags, &options.connection_age);
  options.drain.AddTo(flags);
  AddOperatorFlags(flags, options);
}

void AddOperatorFlags(config::Flags& flags, RegistryOptions& options) {
  flags.Text("owner-password-file", &options.owner_password_file,
             "the file to make for the first owner's password, when there is no operator yet; empty: it is "
             "printed");
}

absl::StatusOr<std::unique_ptr<RegistryServer>> RegistryServer::Start(const RegistryOptions& options,
                                                                      loop::Loop& loop,
                                                                      metrics::Registry& metrics) {
  std::unique_ptr<RegistryServer> server(new RegistryServer());
  RETURN_IF_ERROR(server->Build(options, loop, metrics));
  return server;
}

absl::Status RegistryServer::Build(const RegistryOptions& options, loop::Loop& loop,
                                   metrics::Registry& metrics) {
  std::optional<CatalogFile> file;
  if (!options.catalog.empty()) {
    ASSIGN_OR_RETURN(file, ReadCatalogFile(options.catalog));
  }
  ASSIGN_OR_RETURN(rpc::AdminToken token, rpc::AdminToken::FromFile(options.admin_token_file));
  ASSIGN_OR_RETURN(redis_, redis::Client::Create(loop, metrics, {.url = options.redis}));
  BuildOperators(std::move(token), metrics);
  registry_ = std::make_unique<Registry>(loop, metrics, *redis_, std::move(file));
  service_ = std::make_unique<RegistryService>(*registry_, metrics);
  admin_service_ = std::make_unique<RegistryAdminService>(
      *registry_, metrics, *authority_, [this] { return operators_->FirstPasswordInUse(); });
  ASSIGN_OR_RETURN(server_, rpc::Server::Start({.address = options.listen,
                                                .services = {service_.get()},
                                                .message_bytes_max = kCatalogBytesMax,
                                                .connection_age = options.connection_age}));
  ASSIGN_OR_RETURN(admin_server_,
                   rpc::Server::Start({.address = options.admin_listen,
                                       .services = {admin_service_.get(), operators_service_.get()},
                                       .message_bytes_max = kAdminBytesMax,
                                       .connection_age = options.connection_age}));
  registry_->Start([this](bool ready) {
    log::Info(ready ? "registry is ready" : "registry is not ready");
    ShowReady([ready](Readiness& now) {
      now.registry = ready;
      now.catalog |= ready;
    });
  });
  first_owner_ =
      std::make_unique<FirstOwner>(loop, *operator_store_, *passwords_, options.owner_password_file,
                                   [this] { ShowReady([](Readiness& now) { now.operators = true; }); });
  return absl::OkStatus();
}

void RegistryServer::BuildOperators(rpc::AdminToken token, metrics::Registry& metrics) {
  passwords_ = std::make_unique<Passwords>();
  operator_store_ = std::make_unique<OperatorStore>(*redis_);
  authority_ = std::make_unique<Authority>(*operator_store_, std::move(token));
  operators_ = std::make_unique<Operators>(*operator_store_, *passwords_);
  operators_service_ = std::make_unique<OperatorsService>(*operators_, *authority_, metrics);
}

void RegistryServer::ShowReady(const std::function<void(Readiness&)>& change) {
  std::lock_guard<std::mutex> lock(mutex_);
  change(readiness_);
  // Watches and reads go on while Redis is away.
  server_->SetServing(readiness_.catalog);
  // Whoever waits for the admin port may log in from then on.
  admin_server_->SetServing(readiness_.registry && readiness_.operators);
}

RegistryServer::~RegistryServer() { Drain(absl::ZeroDuration()); }

void RegistryServer::StopBeingReady() {
  server_->StopBeingReady();
  admin_server_->StopBeingReady();
}

void RegistryServer::Drain(absl::Duration grace) {
  if (registry_ == nullptr) return;
  registry_->Stop();
  first_owner_.reset();
  if (service_ != nullptr) service_->EndWatches();
  if (server_ != nullptr) server_->Shutdown(grace);
  if (admin_server_ != nullptr) admin_server_->Shutdown(grace);
}

}  // namespace prismatic::model_registry
