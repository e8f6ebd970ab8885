#ifndef PRISMATIC_SERVICES_COMMON_RPC_UNARY_H_
#define PRISMATIC_SERVICES_COMMON_RPC_UNARY_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/call_log.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic::rpc {

// The request ID travels in this metadata key.
inline constexpr char kRequestIdKey[] = "x-request-id";
// Initial metadata with which a server says that it has a call and begins to work on it. A call that
// fails without it was never begun; one that fails with it may have been carried out.
inline constexpr char kAcceptedKey[] = "x-prismatic-accepted";

// What the server knows of a call: its request ID and deadline, and its trace, in which this is a new span. A
// call that brings no readable trace begins one.
CallContext ContextOf(grpc::CallbackServerContext* context);
// Sends the request ID and the trace along with a call.
void AddContext(const CallContext& call, grpc::ClientContext& context);

// The counters of one side's calls of one service, by method and code. The handles are kept. Thread-safe.
class MethodCounters {
 public:
  // `side` is "server" or "client".
  MethodCounters(metrics::Registry& registry, std::string side, std::string service)
      : registry_(registry), side_(std::move(side)), service_(std::move(service)) {}
  void CountStarted(const char* method);
  void CountHandled(const char* method, absl::Duration took, grpc::StatusCode code);
  const std::string& service() const { return service_; }

 private:
  struct Method {
    metrics::Counter started;
    metrics::Histogram duration;
    std::map<grpc::StatusCode, metrics::Counter> by_code;
  };
  Method& MethodLocked(const char* name);

  metrics::Registry& registry_;
  const std::string side_;
  const std::string service_;
  std::mutex mutex_;
  std::map<std::string, Method, std::less<>> methods_;  // guarded by mutex_
};

// Counts what a service is asked: grpc_server_started_total, grpc_server_handled_total,
// grpc_server_handling_seconds. Thread-safe.
class CallMetrics {
 public:
  CallMetrics(metrics::Registry& registry, std::string service, std::string domain)
      : counters_(registry, "server", std::move(service)), domain_(std::move(domain)) {}
  // Records that a call has come, and answers the time.
  absl::Time Begin(const char* method);
  // Records its end and maps its status for the wire.
  grpc::Status Finish(const char* method, absl::Time started, const absl::Status& status);
  const std::string& service() const { return counters_.service(); }

 private:
  MethodCounters counters_;
  const std::string domain_;
};

// Counts what we ask of a service: grpc_client_started_total, grpc_client_handled_total,
// grpc_client_handling_seconds. Thread-safe.
class ClientMetrics {
 public:
  ClientMetrics(metrics::Registry& registry, std::string service)
      : counters_(registry, "client", std::move(service)) {}
  absl::Time Begin(const char* method);
  void Finish(const char* method, absl::Time started, grpc::StatusCode code);

 private:
  MethodCounters counters_;
};

// Runs a coroutine as a callback-API handler: no thread waits. Counts the call, and logs it. Use as
//
//   grpc::ServerUnaryReactor* CheckKey(grpc::CallbackServerContext* context, const CheckKeyRequest* request,
//                                      CheckKeyResponse* response) override {
//     return rpc::Serve(metrics_, "CheckKey", context, response, billing_.CheckKey(*request));
//   }
//
// The task must hold its own copy of the request: the message is gone when the call ends. `call` is for tasks
// that have asked for it themselves: each ContextOf is a span of its own.
template <typename Response>
grpc::ServerUnaryReactor* Serve(CallMetrics& metrics, const char* method,
                                grpc::CallbackServerContext* context, Response* response,
                                Task<absl::StatusOr<Response>> task, CallContext call) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Time started = metrics.Begin(method);
  Start<absl::StatusOr<Response>>(std::move(task), [&metrics, method, started, reactor, response,
                                                    call = std::move(call)](absl::StatusOr<Response> result) {
    if (result.ok()) *response = *std::move(result);
    LogCall(metrics.service(), method, call, started, result.status());
    reactor->Finish(metrics.Finish(method, started, result.status()));
  });
  return reactor;
}

template <typename Response>
grpc::ServerUnaryReactor* Serve(CallMetrics& metrics, const char* method,
                                grpc::CallbackServerContext* context, Response* response,
                                Task<absl::StatusOr<Response>> task) {
  return Serve(metrics, method, context, response, std::move(task), ContextOf(context));
}

// The method that takes this request: `CheckKey` for a CheckKeyRequest, as all of ours are named.
template <typename Request>
const char* MethodOf() {
  static const auto* name = new std::string(absl::StripSuffix(Request::descriptor()->name(), "Request"));
  return name->c_str();
}

// What goes with a call beside its request. Values are printable ASCII: gRPC ends the process over others.
using Metadata = std::vector<std::pair<std::string, std::string>>;

// Makes one unary call of a callback stub and resumes on `resume_on` (nullptr: on gRPC's thread); is
// counted in `metrics`, unless that is null. The ClientContext goes with the call, so that its memory is not
// pinned by what follows. `start` is, say,
//   [stub](auto* context, auto* request, auto* response, auto done) {
//     stub->async()->CheckKey(context, request, response, std::move(done)); }
template <typename Request, typename Response>
Task<absl::StatusOr<Response>> Call(
    CallContext call, Request request,
    std::function<void(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>)>
        start,
    Executor* resume_on = nullptr, Metadata metadata = {}, ClientMetrics* metrics = nullptr) {
  auto context = std::make_unique<grpc::ClientContext>();
  if (call.deadline != absl::InfiniteFuture()) context->set_deadline(absl::ToChronoTime(call.deadline));
  AddContext(call, *context);
  for (const auto& [key, value] : metadata) context->AddMetadata(key, value);
  absl::Time began = metrics == nullptr ? absl::Time() : metrics->Begin(MethodOf<Request>());
  Response response;
  Callback<grpc::Status> answered([&](std::function<void(grpc::Status)> done) {
    start(context.get(), &request, &response, std::move(done));
  });
  grpc::Status status = co_await answered;
  context.reset();
  if (metrics != nullptr) metrics->Finish(MethodOf<Request>(), began, status.error_code());
  ResumeOn resume(resume_on);
  co_await resume;
  if (!status.ok()) co_return FromGrpc(status);
  co_return std::move(response);
}

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_UNARY_H_
