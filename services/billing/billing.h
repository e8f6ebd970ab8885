#ifndef PRISMATIC_SERVICES_BILLING_BILLING_H_
#define PRISMATIC_SERVICES_BILLING_BILLING_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/billing/v1/billing.pb.h"
#include "services/billing/billing_metrics.h"
#include "services/billing/price_book.h"
#include "services/billing/redis_ledger.h"
#include "services/billing/sweeper.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::billing {

// What the transport knows of the caller.
struct CallerRights {
  // May name an account instead of giving its key.
  bool trusted_meter = false;
};

// The service that protos/prismatic/billing/v1/billing.proto promises, without a transport: called by the
// gRPC service, and directly where all services share a process. Thread-safe; resumes on Redis' loop.
//
// Beyond the proto: a repeated attempt answers `replayed` while it is pending or settled; once it is
// released or expired nothing is held for it any more, so RESERVATION_RESOLVED, lest work be done for it.
//
// Metrics: prismatic_reservations_total{result}, prismatic_reservation_checks_total{result} (those that only
// validate), prismatic_settlements_total{result}, prismatic_releases_total{result},
// prismatic_charged_nano_usd_total{model}, prismatic_images_charged_total{model},
// prismatic_charged_quota_units_total{model}. A charge whose answer was lost is counted when it is repeated
// here; the exact figures are the ledger's and ListUsage's.
class Billing {
 public:
  // All outlive it.
  Billing(RedisLedger& ledger, PriceBook& prices, Sweeper& sweeper, metrics::Registry& metrics);

  Task<absl::StatusOr<v1::CreateReservationResponse>> CreateReservation(v1::CreateReservationRequest request,
                                                                        CallerRights rights = {});
  Task<absl::StatusOr<v1::SettleReservationResponse>> SettleReservation(v1::SettleReservationRequest request);
  Task<absl::StatusOr<v1::ReleaseReservationResponse>> ReleaseReservation(
      v1::ReleaseReservationRequest request);
  Task<absl::StatusOr<v1::CheckKeyResponse>> CheckKey(v1::CheckKeyRequest request);
  Task<absl::StatusOr<v1::EstimateCostResponse>> EstimateCost(v1::EstimateCostRequest request,
                                                              CallerRights rights = {});

 private:
  Task<absl::StatusOr<v1::CreateReservationResponse>> Reserve(v1::CreateReservationRequest request,
                                                              CallerRights rights);
  // A catalog that is behind is a fact too: only callers within their rights are told.
  Task<absl::StatusOr<CatalogFact>> LookUp(std::string model, std::string size, std::string quality,
                                           int64_t catalog_version, Naming naming);
  // An estimate that holds past their time do not stand in the way of, as with a reservation.
  Task<absl::StatusOr<Estimate>> EstimateSwept(Payer payer, CatalogFact fact, int image_count);
  void CountSettlement(const std::string& reservation_id, const absl::StatusOr<Settlement>& settlement);
  void CountReservation(const absl::StatusOr<v1::CreateReservationResponse>& response);
  // Of a charge whose first answer was lost, when its repeat tells that it was made.
  Task<void> CountLostCharge(ReservationId id, int64_t ledger_sequence);

  RedisLedger& ledger_;
  PriceBook& prices_;
  Sweeper& sweeper_;
  CounterFamily reservations_;
  CounterFamily checks_;
  CounterFamily settlements_;
  CounterFamily releases_;
  CounterFamily charged_;
  CounterFamily images_;
  CounterFamily units_;
  CounterFamily replays_;
  metrics::Counter insufficient_funds_;
  LostAnswers lost_answers_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_BILLING_H_
