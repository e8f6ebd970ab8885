#include "services/cli/connection_call.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/cli/errors.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

// The catalog passes, and long lists of keys.
constexpr int64_t kMessageBytesMax = int64_t{64} << 20;

std::string VariableOf(absl::string_view flag) {
  return absl::StrCat("PRISMATIC_", absl::StrReplaceAll(absl::AsciiStrToUpper(flag), {{"-", "_"}}));
}

}  // namespace

std::shared_ptr<grpc::Channel> ChannelTo(Channels& channels, const Endpoint& endpoint) {
  std::shared_ptr<grpc::Channel>& channel = channels[endpoint.address];
  if (channel == nullptr) channel = rpc::MakeChannel(endpoint.address, kMessageBytesMax);
  return channel;
}

absl::Status CheckEndpoint(const Endpoint& endpoint, const Settings& settings) {
  if (endpoint.address.empty()) {
    return UsageError(absl::StrCat("where is ", endpoint.name, "? Give --", endpoint.flag, " host:port or ",
                                   VariableOf(endpoint.flag)));
  }
  if (endpoint.admin && settings.admin_token.empty()) {
    return UsageError(
        absl::StrCat(endpoint.name, " asks for a token: give PRISMATIC_ADMIN_TOKEN or --admin-token-file"));
  }
  return absl::OkStatus();
}

absl::Status FailureOf(const grpc::Status& status, const Endpoint& endpoint) {
  absl::Status failure = rpc::FromGrpc(status);
  bool no_answer = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                   status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  if (DetailOf(failure).has_value() || !no_answer) return failure;
  // What gRPC says of it names its own parts, and nothing that helps to mend it; `doctor` looks at the port.
  bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return Unreachable(absl::StrCat(endpoint.name, " at ", endpoint.address,
                                  late ? " does not answer in time (--timeout)" : " does not answer",
                                  "; `prismatic doctor` looks why."));
}

void Authorize(const Endpoint& endpoint, const Settings& settings, grpc::ClientContext& context) {
  if (!endpoint.admin) return;
  context.AddMetadata("authorization", absl::StrCat("Bearer ", settings.admin_token));
  context.AddMetadata("x-prismatic-actor", settings.actor);
}

Endpoint BillingAdminAt(const Settings& settings) {
  return {"billing's admin port", "billing-admin-addr", settings.billing_admin_addr, true};
}

Endpoint BillingAt(const Settings& settings) {
  return {"billing", "billing-addr", settings.billing_addr, false};
}

Endpoint RegistryAdminAt(const Settings& settings) {
  return {"model-registry's admin port", "registry-admin-addr", settings.registry_admin_addr, true};
}

Endpoint RegistryAt(const Settings& settings) {
  return {"model-registry", "registry-addr", settings.registry_addr, false};
}

Endpoint ProviderProxyAt(const Settings& settings) {
  return {"provider-proxy", "provider-addr", settings.provider_addr, false};
}

}  // namespace prismatic::cli
