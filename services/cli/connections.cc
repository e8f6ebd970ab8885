#include "services/cli/connections.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "services/cli/errors.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// The catalog passes, and long lists of keys.
constexpr int64_t kMessageBytesMax = int64_t{64} << 20;

struct Endpoint {
  // As people call it: "billing's admin port".
  absl::string_view name;
  absl::string_view flag;
  const std::string& address;
  bool admin;
};

std::string VariableOf(absl::string_view flag) {
  return absl::StrCat("PRISMATIC_", absl::StrReplaceAll(absl::AsciiStrToUpper(flag), {{"-", "_"}}));
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

// gRPC's own failures carry no reason; those that mean "nobody answered" are told apart from refusals.
absl::Status FailureOf(const grpc::Status& status, const Endpoint& endpoint) {
  absl::Status failure = rpc::FromGrpc(status);
  bool no_answer = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                   status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  if (DetailOf(failure).has_value() || !no_answer) return failure;
  return Unreachable(
      absl::StrCat(endpoint.name, " at ", endpoint.address, " does not answer: ", status.error_message()));
}

template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> Call(const Endpoint& endpoint, const Settings& settings,
                              grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                    Response*),
                              const Request& request) {
  RETURN_IF_ERROR(CheckEndpoint(endpoint, settings));
  std::unique_ptr<typename Service::Stub> stub =
      Service::NewStub(rpc::MakeChannel(endpoint.address, kMessageBytesMax));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + settings.timeout));
  if (endpoint.admin) context.AddMetadata("authorization", absl::StrCat("Bearer ", settings.admin_token));
  Response response;
  grpc::Status status = (stub.get()->*method)(&context, request, &response);
  if (!status.ok()) return FailureOf(status, endpoint);
  return response;
}

using Billing = billing::v1::BillingAdmin;
using RegistryAdmin = model_registry::v1::ModelRegistryAdmin;
using Registry = model_registry::v1::ModelRegistry;

Endpoint BillingAt(const Settings& settings) {
  return {"billing's admin port", "billing-admin-addr", settings.billing_admin_addr, true};
}

Endpoint RegistryAdminAt(const Settings& settings) {
  return {"model-registry's admin port", "registry-admin-addr", settings.registry_admin_addr, true};
}

Endpoint RegistryAt(const Settings& settings) {
  return {"model-registry", "registry-addr", settings.registry_addr, false};
}

}  // namespace

absl::StatusOr<billing::v1::CreateAccountResponse> Connections::CreateAccount(
    const billing::v1::CreateAccountRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::CreateAccount, request);
}

absl::StatusOr<billing::v1::GetAccountResponse> Connections::GetAccount(
    const billing::v1::GetAccountRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::GetAccount, request);
}

absl::StatusOr<billing::v1::TopUpWalletResponse> Connections::TopUpWallet(
    const billing::v1::TopUpWalletRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::TopUpWallet, request);
}

absl::StatusOr<billing::v1::CreateKeyResponse> Connections::CreateKey(
    const billing::v1::CreateKeyRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::CreateKey, request);
}

absl::StatusOr<billing::v1::RevokeKeyResponse> Connections::RevokeKey(
    const billing::v1::RevokeKeyRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::RevokeKey, request);
}

absl::StatusOr<billing::v1::ListKeysResponse> Connections::ListKeys(
    const billing::v1::ListKeysRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::ListKeys, request);
}

absl::StatusOr<billing::v1::ListLedgerEntriesResponse> Connections::ListLedgerEntries(
    const billing::v1::ListLedgerEntriesRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::ListLedgerEntries, request);
}

absl::StatusOr<billing::v1::GetReservationResponse> Connections::GetReservation(
    const billing::v1::GetReservationRequest& request) {
  return Call<Billing>(BillingAt(settings_), settings_, &Billing::Stub::GetReservation, request);
}

absl::StatusOr<model_registry::v1::ApplyCatalogResponse> Connections::ApplyCatalog(
    const model_registry::v1::ApplyCatalogRequest& request) {
  return Call<RegistryAdmin>(RegistryAdminAt(settings_), settings_, &RegistryAdmin::Stub::ApplyCatalog,
                             request);
}

absl::StatusOr<model_registry::v1::ListProvidersResponse> Connections::ListProviders(
    const model_registry::v1::ListProvidersRequest& request) {
  return Call<RegistryAdmin>(RegistryAdminAt(settings_), settings_, &RegistryAdmin::Stub::ListProviders,
                             request);
}

absl::StatusOr<model_registry::v1::SetProviderImagesResponse> Connections::SetProviderImages(
    const model_registry::v1::SetProviderImagesRequest& request) {
  return Call<RegistryAdmin>(RegistryAdminAt(settings_), settings_, &RegistryAdmin::Stub::SetProviderImages,
                             request);
}

absl::StatusOr<model_registry::v1::ListModelsResponse> Connections::ListModels(
    const model_registry::v1::ListModelsRequest& request) {
  return Call<Registry>(RegistryAt(settings_), settings_, &Registry::Stub::ListModels, request);
}

}  // namespace prismatic::cli
