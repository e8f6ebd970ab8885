#ifndef PRISMATIC_SERVICES_BILLING_BILLING_SERVER_H_
#define PRISMATIC_SERVICES_BILLING_BILLING_SERVER_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/billing/billing_core.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/config/flags.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/client.h"
#include "services/common/rpc/server.h"

namespace prismatic::billing {

class BillingService;
class BillingAdminService;
class LedgerTails;

struct BillingOptions {
  // The callers' port, host:port; port 0 picks one.
  std::string listen = "127.0.0.1:7201";
  std::string admin_listen = "127.0.0.1:7202";
  // For main; a BillingServer itself does not open it.
  std::string metrics_listen = "127.0.0.1:9466";
  std::string redis = "redis://127.0.0.1:6379";
  // The registry's callers' port. For main: a BillingServer is given the catalog.
  std::string registry = "127.0.0.1:7101";
  // Required.
  std::string admin_token_file;
  // Where callers show a certificate, as they must to be trusted meters; empty: there is no such port. PEM
  // files.
  std::string meters_listen;
  std::string meters_cert_file;
  std::string meters_key_file;
  std::string meters_client_ca_file;
  // Names in client certificates that may reserve for an account by its name.
  std::vector<std::string> trusted_meters;
  // Of a connection to any of the ports.
  absl::Duration connection_age = rpc::kConnectionAge;
  // For main.
  lifecycle::DrainOptions drain;
};

// Makes each option a flag of the program.
void AddFlags(config::Flags& flags, BillingOptions& options);
// Those of trusted meters alone.
void AddMeterFlags(config::Flags& flags, BillingOptions& options);

// The whole service but for its process: core, both gRPC ports, health. Starts without waiting for Redis
// and says NOT_SERVING while it is away; the callers' port also until the first catalog comes, though for 10
// s at most. Destroyed before catalog, loop and metrics, not on the loop's thread.
class BillingServer {
 public:
  // Fails on a bad token file or Redis URL, or a taken port.
  static absl::StatusOr<std::unique_ptr<BillingServer>> Start(const BillingOptions& options,
                                                              catalog_watch::CatalogHolder& catalog,
                                                              loop::Loop& loop, metrics::Registry& metrics);
  ~BillingServer();

  // For callers in the same process. Their calls end before the server goes.
  Billing& billing() { return core_->billing(); }
  Admin& admin() { return core_->admin(); }
  redis::Client& redis() { return *redis_; }
  int port() const;
  int admin_port() const;

  // Health says so; calls are served all the same.
  void StopBeingReady();
  // Takes no new calls; those in flight have `grace`. Blocks. Idempotent.
  void Drain(absl::Duration grace);

 private:
  BillingServer();
  absl::Status Build(const BillingOptions& options, catalog_watch::CatalogHolder& catalog, loop::Loop& loop,
                     metrics::Registry& metrics);
  // Logs what of Redis' settings does not keep what must last.
  void CheckRedis();
  // Tells health whether Redis is there and the first catalog has come, and looks at the settings of each
  // server of Redis once, until stopped.
  void WatchReadiness(const catalog_watch::CatalogHolder& catalog);

  // In the order in which they depend on one another.
  std::unique_ptr<redis::Client> redis_;
  std::unique_ptr<BillingCore> core_;
  std::unique_ptr<BillingService> service_;
  std::unique_ptr<LedgerTails> tails_;
  std::unique_ptr<BillingAdminService> admin_service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rpc::Server> admin_server_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread readiness_watch_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_BILLING_SERVER_H_
