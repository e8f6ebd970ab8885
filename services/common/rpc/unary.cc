#include "services/common/rpc/unary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/common/trace/trace_context.h"

namespace prismatic::rpc {
namespace {

// Longer than any that we make.
constexpr size_t kRequestIdBytesMax = 128;

// Of a peer that may be anybody, for logs and for calls that go on: what is not printable ASCII is no ID.
std::string RequestIdOf(absl::string_view given) {
  bool good = given.size() <= kRequestIdBytesMax &&
              std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return good ? std::string(given) : "";
}

TraceContext TraceOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  IncomingTrace incoming;
  auto parents = metadata.equal_range(kTraceparentKey);
  for (auto it = parents.first; it != parents.second; ++it) {
    incoming.AddTraceparent({it->second.data(), it->second.size()});
  }
  auto states = metadata.equal_range(kTracestateKey);
  for (auto it = states.first; it != states.second; ++it) {
    incoming.AddTracestate({it->second.data(), it->second.size()});
  }
  return incoming.Continue();
}

}  // namespace

CallContext ContextOf(grpc::CallbackServerContext* context) {
  CallContext call;
  call.deadline = absl::FromChrono(context->deadline());
  auto found = context->client_metadata().find(kRequestIdKey);
  if (found != context->client_metadata().end()) {
    call.request_id = RequestIdOf({found->second.data(), found->second.size()});
  }
  call.trace = TraceOf(context->client_metadata());
  return call;
}

// Both were made here or checked when they came: gRPC ends the process over other bytes.
void AddContext(const CallContext& call, grpc::ClientContext& context) {
  if (!call.request_id.empty()) context.AddMetadata(kRequestIdKey, call.request_id);
  if (!call.trace.empty()) context.AddMetadata(kTraceparentKey, call.trace.traceparent());
  if (!call.trace.tracestate().empty()) context.AddMetadata(kTracestateKey, call.trace.tracestate());
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

MethodCounters::Method& MethodCounters::MethodLocked(const char* name) {
  auto found = methods_.find(name);
  if (found != methods_.end()) return found->second;
  Method& method = methods_[name];
  metrics::Labels labels = {{"grpc_service", service_}, {"grpc_method", name}};
  method.started =
      registry_.GetCounter(absl::StrCat("grpc_", side_, "_started_total"), "Calls begun, by method.", labels);
  method.duration =
      registry_.GetHistogram(absl::StrCat("grpc_", side_, "_handling_seconds"),
                             "Time from a call's begin to its answer.", metrics::CallBuckets(), labels);
  return method;
}

void MethodCounters::CountStarted(const char* method) {
  std::lock_guard<std::mutex> lock(mutex_);
  MethodLocked(method).started.Add();
}

void MethodCounters::CountHandled(const char* method, absl::Duration took, grpc::StatusCode code) {
  std::lock_guard<std::mutex> lock(mutex_);
  Method& counted = MethodLocked(method);
  auto [found, added] = counted.by_code.try_emplace(code);
  if (added) {
    found->second = registry_.GetCounter(
        absl::StrCat("grpc_", side_, "_handled_total"), "Calls answered, by method and code.",
        {{"grpc_service", service_}, {"grpc_method", method}, {"grpc_code", CodeName(code)}});
  }
  found->second.Add();
  counted.duration.Observe(took);
}

absl::Time CallMetrics::Begin(const char* method) {
  counters_.CountStarted(method);
  return absl::Now();
}

grpc::Status CallMetrics::Finish(const char* method, absl::Time started, const absl::Status& status) {
  grpc::Status result = ToGrpc(status, domain_);
  counters_.CountHandled(method, absl::Now() - started, result.error_code());
  return result;
}

absl::Time ClientMetrics::Begin(const char* method) {
  counters_.CountStarted(method);
  return absl::Now();
}

void ClientMetrics::Finish(const char* method, absl::Time started, grpc::StatusCode code) {
  counters_.CountHandled(method, absl::Now() - started, code);
}

}  // namespace prismatic::rpc
