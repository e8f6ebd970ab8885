#ifndef PRISMATIC_GATEWAY_ADMIN_ADMIN_API_H_
#define PRISMATIC_GATEWAY_ADMIN_ADMIN_API_H_

#include <memory>
#include <string>

#include "gateway/admin/endpoint.h"
#include "gateway/admin/page.h"
#include "gateway/admin/router.h"
#include "services/common/http/head.h"
#include "services/common/http/message.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::gateway::admin {

// Every endpoint of the room.
Endpoints AllEndpoints();

// The admin API and its page, without a socket. Every call is decided in this order: path and method, the
// body's type, the credential's form, for cookies whether it is our own page that asks, what the registry
// says of the credential, the role, the body's JSON; then the endpoint's handler. Nothing is remembered
// between calls, so that a session that was ended is refused at once, at any gateway. One log line and one
// metric per request. Thread-safe.
class AdminApi {
 public:
  struct Options {
    AdminParts parts;
    metrics::Registry* metrics = nullptr;
  };
  explicit AdminApi(Options options);

  // Takes the request's body.
  Task<http::Response> Handle(std::shared_ptr<http::Request> request);
  // For what the HTTP server refuses before a handler sees it.
  http::Response Refuse(int status) const;
  // How large the body of a request with this head may be. More than a small one only where one is needed,
  // and from who shows a credential, whatever that is worth: strangers must not fill the memory.
  int64_t BodyBytesMax(const http::Head& head) const;

 private:
  // A request on its way through the decisions.
  struct Asked {
    std::string request_id;
    TraceContext trace;
    std::string method;
    // A fixed name: the endpoint's path, or `page`, `healthz`, ...
    const char* route = "unknown";
    std::string actor;
    absl::Time started;
  };
  Task<http::Response> Serve(std::shared_ptr<Asked> asked, std::shared_ptr<http::Request> request);
  Task<Answer> ServeEndpoint(std::shared_ptr<Asked> asked, std::shared_ptr<AdminCall> call,
                             const Endpoint* endpoint, std::shared_ptr<http::Request> request);
  // Who calls; or the answer to who may not.
  Task<absl::StatusOr<Caller>> Admit(CallPtr call, Access least);
  // Page, description, health; nothing for other paths.
  std::optional<http::Response> Static(Asked& asked, const http::Request& request) const;
  void Finish(const Asked& asked, http::Response& response) const;

  const Options options_;
  const Router router_;
  const Page page_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ADMIN_API_H_
