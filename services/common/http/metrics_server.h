#ifndef PRISMATIC_SERVICES_COMMON_HTTP_METRICS_SERVER_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_METRICS_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/common/http/server.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::http {

// Serves GET /metrics on a port of its own, in the Prometheus text format, until destroyed.
class MetricsServer {
 public:
  // `address` is a numeric address and a port; port 0 picks one. UNAVAILABLE when it is taken.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              const metrics::Registry& registry);
  int port() const { return server_->port(); }

 private:
  // Writing the text takes about a millisecond and never waits: it is done on the gate's own thread.
  class OnTheSpot : public Executor {
   public:
    void Post(std::function<void()> work) override { work(); }
  };
  OnTheSpot executor_;
  std::unique_ptr<Server> server_;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_METRICS_SERVER_H_
