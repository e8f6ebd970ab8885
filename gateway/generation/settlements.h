#ifndef PRISMATIC_GATEWAY_GENERATION_SETTLEMENTS_H_
#define PRISMATIC_GATEWAY_GENERATION_SETTLEMENTS_H_

#include <map>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/clients/billing_client.h"
#include "gateway/generation/background.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::gateway {

// Charges what was delivered, however long billing is away. Bound to no client's connection.
// Thread-safe; all collaborators outlive it and every settlement.
//
// Metrics: prismatic_settlements_pending_total, prismatic_settlements_lost_total,
// prismatic_settlements_unanswered.
class Settlements {
 public:
  struct Options {
    BillingClient* billing = nullptr;
    loop::Loop* loop = nullptr;
    // Coroutines go on here after a wait on the loop.
    Executor* workers = nullptr;
    Background* background = nullptr;
    metrics::Registry* metrics = nullptr;
    // How long an answer waits for a settlement that cannot be made.
    absl::Duration wait;
    // The first pause between two tries; it doubles up to 8 times itself.
    absl::Duration pause;
    // After this long without an answer billing counts as away.
    absl::Duration unanswered_max;
  };
  explicit Settlements(Options options);

  enum class Outcome {
    kSettled,
    // Billing could not be reached; it is tried again behind the answer.
    kPending,
    // Billing knows the reservation no more, or otherwise: never charged.
    kRefused,
  };
  // `reservation` becomes what billing answers; it outlives the task.
  Task<Outcome> Settle(CallContext call, int delivered, billing::v1::Reservation* reservation);

  // A settlement has had no answer for `unanswered_max`, and billing has answered no other one since.
  // Then the next generation would most likely be given away too, so none is begun: reservations may work
  // all the same, since they take another connection and a shorter way through Redis. What counts is the
  // answer, not what it says: one reservation that billing fails over does not stop the rest.
  bool unanswered_too_long() const;

 private:
  // One try, noted.
  Task<absl::StatusOr<billing::v1::SettleReservationResponse>> Try(
      CallContext call, billing::v1::SettleReservationRequest request);
  Task<void> GoOn(CallContext call, billing::v1::SettleReservationRequest request);
  void Note(const std::string& reservation, absl::Time began, const absl::Status& status);
  void CountLost(absl::string_view message, const CallContext& call,
                 const billing::v1::SettleReservationRequest& request, const absl::Status& status);

  const Options options_;
  metrics::Counter pending_;
  metrics::Counter lost_;
  metrics::Gauge unanswered_gauge_;

  mutable std::mutex mutex_;
  absl::Time answered_ = absl::InfinitePast();  // guarded by mutex_: billing's last answer
  // By reservation: since when it has had no answer, counted from billing's last one at the earliest.
  std::map<std::string, absl::Time> unanswered_;  // guarded by mutex_
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GENERATION_SETTLEMENTS_H_
