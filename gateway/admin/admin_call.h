#ifndef PRISMATIC_GATEWAY_ADMIN_ADMIN_CALL_H_
#define PRISMATIC_GATEWAY_ADMIN_ADMIN_CALL_H_

#include <memory>
#include <string>
#include <vector>

#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/common/http/message.h"
#include "services/common/json/json.h"
#include "services/common/task/cancel.h"

namespace prismatic::gateway::admin {

// Whoever calls, as the registry has said.
struct Caller {
  // As the audit logs say it: an operator's name, or what stands for the admin token.
  std::string actor;
  model_registry::v1::Role role = model_registry::v1::ROLE_UNSPECIFIED;
  // The admin token or a session's token, forwarded to the registry; empty where none is needed. Never
  // logged.
  std::string credential;
  // It came in the browser's cookie.
  bool by_cookie = false;
  // The registry's whole answer.
  model_registry::v1::WhoAmIResponse who;
};

// One request of the admin API whose credential and role have been looked at.
struct AdminCall {
  // request_id, trace and cancellation; no deadline, each call to a service sets its own.
  CallContext context;
  std::shared_ptr<const http::Request> request;
  // What stands for the `{...}` of the endpoint's path, in order, percent-decoded, never empty.
  std::vector<std::string> words;
  // The request's body: an object. Null where the endpoint takes none.
  std::unique_ptr<const json::Document> body;
  Caller caller;

  const std::string& request_id() const { return context.request_id; }
};

// Shared, so that coroutines hold it by value.
using CallPtr = std::shared_ptr<const AdminCall>;

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ADMIN_CALL_H_
