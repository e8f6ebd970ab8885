#include "services/common/rpc/call_log.h"

#include "absl/time/clock.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::rpc {
namespace {

bool IsFault(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

}  // namespace

void LogCall(absl::string_view service, absl::string_view method, const CallContext& call, absl::Time started,
             const absl::Status& status) {
  bool fault = IsFault(status.code());
  int level = fault ? log::kWarning : log::kDebug;
  if (!log::IsWritten(level)) return;
  log::Write(level, fault ? "call failed" : "call",
             {{"request_id", call.request_id},
              call.trace,
              {"grpc_service", service},
              {"grpc_method", method},
              {"grpc_code", absl::StatusCodeToString(status.code())},
              {"reason", ReasonName(ReasonOf(status))},
              {"duration_ms", absl::ToDoubleMilliseconds(absl::Now() - started)},
              {"note", fault ? status.message() : absl::string_view()}});
}

}  // namespace prismatic::rpc
