#ifndef PRISMATIC_SERVICES_COMMON_HTTP_SERVER_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/byte_budget/byte_budget.h"
#include "services/common/http/limits.h"
#include "services/common/http/message.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::http {

struct ServerOptions {
  // A numeric address and a port; port 0 picks one.
  std::string address;
  Limits limits;
  // Where requests are parsed and handlers begin; outlives the server. Required.
  Executor* workers = nullptr;
  // Counts bodies and answers in memory: while three quarters are taken, requests with a body are refused
  // with 503, but those within Limits::body_bytes_reserved. Outlives the server. Null: not counted.
  ByteBudget* budget = nullptr;
  // Null: no metrics.
  metrics::Registry* metrics = nullptr;
  // What its metrics' names begin with; servers that share a registry have different ones.
  std::string metrics_prefix = "prismatic_http";
  // What answers requests that no handler sees: 400, 405, 408, 413, 414, 415, 417, 431, 500, 501, 503, 505.
  // Must not block. Absent: an empty body.
  std::function<Response(int status)> refuse;
};

// <prefix>_rejected_total{reason}, which the server counts in when no handler sees a request (`overload`,
// `too_large`, `bad_request`, `timeout_head`, `timeout_body`), and a handler with what it turns away itself.
metrics::Counter RejectedCounter(metrics::Registry& registry, const std::string& prefix,
                                 const std::string& reason);

// The HTTP door. A gate of its own owns all connections on one thread, checks their framing and holds slow
// ones; cpp-httplib parses complete requests; every one of them, whatever its path and method, goes to one
// handler, which may take its time and holds no thread while it waits. Requests of one connection are
// answered in order. A request whose client hangs up (also: closes its sending half) is cancelled.
class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options, Handler handler);
  // Drains with a grace of 0.
  ~Server();
  int port() const;

  // From now on every answer is the last on its connection, so that clients and the pools of proxies look
  // elsewhere while everything is still served. Idempotent.
  void CloseAfterAnswers();
  // Stops accepting, lets requests in flight finish within `grace`, cancels the others, closes everything,
  // and returns when every handler has ended. Answers sent meanwhile carry `Connection: close`. Idempotent.
  void Drain(absl::Duration grace);

 private:
  Server();
  struct Impl;
  int port_ = 0;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_SERVER_H_
