#ifndef PRISMATIC_GATEWAY_CLIENTS_BILLING_CLIENT_H_
#define PRISMATIC_GATEWAY_CLIENTS_BILLING_CLIENT_H_

#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic::gateway {

// What the gateway asks of billing; the contract is billing.v1.Billing's. One call is one try: who
// repeats what is the pipeline's decision. Coroutines resume on the gateway's workers. Thread-safe.
class BillingClient {
 public:
  virtual ~BillingClient() = default;
  virtual Task<absl::StatusOr<billing::v1::CreateReservationResponse>> CreateReservation(
      CallContext call, billing::v1::CreateReservationRequest request) = 0;
  virtual Task<absl::StatusOr<billing::v1::SettleReservationResponse>> SettleReservation(
      CallContext call, billing::v1::SettleReservationRequest request) = 0;
  virtual Task<absl::StatusOr<billing::v1::ReleaseReservationResponse>> ReleaseReservation(
      CallContext call, billing::v1::ReleaseReservationRequest request) = 0;
  virtual Task<absl::StatusOr<billing::v1::CheckKeyResponse>> CheckKey(
      CallContext call, billing::v1::CheckKeyRequest request) = 0;
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_CLIENTS_BILLING_CLIENT_H_
