#ifndef PRISMATIC_GATEWAY_ADMIN_ADMIN_SERVER_H_
#define PRISMATIC_GATEWAY_ADMIN_ADMIN_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/admin/admin_api.h"
#include "gateway/admin/admin_clients.h"
#include "gateway/admin/exports.h"
#include "gateway/admin/trusted_proxies.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/config/flags.h"
#include "services/common/http/server.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::gateway::admin {

struct AdminOptions {
  // The admin port; empty: there is none.
  std::string listen = "127.0.0.1:8081";
  // Where the others are.
  AdminClients::Targets targets;
  // The token of billing's admin port.
  std::string billing_token_file;

  // Addresses and ranges of the proxies in front of the port; see TrustedProxies.
  std::vector<std::string> trusted_proxies;

  // Of the port alone: where the others are is for the process to know that hosts them, or does not.
  void AddTo(config::Flags& flags);
};

// The admin port: the API and the page. Holds no state.
class AdminServer {
 public:
  struct Parts {
    openai::Api* api = nullptr;
    const catalog_watch::CatalogHolder* catalog = nullptr;
    Executor* workers = nullptr;
    metrics::Registry* metrics = nullptr;
  };
  // What `parts` name outlives it. Fails when the port is taken, the token cannot be read, or a proxy is
  // none.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const AdminOptions& options, Parts parts);

  int port() const { return http_->port(); }
  // See http::Server.
  void CloseAfterAnswers() { http_->CloseAfterAnswers(); }
  void Drain(absl::Duration grace) { http_->Drain(grace); }

 private:
  // What is read from its options before it can begin.
  struct Read {
    rpc::AdminToken billing_token;
    TrustedProxies proxies;
  };
  AdminServer(const AdminOptions& options, Read read, Parts parts);

  const TrustedProxies proxies_;
  Exports exports_;
  AdminClients clients_;
  AdminApi api_;
  ByteBudget bytes_;
  // Last: its requests use the others.
  std::unique_ptr<http::Server> http_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ADMIN_SERVER_H_
