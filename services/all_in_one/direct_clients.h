#ifndef PRISMATIC_SERVICES_ALL_IN_ONE_DIRECT_CLIENTS_H_
#define PRISMATIC_SERVICES_ALL_IN_ONE_DIRECT_CLIENTS_H_

#include <memory>

#include "gateway/clients/billing_client.h"
#include "gateway/clients/provider_client.h"
#include "services/billing/billing.h"
#include "services/common/task/task.h"
#include "services/provider_proxy/provider_proxy.h"

namespace prismatic::all_in_one {

// The gateway's clients as plain calls. Deadlines of billing are its own towards Redis, shorter than any
// that a gateway sets; provider-proxy obeys the call's. Coroutines go on on the gateway's workers.
class DirectBillingClient : public gateway::BillingClient {
 public:
  // Both outlive it.
  DirectBillingClient(billing::Billing& billing, Executor& workers) : billing_(billing), workers_(workers) {}

  Task<absl::StatusOr<billing::v1::CreateReservationResponse>> CreateReservation(
      CallContext call, billing::v1::CreateReservationRequest request) override;
  Task<absl::StatusOr<billing::v1::SettleReservationResponse>> SettleReservation(
      CallContext call, billing::v1::SettleReservationRequest request) override;
  Task<absl::StatusOr<billing::v1::ReleaseReservationResponse>> ReleaseReservation(
      CallContext call, billing::v1::ReleaseReservationRequest request) override;
  Task<absl::StatusOr<billing::v1::CheckKeyResponse>> CheckKey(CallContext call,
                                                               billing::v1::CheckKeyRequest request) override;

 private:
  billing::Billing& billing_;
  Executor& workers_;
};

class DirectProviderClient : public gateway::ProviderClient {
 public:
  // Both outlive it.
  DirectProviderClient(provider_proxy::ProviderProxy& proxy, Executor& workers)
      : proxy_(proxy), workers_(workers) {}

  Task<gateway::Generated> GenerateImages(
      CallContext call, std::shared_ptr<const provider_proxy::v1::GenerateImagesRequest> request) override;

 private:
  provider_proxy::ProviderProxy& proxy_;
  Executor& workers_;
};

}  // namespace prismatic::all_in_one

#endif  // PRISMATIC_SERVICES_ALL_IN_ONE_DIRECT_CLIENTS_H_
