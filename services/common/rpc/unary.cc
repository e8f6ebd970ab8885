#include "services/common/rpc/unary.h"

namespace prismatic::rpc {

CallContext ContextOf(grpc::CallbackServerContext* context) {
  CallContext call;
  call.deadline = absl::FromChrono(context->deadline());
  auto found = context->client_metadata().find(kRequestIdKey);
  if (found != context->client_metadata().end()) {
    call.request_id = std::string(found->second.data(), found->second.size());
  }
  return call;
}

namespace {

// The names of the gRPC specification.
const char* CodeName(grpc::StatusCode code) {
  constexpr const char* kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return code >= 0 && code <= 16 ? kNames[code] : "UNKNOWN";
}

}  // namespace

grpc::Status CallMetrics::Finish(const char* method, absl::Time started, const absl::Status& status) {
  grpc::Status result = ToGrpc(status, domain_);
  registry_
      .GetCounter(
          "grpc_server_handled_total", "Calls answered, by method and code.",
          {{"grpc_service", service_}, {"grpc_method", method}, {"grpc_code", CodeName(result.error_code())}})
      .Add();
  registry_
      .GetHistogram("grpc_server_handling_seconds", "Time to answer a call.", metrics::FastBuckets(),
                    {{"grpc_service", service_}, {"grpc_method", method}})
      .Observe(absl::Now() - started);
  return result;
}

}  // namespace prismatic::rpc
