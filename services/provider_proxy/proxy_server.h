#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_SERVER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/config/flags.h"
#include "services/common/lifecycle/lifecycle.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/server.h"
#include "services/common/task/workers.h"
#include "services/provider_proxy/provider_proxy.h"

namespace prismatic::provider_proxy {

class ProviderProxyService;

struct ProxyOptions {
  // host:port; port 0 picks one.
  std::string listen = "127.0.0.1:7301";
  // For main; a ProxyServer itself does not open it.
  std::string metrics_listen = "127.0.0.1:9467";
  // The registry's callers' port. For main: a ProxyServer is given the catalog.
  std::string registry = "127.0.0.1:7101";
  // Where `file:` credentials are. Empty: there are none.
  std::string credentials_dir;
  // Certificate authorities of upstreams, instead of the system's. Empty: the system's.
  std::string upstream_ca_file;
  // The HTTP proxy to reach upstreams through, for providers whose catalog entry names none. Empty: none.
  std::string egress_proxy;
  // A generation with all its calls; less than what callers wait for.
  absl::Duration generation_time = absl::Seconds(295);
  // Requests and results in memory at once. Results that do not fit wait unread. For main: in the
  // all-in-one it is the gateway's. 512 MiB: some hundred images.
  int64_t bytes_in_flight_max = int64_t{512} << 20;
  // Threads for JSON, base64 and image checks. For main.
  int workers = 2;
  // Of a connection to the port.
  absl::Duration connection_age = rpc::kConnectionAge;
  // For main.
  lifecycle::DrainOptions drain;
};

// Makes each option a flag of the program.
void AddFlags(config::Flags& flags, ProxyOptions& options);
// Those of them that are not addresses or sizes of the process: for a program with several services.
void AddUpstreamFlags(config::Flags& flags, ProxyOptions& options);

// The whole service but for its process: core, gRPC port, health, which is SERVING as soon as there is
// a catalog. Destroyed before catalog, workers, loop and metrics, not on the loop's thread.
class ProxyServer {
 public:
  // Fails on a credentials folder that is none, or a taken port.
  static absl::StatusOr<std::unique_ptr<ProxyServer>> Start(const ProxyOptions& options,
                                                            catalog_watch::CatalogHolder& catalog,
                                                            loop::Loop& loop, Workers& workers,
                                                            metrics::Registry& metrics,
                                                            ByteBudget* bytes_in_flight);
  ~ProxyServer();

  // For callers in the same process. Their calls end before the server goes.
  ProviderProxy& proxy() { return *proxy_; }
  int port() const;

  // Health says so; calls are served all the same.
  void StopBeingReady();
  // Takes no new calls; those in flight have `grace`, then they are cancelled. Blocks. Idempotent.
  void Drain(absl::Duration grace);

 private:
  ProxyServer();

  // In the order in which they depend on one another.
  std::unique_ptr<ProviderProxy> proxy_;
  std::unique_ptr<ProviderProxyService> service_;
  std::unique_ptr<rpc::Server> server_;
  catalog_watch::CatalogHolder::Subscription subscription_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROXY_SERVER_H_
