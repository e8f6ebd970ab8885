#ifndef PRISMATIC_GATEWAY_GENERATION_GENERATION_H_
#define PRISMATIC_GATEWAY_GENERATION_GENERATION_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/clients/billing_client.h"
#include "gateway/clients/provider_client.h"
#include "gateway/generation/image_request.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/task.h"

namespace prismatic::gateway {

// From here to the upstream's answer.
inline constexpr absl::Duration kGenerationDeadline = absl::Seconds(300);

// THE PIPELINE: resolve -> reserve -> generate -> settle. Knows neither HTTP nor JSON. Every run ends
// in exactly one of: refused before a hold, released, settled; what a crash leaves behind is expired by
// billing. Thread-safe; all collaborators outlive it and every run.
class Generation {
 public:
  struct Options {
    const catalog_watch::CatalogHolder* catalog = nullptr;
    BillingClient* billing = nullptr;
    ProviderClient* provider = nullptr;
    // For the waits between repeated settlements.
    loop::Loop* loop = nullptr;
    // Coroutines go on here after a wait on the loop.
    Executor* workers = nullptr;
    metrics::Registry* metrics = nullptr;
    // How long a client waits for a settlement that cannot be made.
    absl::Duration settle_wait = absl::Seconds(30);
    // The first pause between two tries; it doubles up to 8 times itself.
    absl::Duration settle_pause = absl::Milliseconds(250);
  };
  explicit Generation(Options options);

  // `call.request_id` is the attempt's UUIDv7. Not bound to the client's connection.
  Task<absl::StatusOr<ImageReply>> Run(CallContext call, ImageRequest request);

  // Ends what goes on behind answers already given: releases are waited for, settlements that billing
  // still does not take are left to their log lines. True when nothing is left within `grace`. Blocks;
  // no Run may be under way.
  bool Drain(absl::Duration grace);

 private:
  struct Resolved {
    int64_t catalog_version = 0;
    std::string model;  // canonical
  };
  absl::StatusOr<Resolved> Resolve(const ImageRequest& request) const;
  Task<absl::Status> RefuseKnownKey(CallContext call, const ImageRequest& request, absl::Status refusal);
  Task<absl::StatusOr<billing::v1::CreateReservationResponse>> Reserve(CallContext call,
                                                                       const ImageRequest& request,
                                                                       Resolved resolved);
  Task<Generated> Generate(CallContext call, const ImageRequest& request, Resolved resolved);
  Task<void> Release(CallContext call, billing::v1::ReleaseReservationRequest request);
  Task<absl::Status> Settle(CallContext call, ImageReply* reply);
  Task<void> SettleInBackground(CallContext call, billing::v1::SettleReservationRequest request);
  // Runs a task that no answer waits for.
  void Detach(Task<void> task);
  bool stopping() const;
  void Count(absl::string_view model, absl::string_view outcome, absl::Time started) const;

  const Options options_;
  metrics::Counter settlements_pending_;
  metrics::Counter settlements_lost_;

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  int detached_ = 0;       // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GENERATION_GENERATION_H_
