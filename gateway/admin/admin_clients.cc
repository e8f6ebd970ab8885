#include "gateway/admin/admin_clients.h"

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

// Catalogs of 8 MiB, and lists of thousands of keys.
constexpr int64_t kMessageBytesMax = int64_t{64} << 20;

// About what a restart takes.
constexpr absl::Duration kRetryAfter = absl::Seconds(2);

std::shared_ptr<grpc::Channel> ChannelTo(const AdminClients::Targets& targets, const std::string& address) {
  return targets.in_this_process ? rpc::MakeChannel(address, kMessageBytesMax)
                                 : rpc::MakeServiceChannel(address, kMessageBytesMax);
}

}  // namespace

AdminClients::AdminClients(const Targets& targets, rpc::AdminToken billing_token, Executor* resume_on,
                           metrics::Registry& metrics)
    : billing_(billing::v1::BillingAdmin::NewStub(ChannelTo(targets, targets.billing_admin))),
      provider_(provider_proxy::v1::ProviderProxy::NewStub(ChannelTo(targets, targets.provider_proxy))),
      billing_token_(std::move(billing_token)),
      resume_on_(resume_on),
      registry_metrics_(metrics, model_registry::v1::ModelRegistryAdmin::service_full_name()),
      operators_metrics_(metrics, model_registry::v1::Operators::service_full_name()),
      billing_metrics_(metrics, billing::v1::BillingAdmin::service_full_name()),
      provider_metrics_(metrics, provider_proxy::v1::ProviderProxy::service_full_name()) {
  std::shared_ptr<grpc::Channel> registry = ChannelTo(targets, targets.registry_admin);
  registry_ = model_registry::v1::ModelRegistryAdmin::NewStub(registry);
  operators_ = model_registry::v1::Operators::NewStub(registry);
}

rpc::Metadata AdminClients::CredentialsOf(const How& how) const {
  const Caller& caller = how.call->caller;
  switch (how.service) {
    case Service::kRegistry:
      if (caller.credential.empty()) return {};
      return {{"authorization", absl::StrCat("Bearer ", caller.credential)}};
    case Service::kBilling:
      return {{"authorization", billing_token_.Authorization()}, {"x-prismatic-actor", caller.actor}};
    case Service::kProvider:
      break;
  }
  return {};
}

absl::Status AdminClients::Failure(Service service, absl::Status status) {
  bool no_answer =
      status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded;
  if (!no_answer || ReasonOf(status) != common::v1::ERROR_REASON_UNSPECIFIED) return status;
  auto unavailable = [](common::v1::ErrorReason reason, absl::string_view message) -> absl::Status {
    return Error(absl::StatusCode::kUnavailable, reason, message).RetryAfter(kRetryAfter);
  };
  switch (service) {
    case Service::kRegistry:
      return unavailable(common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE, "model-registry does not answer.");
    case Service::kBilling:
      return unavailable(common::v1::ERROR_REASON_BILLING_UNAVAILABLE, "billing does not answer.");
    case Service::kProvider:
      break;
  }
  return unavailable(common::v1::ERROR_REASON_SERVER_IS_OVERLOADED, "provider-proxy does not answer.");
}

}  // namespace prismatic::gateway::admin
