#ifndef PRISMATIC_GATEWAY_GATEWAY_SERVER_H_
#define PRISMATIC_GATEWAY_GATEWAY_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/admin/admin_server.h"
#include "gateway/clients/billing_client.h"
#include "gateway/clients/provider_client.h"
#include "gateway/generation/generation.h"
#include "gateway/openai/api.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/config/flags.h"
#include "services/common/http/server.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/workers.h"

namespace prismatic::gateway {

struct GatewayOptions {
  // The public port.
  std::string listen = "127.0.0.1:8080";
  // What one client may take; Limits says why.
  http::Limits limits;
  // The admin port.
  admin::AdminOptions admin;
  // Bodies and answers in memory at once. New requests are refused while three quarters are taken. 512 MiB:
  // 16 of the largest bodies, or some hundred images.
  int64_t bytes_in_flight_max = int64_t{512} << 20;
  // Threads for JSON and coroutines.
  int workers = 2;
  // For main.
  lifecycle::DrainOptions drain;
  // How long a drain waits for generations; longer than the longest one with its settlement.
  absl::Duration drain_grace = absl::Seconds(335);

  void AddTo(config::Flags& flags);
};

// The gateway on top of its clients, whichever way those reach the other services. The clients, the
// catalog and the loop outlive it.
class GatewayServer {
 public:
  struct Parts {
    BillingClient* billing = nullptr;
    ProviderClient* provider = nullptr;
    const catalog_watch::CatalogHolder* catalog = nullptr;
    loop::Loop* loop = nullptr;
    // Where requests are read and coroutines resume.
    Executor* workers = nullptr;
    metrics::Registry* metrics = nullptr;
    // Of `bytes_in_flight_max`, shared with the provider client.
    ByteBudget* bytes_in_flight = nullptr;
  };
  // Fails when a port is taken.
  static absl::StatusOr<std::unique_ptr<GatewayServer>> Start(const GatewayOptions& options, Parts parts);

  int port() const { return http_->port(); }
  // 0 when there is none.
  int admin_port() const { return admin_ == nullptr ? 0 : admin_->port(); }
  // Readiness falls, no new generations, those begun are finished within the grace.
  void AddDrainSteps(lifecycle::Process& process);

 private:
  GatewayServer(const GatewayOptions& options, Parts parts);

  const GatewayOptions options_;
  Generation generation_;
  openai::Api api_;
  // Null: no admin port. Its playground uses the API.
  std::unique_ptr<admin::AdminServer> admin_;
  std::unique_ptr<http::Server> http_;
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GATEWAY_SERVER_H_
