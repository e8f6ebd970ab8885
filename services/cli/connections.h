#ifndef PRISMATIC_SERVICES_CLI_CONNECTIONS_H_
#define PRISMATIC_SERVICES_CLI_CONNECTIONS_H_

#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "services/cli/settings.h"

namespace prismatic::cli {

// One method per call that the commands make. Each opens its own connection, blocks until the answer
// or --timeout, and fails with the service's reason, or as unreachable or wrong usage (no address).
// Not thread-safe; `settings` must outlive it.
class Connections {
 public:
  explicit Connections(const Settings& settings) : settings_(settings) {}

  absl::StatusOr<billing::v1::CreateAccountResponse> CreateAccount(
      const billing::v1::CreateAccountRequest& request);
  absl::StatusOr<billing::v1::GetAccountResponse> GetAccount(const billing::v1::GetAccountRequest& request);
  absl::StatusOr<billing::v1::TopUpWalletResponse> TopUpWallet(
      const billing::v1::TopUpWalletRequest& request);
  absl::StatusOr<billing::v1::CreateKeyResponse> CreateKey(const billing::v1::CreateKeyRequest& request);
  absl::StatusOr<billing::v1::RevokeKeyResponse> RevokeKey(const billing::v1::RevokeKeyRequest& request);
  absl::StatusOr<billing::v1::ListKeysResponse> ListKeys(const billing::v1::ListKeysRequest& request);
  absl::StatusOr<billing::v1::ListLedgerEntriesResponse> ListLedgerEntries(
      const billing::v1::ListLedgerEntriesRequest& request);
  absl::StatusOr<billing::v1::GetReservationResponse> GetReservation(
      const billing::v1::GetReservationRequest& request);

  absl::StatusOr<model_registry::v1::ApplyCatalogResponse> ApplyCatalog(
      const model_registry::v1::ApplyCatalogRequest& request);
  absl::StatusOr<model_registry::v1::ListProvidersResponse> ListProviders(
      const model_registry::v1::ListProvidersRequest& request);
  absl::StatusOr<model_registry::v1::SetProviderImagesResponse> SetProviderImages(
      const model_registry::v1::SetProviderImagesRequest& request);
  // At the callers' port, without a token.
  absl::StatusOr<model_registry::v1::ListModelsResponse> ListModels(
      const model_registry::v1::ListModelsRequest& request);

 private:
  const Settings& settings_;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CONNECTIONS_H_
