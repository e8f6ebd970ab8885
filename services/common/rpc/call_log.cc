#include "services/common/rpc/call_log.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::rpc {
namespace {

// What comes from outside and is a request's name in ordinary times.
constexpr size_t kRequestIdSizeMax = 128;

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
  absl::string_view id = call.request_id;
  log::Write(level, fault ? "call failed" : "call",
             {{"request_id", id.substr(0, std::min(id.size(), kRequestIdSizeMax))},
              call.trace,
              {"grpc_service", service},
              {"grpc_method", method},
              {"grpc_code", absl::StatusCodeToString(status.code())},
              {"reason", ReasonName(ReasonOf(status))},
              {"duration_ms", absl::ToDoubleMilliseconds(absl::Now() - started)},
              {"note", fault ? status.message() : absl::string_view()}});
}

}  // namespace prismatic::rpc
