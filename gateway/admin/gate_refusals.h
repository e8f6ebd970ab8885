#ifndef PRISMATIC_GATEWAY_ADMIN_GATE_REFUSALS_H_
#define PRISMATIC_GATEWAY_ADMIN_GATE_REFUSALS_H_

#include "absl/strings/string_view.h"
#include "services/common/http/message.h"

namespace prismatic::gateway::admin {

// The error object for what the HTTP server refuses before a handler sees a request; the statuses are
// http::ServerOptions::refuse's.
http::Response GateRefusal(int status, absl::string_view request_id);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_GATE_REFUSALS_H_
