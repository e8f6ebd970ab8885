#include "services/cli/connections.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "prismatic/billing/v1/billing.grpc.pb.h"
#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.grpc.pb.h"
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

using Channels = std::map<std::string, std::shared_ptr<grpc::Channel>>;

// Commands that read page after page call one service many times.
std::shared_ptr<grpc::Channel> ChannelTo(Channels& channels, const Endpoint& endpoint) {
  std::shared_ptr<grpc::Channel>& channel = channels[endpoint.address];
  if (channel == nullptr) channel = rpc::MakeChannel(endpoint.address, kMessageBytesMax);
  return channel;
}

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

void Authorize(const Endpoint& endpoint, const Settings& settings, grpc::ClientContext& context) {
  if (endpoint.admin) context.AddMetadata("authorization", absl::StrCat("Bearer ", settings.admin_token));
}

template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> Call(Channels& channels, const Endpoint& endpoint, const Settings& settings,
                              grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                    Response*),
                              const Request& request) {
  RETURN_IF_ERROR(CheckEndpoint(endpoint, settings));
  std::unique_ptr<typename Service::Stub> stub = Service::NewStub(ChannelTo(channels, endpoint));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + settings.timeout));
  Authorize(endpoint, settings, context);
  Response response;
  grpc::Status status = (stub.get()->*method)(&context, request, &response);
  if (!status.ok()) return FailureOf(status, endpoint);
  return response;
}

using BillingAdmin = billing::v1::BillingAdmin;
using Billing = billing::v1::Billing;
using RegistryAdmin = model_registry::v1::ModelRegistryAdmin;
using Registry = model_registry::v1::ModelRegistry;
using ProviderProxy = provider_proxy::v1::ProviderProxy;

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

}  // namespace

absl::StatusOr<billing::v1::CreateAccountResponse> Connections::CreateAccount(
    const billing::v1::CreateAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::CreateAccount, request);
}

absl::StatusOr<billing::v1::UpdateAccountResponse> Connections::UpdateAccount(
    const billing::v1::UpdateAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::UpdateAccount, request);
}

absl::StatusOr<billing::v1::SuspendAccountResponse> Connections::SuspendAccount(
    const billing::v1::SuspendAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::SuspendAccount, request);
}

absl::StatusOr<billing::v1::ResumeAccountResponse> Connections::ResumeAccount(
    const billing::v1::ResumeAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ResumeAccount, request);
}

absl::StatusOr<billing::v1::GetAccountResponse> Connections::GetAccount(
    const billing::v1::GetAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::GetAccount,
                            request);
}

absl::StatusOr<billing::v1::TopUpWalletResponse> Connections::TopUpWallet(
    const billing::v1::TopUpWalletRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::TopUpWallet,
                            request);
}

absl::StatusOr<billing::v1::AdjustWalletResponse> Connections::AdjustWallet(
    const billing::v1::AdjustWalletRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::AdjustWallet, request);
}

absl::StatusOr<billing::v1::WriteOffDebtResponse> Connections::WriteOffDebt(
    const billing::v1::WriteOffDebtRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::WriteOffDebt, request);
}

absl::StatusOr<billing::v1::CreateKeyResponse> Connections::CreateKey(
    const billing::v1::CreateKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::CreateKey,
                            request);
}

absl::StatusOr<billing::v1::ImportKeyResponse> Connections::ImportKey(
    const billing::v1::ImportKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::ImportKey,
                            request);
}

absl::StatusOr<billing::v1::UpdateKeyResponse> Connections::UpdateKey(
    const billing::v1::UpdateKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::UpdateKey,
                            request);
}

absl::StatusOr<billing::v1::RevokeKeyResponse> Connections::RevokeKey(
    const billing::v1::RevokeKeyRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::RevokeKey,
                            request);
}

absl::StatusOr<billing::v1::ListKeysResponse> Connections::ListKeys(
    const billing::v1::ListKeysRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::ListKeys,
                            request);
}

absl::StatusOr<billing::v1::ListLedgerEntriesResponse> Connections::ListLedgerEntries(
    const billing::v1::ListLedgerEntriesRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ListLedgerEntries, request);
}

absl::StatusOr<billing::v1::TrimLedgerResponse> Connections::TrimLedger(
    const billing::v1::TrimLedgerRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::TrimLedger,
                            request);
}

absl::StatusOr<billing::v1::ListUsageResponse> Connections::ListUsage(
    const billing::v1::ListUsageRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_, &BillingAdmin::Stub::ListUsage,
                            request);
}

absl::StatusOr<billing::v1::ListReservationsResponse> Connections::ListReservations(
    const billing::v1::ListReservationsRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::ListReservations, request);
}

absl::StatusOr<billing::v1::AuditAccountResponse> Connections::AuditAccount(
    const billing::v1::AuditAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::AuditAccount, request);
}

absl::StatusOr<billing::v1::RecountAccountResponse> Connections::RecountAccount(
    const billing::v1::RecountAccountRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::RecountAccount, request);
}

absl::StatusOr<billing::v1::GetReservationResponse> Connections::GetReservation(
    const billing::v1::GetReservationRequest& request) {
  return Call<BillingAdmin>(channels_, BillingAdminAt(settings_), settings_,
                            &BillingAdmin::Stub::GetReservation, request);
}

absl::Status Connections::TailLedgerEntries(
    const billing::v1::TailLedgerEntriesRequest& request,
    const std::function<absl::Status(const billing::v1::LedgerEntry&)>& take) {
  Endpoint endpoint = BillingAdminAt(settings_);
  RETURN_IF_ERROR(CheckEndpoint(endpoint, settings_));
  std::unique_ptr<BillingAdmin::Stub> stub = BillingAdmin::NewStub(ChannelTo(channels_, endpoint));
  grpc::ClientContext context;
  Authorize(endpoint, settings_, context);
  auto reader = stub->TailLedgerEntries(&context, request);
  billing::v1::TailLedgerEntriesResponse response;
  absl::Status taken;
  while (taken.ok() && reader->Read(&response)) taken = take(response.entry());
  if (!taken.ok()) context.TryCancel();
  grpc::Status status = reader->Finish();
  RETURN_IF_ERROR(taken);
  return status.ok() ? absl::OkStatus() : FailureOf(status, endpoint);
}

absl::StatusOr<billing::v1::SettleReservationResponse> Connections::SettleReservation(
    const billing::v1::SettleReservationRequest& request) {
  return Call<Billing>(channels_, BillingAt(settings_), settings_, &Billing::Stub::SettleReservation,
                       request);
}

absl::StatusOr<billing::v1::CheckKeyResponse> Connections::CheckKey(
    const billing::v1::CheckKeyRequest& request) {
  return Call<Billing>(channels_, BillingAt(settings_), settings_, &Billing::Stub::CheckKey, request);
}

absl::StatusOr<billing::v1::EstimateCostResponse> Connections::EstimateCost(
    const billing::v1::EstimateCostRequest& request) {
  return Call<Billing>(channels_, BillingAt(settings_), settings_, &Billing::Stub::EstimateCost, request);
}

absl::StatusOr<model_registry::v1::ApplyCatalogResponse> Connections::ApplyCatalog(
    const model_registry::v1::ApplyCatalogRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::ApplyCatalog, request);
}

absl::StatusOr<model_registry::v1::ListProvidersResponse> Connections::ListProviders(
    const model_registry::v1::ListProvidersRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::ListProviders, request);
}

absl::StatusOr<model_registry::v1::SetProviderImagesResponse> Connections::SetProviderImages(
    const model_registry::v1::SetProviderImagesRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::SetProviderImages, request);
}

absl::StatusOr<model_registry::v1::ListModelsResponse> Connections::ListModels(
    const model_registry::v1::ListModelsRequest& request) {
  return Call<Registry>(channels_, RegistryAt(settings_), settings_, &Registry::Stub::ListModels, request);
}

absl::StatusOr<provider_proxy::v1::TestProviderResponse> Connections::TestProvider(
    const provider_proxy::v1::TestProviderRequest& request) {
  return Call<ProviderProxy>(channels_, ProviderProxyAt(settings_), settings_,
                             &ProviderProxy::Stub::TestProvider, request);
}

}  // namespace prismatic::cli
