#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_SERVER_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_SERVER_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "services/common/config/flags.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/server.h"
#include "services/model_registry/operators/authority.h"
#include "services/model_registry/operators/first_owner.h"
#include "services/model_registry/operators/operators.h"
#include "services/model_registry/operators/operators_service.h"
#include "services/model_registry/registry.h"
#include "services/model_registry/service.h"

namespace prismatic::model_registry {

struct RegistryOptions {
  // The callers' port, host:port; port 0 picks one.
  std::string listen = "127.0.0.1:7101";
  std::string admin_listen = "127.0.0.1:7102";
  // For main; a RegistryServer itself does not open it.
  std::string metrics_listen = "127.0.0.1:9465";
  std::string redis = "redis://127.0.0.1:6379";
  // The catalog file; empty: the store alone counts.
  std::string catalog;
  // Required.
  std::string admin_token_file;
  // Where the first owner's password is written, should there be no operator; empty: on standard output.
  std::string owner_password_file;
  // Of a connection to either port.
  absl::Duration connection_age = rpc::kConnectionAge;
  // For main.
  lifecycle::DrainOptions drain;
};

// Makes each option a flag of the program.
void AddFlags(config::Flags& flags, RegistryOptions& options);
// Those about operators alone: for a program that names the others itself.
void AddOperatorFlags(config::Flags& flags, RegistryOptions& options);

// The whole service but for its process: core, both gRPC ports, health. Starts without waiting for
// Redis and says NOT_SERVING until it has answered; from then on the callers' port is SERVING, whose answers
// need no Redis, and the admin port is while Redis answers. Destroyed before the loop and the metrics, not on
// the loop's thread.
class RegistryServer {
 public:
  // Fails on a bad catalog file, token file or Redis URL, or a taken port.
  static absl::StatusOr<std::unique_ptr<RegistryServer>> Start(const RegistryOptions& options,
                                                               loop::Loop& loop, metrics::Registry& metrics);
  ~RegistryServer();

  Registry& registry() { return *registry_; }
  Operators& operators() { return *operators_; }
  int port() const { return server_->port(); }
  int admin_port() const { return admin_server_->port(); }

  // Health says so; calls are served all the same.
  void StopBeingReady();
  // Ends the watches and takes no new calls; those in flight have `grace`. Blocks. Idempotent.
  void Drain(absl::Duration grace);

 private:
  RegistryServer() = default;
  struct Readiness {
    // Redis answers.
    bool registry = false;
    // It has: there is a catalog to read and to watch.
    bool catalog = false;
    // There are some, or nothing more can be done for it.
    bool operators = false;
  };

  absl::Status Build(const RegistryOptions& options, loop::Loop& loop, metrics::Registry& metrics);
  void BuildOperators(rpc::AdminToken token, metrics::Registry& metrics);
  // Says on both ports what is so after the change.
  void ShowReady(const std::function<void(Readiness&)>& change);

  // In the order in which they depend on one another.
  std::unique_ptr<redis::Client> redis_;
  std::unique_ptr<Passwords> passwords_;
  std::unique_ptr<OperatorStore> operator_store_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<Operators> operators_;
  std::unique_ptr<OperatorsService> operators_service_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<RegistryService> service_;
  std::unique_ptr<RegistryAdminService> admin_service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rpc::Server> admin_server_;

  std::mutex mutex_;
  Readiness readiness_;                      // guarded by mutex_
  std::unique_ptr<FirstOwner> first_owner_;  // ends first
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_SERVER_H_
