#ifndef PRISMATIC_SERVICES_CLI_CONNECTIONS_H_
#define PRISMATIC_SERVICES_CLI_CONNECTIONS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/cli/settings.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace prismatic::cli {

// One method per call that the commands make. Each blocks until the answer or --timeout, and fails with the
// service's reason, or as unreachable or wrong usage (no address). Not thread-safe; `settings` must outlive
// it.
class Connections {
 public:
  explicit Connections(const Settings& settings) : settings_(settings) {}

  absl::StatusOr<billing::v1::CreateAccountResponse> CreateAccount(
      const billing::v1::CreateAccountRequest& request);
  absl::StatusOr<billing::v1::UpdateAccountResponse> UpdateAccount(
      const billing::v1::UpdateAccountRequest& request);
  absl::StatusOr<billing::v1::SuspendAccountResponse> SuspendAccount(
      const billing::v1::SuspendAccountRequest& request);
  absl::StatusOr<billing::v1::ResumeAccountResponse> ResumeAccount(
      const billing::v1::ResumeAccountRequest& request);
  absl::StatusOr<billing::v1::GetAccountResponse> GetAccount(const billing::v1::GetAccountRequest& request);
  absl::StatusOr<billing::v1::TopUpWalletResponse> TopUpWallet(
      const billing::v1::TopUpWalletRequest& request);
  absl::StatusOr<billing::v1::AdjustWalletResponse> AdjustWallet(
      const billing::v1::AdjustWalletRequest& request);
  absl::StatusOr<billing::v1::WriteOffDebtResponse> WriteOffDebt(
      const billing::v1::WriteOffDebtRequest& request);
  absl::StatusOr<billing::v1::CreateKeyResponse> CreateKey(const billing::v1::CreateKeyRequest& request);
  absl::StatusOr<billing::v1::ImportKeyResponse> ImportKey(const billing::v1::ImportKeyRequest& request);
  absl::StatusOr<billing::v1::UpdateKeyResponse> UpdateKey(const billing::v1::UpdateKeyRequest& request);
  absl::StatusOr<billing::v1::RevokeKeyResponse> RevokeKey(const billing::v1::RevokeKeyRequest& request);
  absl::StatusOr<billing::v1::ListKeysResponse> ListKeys(const billing::v1::ListKeysRequest& request);
  absl::StatusOr<billing::v1::ListLedgerEntriesResponse> ListLedgerEntries(
      const billing::v1::ListLedgerEntriesRequest& request);
  absl::StatusOr<billing::v1::TrimLedgerResponse> TrimLedger(const billing::v1::TrimLedgerRequest& request);
  absl::StatusOr<billing::v1::ListUsageResponse> ListUsage(const billing::v1::ListUsageRequest& request);
  absl::StatusOr<billing::v1::ListReservationsResponse> ListReservations(
      const billing::v1::ListReservationsRequest& request);
  absl::StatusOr<billing::v1::AuditAccountResponse> AuditAccount(
      const billing::v1::AuditAccountRequest& request);
  absl::StatusOr<billing::v1::RecountAccountResponse> RecountAccount(
      const billing::v1::RecountAccountRequest& request);
  absl::StatusOr<billing::v1::GetReservationResponse> GetReservation(
      const billing::v1::GetReservationRequest& request);
  absl::StatusOr<billing::v1::ListAccountsResponse> ListAccounts(
      const billing::v1::ListAccountsRequest& request);
  absl::StatusOr<billing::v1::ListTotalsResponse> ListTotals(const billing::v1::ListTotalsRequest& request);
  absl::StatusOr<billing::v1::ListAuditEntriesResponse> ListAuditEntries(
      const billing::v1::ListAuditEntriesRequest& request);
  absl::StatusOr<billing::v1::GetBillingStatusResponse> GetBillingStatus(
      const billing::v1::GetBillingStatusRequest& request);
  // Hands each entry to `take` as it comes, until the service ends the stream (with OK: it is going away) or
  // `take` fails, which is then the result. There is no deadline.
  absl::Status TailLedgerEntries(const billing::v1::TailLedgerEntriesRequest& request,
                                 const std::function<absl::Status(const billing::v1::LedgerEntry&)>& take);

  // At the callers' port, without a token.
  absl::StatusOr<billing::v1::SettleReservationResponse> SettleReservation(
      const billing::v1::SettleReservationRequest& request);
  absl::StatusOr<billing::v1::CheckKeyResponse> CheckKey(const billing::v1::CheckKeyRequest& request);
  absl::StatusOr<billing::v1::EstimateCostResponse> EstimateCost(
      const billing::v1::EstimateCostRequest& request);

  absl::StatusOr<model_registry::v1::ApplyCatalogResponse> ApplyCatalog(
      const model_registry::v1::ApplyCatalogRequest& request);
  absl::StatusOr<model_registry::v1::ListProvidersResponse> ListProviders(
      const model_registry::v1::ListProvidersRequest& request);
  absl::StatusOr<model_registry::v1::SetProviderImagesResponse> SetProviderImages(
      const model_registry::v1::SetProviderImagesRequest& request);
  absl::StatusOr<model_registry::v1::ApplyCatalogResponse> EditCatalog(
      const model_registry::v1::EditCatalogRequest& request);
  absl::StatusOr<model_registry::v1::ApplyCatalogResponse> RollbackCatalog(
      const model_registry::v1::RollbackCatalogRequest& request);
  absl::StatusOr<model_registry::v1::ExportCatalogResponse> ExportCatalog(
      const model_registry::v1::ExportCatalogRequest& request);
  absl::StatusOr<model_registry::v1::CompareCatalogsResponse> CompareCatalogs(
      const model_registry::v1::CompareCatalogsRequest& request);
  absl::StatusOr<model_registry::v1::ListCatalogVersionsResponse> ListCatalogVersions(
      const model_registry::v1::ListCatalogVersionsRequest& request);
  absl::StatusOr<model_registry::v1::ListCanonicalModelsResponse> ListCanonicalModels(
      const model_registry::v1::ListCanonicalModelsRequest& request);
  absl::StatusOr<model_registry::v1::GetRegistryStatusResponse> GetRegistryStatus(
      const model_registry::v1::GetRegistryStatusRequest& request);
  absl::StatusOr<model_registry::v1::WhoAmIResponse> WhoAmI(const model_registry::v1::WhoAmIRequest& request);
  absl::StatusOr<model_registry::v1::ListOperatorsResponse> ListOperators(
      const model_registry::v1::ListOperatorsRequest& request);
  absl::StatusOr<model_registry::v1::CreateOperatorResponse> CreateOperator(
      const model_registry::v1::CreateOperatorRequest& request);
  absl::StatusOr<model_registry::v1::UpdateOperatorResponse> UpdateOperator(
      const model_registry::v1::UpdateOperatorRequest& request);
  absl::StatusOr<model_registry::v1::ResetPasswordResponse> ResetPassword(
      const model_registry::v1::ResetPasswordRequest& request);
  absl::StatusOr<model_registry::v1::ListAuditEntriesResponse> ListAuditEntries(
      const model_registry::v1::ListAuditEntriesRequest& request);
  // At the callers' port, without a token.
  absl::StatusOr<model_registry::v1::ListModelsResponse> ListModels(
      const model_registry::v1::ListModelsRequest& request);

  // Without a token.
  absl::StatusOr<provider_proxy::v1::TestProviderResponse> TestProvider(
      const provider_proxy::v1::TestProviderRequest& request);
  absl::StatusOr<provider_proxy::v1::GetProviderStatesResponse> GetProviderStates(
      const provider_proxy::v1::GetProviderStatesRequest& request);

 private:
  const Settings& settings_;
  // By address; made when first needed.
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CONNECTIONS_H_
