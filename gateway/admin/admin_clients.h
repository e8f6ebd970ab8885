#ifndef PRISMATIC_GATEWAY_ADMIN_ADMIN_CLIENTS_H_
#define PRISMATIC_GATEWAY_ADMIN_ADMIN_CLIENTS_H_

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gateway/admin/admin_call.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "prismatic/model_registry/v1/operators.grpc.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.grpc.pb.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/unary.h"
#include "services/common/task/task.h"

namespace prismatic::gateway::admin {

// The services' methods, as `&BillingMethods::GetAccount`.
using RegistryMethods = model_registry::v1::ModelRegistryAdmin::StubInterface::async_interface;
using OperatorMethods = model_registry::v1::Operators::StubInterface::async_interface;
using BillingMethods = billing::v1::BillingAdmin::StubInterface::async_interface;
using ProviderMethods = provider_proxy::v1::ProviderProxy::StubInterface::async_interface;

// The admin ports of the other services, always over gRPC, in the all-in-one too: what operators do is
// little. The registry is shown the caller's own credential and decides by it. Billing gets the gateway's
// token, and is told who acts. A service that does not answer is REGISTRY_UNAVAILABLE, BILLING_UNAVAILABLE or
// SERVER_IS_OVERLOADED (provider-proxy). Coroutines resume on the gateway's workers. Thread-safe.
class AdminClients {
 public:
  // Without catalogs to check and pictures to make, a call takes milliseconds.
  static constexpr absl::Duration kCallTime = absl::Seconds(5);

  // host:port or dns:///name:port.
  struct Targets {
    std::string registry_admin = "127.0.0.1:7102";
    std::string billing_admin = "127.0.0.1:7202";
    std::string provider_proxy = "127.0.0.1:7301";
    // They are this very process: while it leaves, it says that it is not ready and answers all the same.
    bool in_this_process = false;
  };
  // `resume_on` and the metrics (grpc_client_*) outlive it.
  AdminClients(const Targets& targets, rpc::AdminToken billing_token, Executor* resume_on,
               metrics::Registry& metrics);

  template <typename Request, typename Response>
  Task<absl::StatusOr<Response>> AskRegistry(
      CallPtr call,
      void (RegistryMethods::*method)(grpc::ClientContext*, const Request*, Response*,
                                      std::function<void(grpc::Status)>),
      std::type_identity_t<Request> request, absl::Duration time = kCallTime) {
    return Ask<Request, Response>(registry_->async(), method, std::move(request),
                                  {std::move(call), Service::kRegistry, time, &registry_metrics_});
  }
  template <typename Request, typename Response>
  Task<absl::StatusOr<Response>> AskOperators(
      CallPtr call,
      void (OperatorMethods::*method)(grpc::ClientContext*, const Request*, Response*,
                                      std::function<void(grpc::Status)>),
      std::type_identity_t<Request> request, absl::Duration time = kCallTime) {
    return Ask<Request, Response>(operators_->async(), method, std::move(request),
                                  {std::move(call), Service::kRegistry, time, &operators_metrics_});
  }
  template <typename Request, typename Response>
  Task<absl::StatusOr<Response>> AskBilling(CallPtr call,
                                            void (BillingMethods::*method)(grpc::ClientContext*,
                                                                           const Request*, Response*,
                                                                           std::function<void(grpc::Status)>),
                                            std::type_identity_t<Request> request,
                                            absl::Duration time = kCallTime) {
    return Ask<Request, Response>(billing_->async(), method, std::move(request),
                                  {std::move(call), Service::kBilling, time, &billing_metrics_});
  }
  template <typename Request, typename Response>
  Task<absl::StatusOr<Response>> AskProvider(
      CallPtr call,
      void (ProviderMethods::*method)(grpc::ClientContext*, const Request*, Response*,
                                      std::function<void(grpc::Status)>),
      std::type_identity_t<Request> request, absl::Duration time = kCallTime) {
    return Ask<Request, Response>(provider_->async(), method, std::move(request),
                                  {std::move(call), Service::kProvider, time, &provider_metrics_});
  }

 private:
  enum class Service { kRegistry, kBilling, kProvider };
  struct How {
    CallPtr call;
    Service service;
    absl::Duration time;
    rpc::ClientMetrics* metrics;
  };

  template <typename Request, typename Response, typename Stub, typename Methods>
  Task<absl::StatusOr<Response>> Ask(Stub* stub,
                                     void (Methods::*method)(grpc::ClientContext*, const Request*, Response*,
                                                             std::function<void(grpc::Status)>),
                                     Request request, How how) {
    CallContext context;
    context.request_id = how.call->request_id();
    context.trace = how.call->context.trace;
    context.deadline = absl::Now() + how.time;
    auto calling = rpc::Call<Request, Response>(
        std::move(context), std::move(request),
        [stub, method](auto* client_context, auto* in, auto* out, auto done) {
          (stub->*method)(client_context, in, out, std::move(done));
        },
        resume_on_, CredentialsOf(how), how.metrics);
    absl::StatusOr<Response> response = co_await calling;
    if (!response.ok()) co_return Failure(how.service, response.status());
    co_return std::move(response);
  }
  rpc::Metadata CredentialsOf(const How& how) const;
  // gRPC's own failures have no reason: they become those of the service that did not answer.
  static absl::Status Failure(Service service, absl::Status status);

  std::unique_ptr<model_registry::v1::ModelRegistryAdmin::Stub> registry_;
  std::unique_ptr<model_registry::v1::Operators::Stub> operators_;
  std::unique_ptr<billing::v1::BillingAdmin::Stub> billing_;
  std::unique_ptr<provider_proxy::v1::ProviderProxy::Stub> provider_;
  const rpc::AdminToken billing_token_;
  Executor* const resume_on_;
  rpc::ClientMetrics registry_metrics_;
  rpc::ClientMetrics operators_metrics_;
  rpc::ClientMetrics billing_metrics_;
  rpc::ClientMetrics provider_metrics_;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_ADMIN_CLIENTS_H_
