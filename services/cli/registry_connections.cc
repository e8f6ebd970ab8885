#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "prismatic/model_registry/v1/operators.grpc.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.grpc.pb.h"
#include "services/cli/connection_call.h"
#include "services/cli/connections.h"

// What is asked of model-registry and provider-proxy.

namespace prismatic::cli {
namespace {

using RegistryAdmin = model_registry::v1::ModelRegistryAdmin;
using Operators = model_registry::v1::Operators;
using Registry = model_registry::v1::ModelRegistry;
using ProviderProxy = provider_proxy::v1::ProviderProxy;

}  // namespace

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

absl::StatusOr<model_registry::v1::ApplyCatalogResponse> Connections::EditCatalog(
    const model_registry::v1::EditCatalogRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::EditCatalog, request);
}

absl::StatusOr<model_registry::v1::ApplyCatalogResponse> Connections::RollbackCatalog(
    const model_registry::v1::RollbackCatalogRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::RollbackCatalog, request);
}

absl::StatusOr<model_registry::v1::ExportCatalogResponse> Connections::ExportCatalog(
    const model_registry::v1::ExportCatalogRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::ExportCatalog, request);
}

absl::StatusOr<model_registry::v1::CompareCatalogsResponse> Connections::CompareCatalogs(
    const model_registry::v1::CompareCatalogsRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::CompareCatalogs, request);
}

absl::StatusOr<model_registry::v1::ListCatalogVersionsResponse> Connections::ListCatalogVersions(
    const model_registry::v1::ListCatalogVersionsRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::ListCatalogVersions, request);
}

absl::StatusOr<model_registry::v1::ListCanonicalModelsResponse> Connections::ListCanonicalModels(
    const model_registry::v1::ListCanonicalModelsRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::ListCanonicalModels, request);
}

absl::StatusOr<model_registry::v1::GetRegistryStatusResponse> Connections::GetRegistryStatus(
    const model_registry::v1::GetRegistryStatusRequest& request) {
  return Call<RegistryAdmin>(channels_, RegistryAdminAt(settings_), settings_,
                             &RegistryAdmin::Stub::GetRegistryStatus, request);
}

absl::StatusOr<model_registry::v1::WhoAmIResponse> Connections::WhoAmI(
    const model_registry::v1::WhoAmIRequest& request) {
  return Call<Operators>(channels_, RegistryAdminAt(settings_), settings_, &Operators::Stub::WhoAmI, request);
}

absl::StatusOr<model_registry::v1::ListOperatorsResponse> Connections::ListOperators(
    const model_registry::v1::ListOperatorsRequest& request) {
  return Call<Operators>(channels_, RegistryAdminAt(settings_), settings_, &Operators::Stub::ListOperators,
                         request);
}

absl::StatusOr<model_registry::v1::CreateOperatorResponse> Connections::CreateOperator(
    const model_registry::v1::CreateOperatorRequest& request) {
  return Call<Operators>(channels_, RegistryAdminAt(settings_), settings_, &Operators::Stub::CreateOperator,
                         request);
}

absl::StatusOr<model_registry::v1::UpdateOperatorResponse> Connections::UpdateOperator(
    const model_registry::v1::UpdateOperatorRequest& request) {
  return Call<Operators>(channels_, RegistryAdminAt(settings_), settings_, &Operators::Stub::UpdateOperator,
                         request);
}

absl::StatusOr<model_registry::v1::ResetPasswordResponse> Connections::ResetPassword(
    const model_registry::v1::ResetPasswordRequest& request) {
  return Call<Operators>(channels_, RegistryAdminAt(settings_), settings_, &Operators::Stub::ResetPassword,
                         request);
}

absl::StatusOr<model_registry::v1::ListAuditEntriesResponse> Connections::ListAuditEntries(
    const model_registry::v1::ListAuditEntriesRequest& request) {
  return Call<Operators>(channels_, RegistryAdminAt(settings_), settings_, &Operators::Stub::ListAuditEntries,
                         request);
}

absl::StatusOr<provider_proxy::v1::GetProviderStatesResponse> Connections::GetProviderStates(
    const provider_proxy::v1::GetProviderStatesRequest& request) {
  return Call<ProviderProxy>(channels_, ProviderProxyAt(settings_), settings_,
                             &ProviderProxy::Stub::GetProviderStates, request);
}

}  // namespace prismatic::cli
