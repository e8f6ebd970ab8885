#ifndef PRISMATIC_GATEWAY_GENERATION_GENERATION_H_
#define PRISMATIC_GATEWAY_GENERATION_GENERATION_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/clients/billing_client.h"
#include "gateway/clients/provider_client.h"
#include "gateway/generation/background.h"
#include "gateway/generation/image_request.h"
#include "gateway/generation/settlements.h"
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
    // The first pause between two tries to settle or to release; it doubles up to 8 times itself.
    absl::Duration settle_pause = absl::Milliseconds(250);
    // A settlement without an answer for this long stops new generations, see Settlements. A restart or a
    // failover that goes well takes less.
    absl::Duration settle_unanswered_max = absl::Seconds(5);
  };
  explicit Generation(Options options);

  // `call.request_id` is the attempt's UUIDv7. A cancelled `call` means that the client has gone: what has
  // not been begun is not begun, and what is held for it released (CANCELLED); once provider-proxy has been
  // asked, the generation is finished and charged whether anybody waits or not.
  Task<absl::StatusOr<ImageReply>> Run(CallContext call, ImageRequest request);

  // Ends what goes on behind answers already given: releases get one more try and are then left to the end
  // of their holds, settlements that billing still does not take are left to their log lines. True when
  // nothing is left within `grace`. Blocks; no Run may be under way.
  bool Drain(absl::Duration grace);

 private:
  // What the catalog makes of a request.
  struct Resolved {
    int64_t catalog_version = 0;
    std::string model;     // canonical; empty: no such public ID
    absl::Status refusal;  // OK: a route can serve it
  };
  // For the metrics.
  struct Ending {
    std::string model = "_none";  // it ended before the catalog was looked at
    std::string outcome;          // of what was delivered; else the status tells
  };
  Task<absl::StatusOr<ImageReply>> Steps(CallContext call, ImageRequest request, Ending* ending);
  Resolved Resolve(absl::string_view public_model, int references) const;
  Task<absl::Status> Refuse(CallContext call, const ImageRequest& request, Resolved resolved);
  Task<absl::StatusOr<billing::v1::CreateReservationResponse>> Reserve(CallContext call,
                                                                       const ImageRequest& request,
                                                                       Resolved resolved);
  // Takes the parameters out of `request`.
  Task<Generated> Generate(CallContext call, ImageRequest& request, Resolved resolved);
  Task<void> Release(CallContext call, billing::v1::ReleaseReservationRequest request);
  Task<void> GoOnReleasing(CallContext call, billing::v1::ReleaseReservationRequest request);
  Task<bool> TryToRelease(CallContext call, billing::v1::ReleaseReservationRequest request);
  void Count(const Ending& ending, const absl::Status& status, absl::Time started) const;

  const Options options_;
  Background background_;
  std::atomic<int> releases_waiting_ = 0;
  Settlements settlements_;
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GENERATION_GENERATION_H_
