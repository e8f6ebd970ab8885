#ifndef PRISMATIC_SERVICES_COMMON_RPC_UNARY_H_
#define PRISMATIC_SERVICES_COMMON_RPC_UNARY_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/metrics/metrics.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic::rpc {

// The request ID travels in this metadata key.
inline constexpr char kRequestIdKey[] = "x-request-id";
// Initial metadata with which a server says that it has a call and begins to work on it. A call that
// fails without it was never begun; one that fails with it may have been carried out.
inline constexpr char kAcceptedKey[] = "x-prismatic-accepted";

// What the server knows of a call: its request ID and deadline.
CallContext ContextOf(grpc::CallbackServerContext* context);

// Counts calls by method and code: grpc_server_handled_total, grpc_server_handling_seconds.
class CallMetrics {
 public:
  CallMetrics(metrics::Registry& registry, std::string service, std::string domain)
      : registry_(registry), service_(std::move(service)), domain_(std::move(domain)) {}
  // Records one call and maps its status for the wire.
  grpc::Status Finish(const char* method, absl::Time started, const absl::Status& status);

 private:
  metrics::Registry& registry_;
  std::string service_;
  std::string domain_;
};

// Runs a coroutine as a callback-API handler: no thread waits. Use as
//
//   grpc::ServerUnaryReactor* CheckKey(grpc::CallbackServerContext* context, const CheckKeyRequest* request,
//                                      CheckKeyResponse* response) override {
//     return rpc::Serve(metrics_, "CheckKey", context, response, billing_.CheckKey(*request));
//   }
//
// The task must hold its own copy of the request: the message is gone when the call ends.
template <typename Response>
grpc::ServerUnaryReactor* Serve(CallMetrics& metrics, const char* method,
                                grpc::CallbackServerContext* context, Response* response,
                                Task<absl::StatusOr<Response>> task) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Time started = absl::Now();
  Start<absl::StatusOr<Response>>(
      std::move(task), [&metrics, method, started, reactor, response](absl::StatusOr<Response> result) {
        if (result.ok()) *response = *std::move(result);
        reactor->Finish(metrics.Finish(method, started, result.status()));
      });
  return reactor;
}

// What goes with a call beside its request. Values are printable ASCII: gRPC ends the process over others.
using Metadata = std::vector<std::pair<std::string, std::string>>;

// Makes one unary call of a callback stub and resumes on `resume_on` (nullptr: on gRPC's thread). The
// ClientContext goes with the call, so that its memory is not pinned by what follows. `start` is, say,
//   [stub](auto* context, auto* request, auto* response, auto done) {
//     stub->async()->CheckKey(context, request, response, std::move(done)); }
template <typename Request, typename Response>
Task<absl::StatusOr<Response>> Call(
    CallContext call, Request request,
    std::function<void(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>)>
        start,
    Executor* resume_on = nullptr, Metadata metadata = {}) {
  auto context = std::make_unique<grpc::ClientContext>();
  if (call.deadline != absl::InfiniteFuture()) context->set_deadline(absl::ToChronoTime(call.deadline));
  if (!call.request_id.empty()) context->AddMetadata(kRequestIdKey, call.request_id);
  for (const auto& [key, value] : metadata) context->AddMetadata(key, value);
  Response response;
  Callback<grpc::Status> answered([&](std::function<void(grpc::Status)> done) {
    start(context.get(), &request, &response, std::move(done));
  });
  grpc::Status status = co_await answered;
  context.reset();
  ResumeOn resume(resume_on);
  co_await resume;
  if (!status.ok()) co_return FromGrpc(status);
  co_return std::move(response);
}

}  // namespace prismatic::rpc

#endif  // PRISMATIC_SERVICES_COMMON_RPC_UNARY_H_
