#ifndef PRISMATIC_SERVICES_COMMON_RPC_CALL_LOG_H_
#define PRISMATIC_SERVICES_COMMON_RPC_CALL_LOG_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/task/cancel.h"

namespace prismatic::rpc {

// One line for a call that a service has answered, with its request ID, trace and span: a warning when the
// service could not do its work, else at debug level. Refusals, such as a limit, are no faults.
void LogCall(absl::string_view service, absl::string_view method, const CallContext& call, absl::Time started,
             const absl::Status& status);

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_CALL_LOG_H_
