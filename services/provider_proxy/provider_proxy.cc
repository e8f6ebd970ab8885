#include "services/provider_proxy/provider_proxy.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/generation.h"

namespace prismatic::provider_proxy {
namespace {

// Ends before the gateway's 300 s, so that the gateway hears why.
constexpr absl::Duration kGenerationMax = absl::Seconds(295);
// How long a replica may be behind the caller's catalog.
constexpr absl::Duration kCatalogWaitMax = absl::Milliseconds(200);
// How long a request waits for a provider that is at its limit, when no other route has room.
constexpr absl::Duration kSlotWaitMax = absl::Seconds(2);
// Calls side by side for one request, so that one request with n = 10 does not take a provider's slots.
constexpr int kCallsAtOnce = 4;
constexpr int kImagesMax = 10;
constexpr int kReferenceImagesMax = 16;

absl::Status Check(const v1::GenerateImagesRequest& request) {
  if (request.model().empty()) return InvalidValue("model", "model is empty");
  if (request.prompt().empty()) return InvalidValue("prompt", "prompt is empty");
  if (request.image_count() < 1 || request.image_count() > kImagesMax) {
    return InvalidValue("n", "image_count must be 1 to 10");
  }
  if (request.reference_images_size() > kReferenceImagesMax) {
    return InvalidValue("image_url", "at most 16 reference images");
  }
  return absl::OkStatus();
}

}  // namespace

ProviderProxy::ProviderProxy(Parts parts)
    : loop_(parts.loop),
      workers_(parts.workers),
      catalog_(parts.catalog),
      credentials_(std::move(parts.credentials)),
      random_(std::move(parts.random)),
      metrics_(parts.metrics),
      slots_(parts.loop, parts.metrics),
      client_(parts.loop, std::move(parts.http)),
      fetcher_(parts.loop, client_),
      caller_({workers_, client_, fetcher_, credentials_, metrics_}) {
  limits_ = catalog_.Subscribe([this](const std::shared_ptr<const catalog_watch::Snapshot>& snapshot) {
    for (const catalog::v1::Provider& provider : snapshot->catalog().providers()) {
      slots_.SetLimit(provider.name(), provider.max_concurrent());
    }
  });
}

ProviderProxy::~ProviderProxy() = default;

Task<absl::Status> ProviderProxy::Generate(CallContext call, v1::GenerateImagesRequest request,
                                           ImageSink sink) {
  absl::Status checked = Check(request);
  if (!checked.ok()) co_return checked;
  call.deadline = std::min(call.deadline, absl::Now() + kGenerationMax);

  int64_t want = std::max<int64_t>(1, request.catalog_version());
  auto waiting = catalog_.WaitForVersion(want, kCatalogWaitMax);
  bool current = co_await waiting;
  std::shared_ptr<const catalog_watch::Snapshot> snapshot = catalog_.Current();
  if (!current) co_return error::CatalogBehind(snapshot->version(), want);
  ResumeOn workers(&workers_);
  co_await workers;

  absl::StatusOr<std::vector<Candidate>> candidates = CandidatesFor(*snapshot, request);
  if (!candidates.ok()) co_return candidates.status();
  auto generation =
      std::make_shared<Generation>(std::move(call), std::move(request), std::move(sink), std::move(snapshot));
  auto trying = TryRoutes(generation, InOrderOfTrial(*std::move(candidates), random_));
  co_await trying;
  co_return Conclude(*generation);
}

absl::StatusOr<std::vector<Candidate>> ProviderProxy::CandidatesFor(
    const catalog_watch::Snapshot& snapshot, const v1::GenerateImagesRequest& request) const {
  const catalog::v1::Model* model = snapshot.FindModel(request.model());
  if (model == nullptr) return error::ModelNotFound(request.model());
  std::vector<Candidate> candidates;
  for (const catalog::v1::Route* route : snapshot.ActiveRoutes(*model)) {
    const catalog::v1::Provider* provider = snapshot.FindProvider(route->provider());
    const Adapter* adapter = AdapterFor(provider->wire_format());
    if (adapter != nullptr) candidates.push_back({route, provider, adapter});
  }
  if (candidates.empty()) return error::NoImageRoute(request.model());
  candidates = ThatTakeReferences(std::move(candidates), request.reference_images_size());
  if (candidates.empty()) return error::ReferenceImagesNotTaken(request.model());
  return candidates;
}

Task<bool> ProviderProxy::TryRoutes(std::shared_ptr<Generation> generation,
                                    std::vector<Candidate> candidates) {
  std::vector<Candidate> full;
  std::vector<Candidate> again;
  for (size_t i = 0; i < candidates.size() && !generation->over(); ++i) {
    if (i > 0) metrics_.CountFallback(candidates[i - 1].provider->name(), generation->LastLabel());
    auto trying = TryRoute(generation, candidates[i], /*may_wait=*/false);
    bool had_room = co_await trying;
    if (!had_room) full.push_back(candidates[i]);
    if (generation->MayAskAgain(candidates[i])) again.push_back(candidates[i]);
  }
  // No route had both room and an image: now it is worth waiting, for the first that only lacked room.
  for (size_t i = 0; i < full.size() && !generation->over(); ++i) {
    auto waiting = TryRoute(generation, full[i], /*may_wait=*/i == 0);
    co_await waiting;
  }
  for (size_t i = 0; i < again.size() && !generation->over(); ++i) {
    metrics_.CountFallback(again[i].provider->name(), "retry_safe");
    auto repeating = TryRoute(generation, again[i], /*may_wait=*/true);
    co_await repeating;
  }
  co_return true;
}

// False when the provider had no room, so that nothing was tried.
Task<bool> ProviderProxy::TryRoute(std::shared_ptr<Generation> generation, Candidate candidate,
                                   bool may_wait) {
  const std::string& provider = candidate.provider->name();
  int limit = candidate.provider->max_concurrent();
  std::vector<Slots::Slot> slots;
  if (may_wait) {
    auto taking = slots_.Take(provider, limit, kSlotWaitMax, generation->call.cancellation);
    std::optional<Slots::Slot> slot = co_await taking;
    if (slot) slots.push_back(*std::move(slot));
    ResumeOn workers(&workers_);
    co_await workers;
  } else if (std::optional<Slots::Slot> slot = slots_.TryTake(provider, limit)) {
    slots.push_back(*std::move(slot));
  }
  if (slots.empty()) {
    generation->NoteFull();
    co_return false;
  }
  // The first slot is enough to make all calls one after the other; what else is free makes it faster.
  auto pieces = std::make_shared<Pieces>(candidate, generation->missing(),
                                         candidate.adapter->ImagesPerCallMax(candidate.target()));
  int lanes_max = std::min(kCallsAtOnce, pieces->size());
  while (static_cast<int>(slots.size()) < lanes_max) {
    std::optional<Slots::Slot> slot = slots_.TryTake(provider, limit);
    if (!slot) break;
    slots.push_back(*std::move(slot));
  }
  std::vector<Task<bool>> lanes;
  for (Slots::Slot& slot : slots) lanes.push_back(RunLane(generation, pieces, std::move(slot)));
  auto all = WhenAll(std::move(lanes));
  co_await all;
  co_return true;
}

Task<bool> ProviderProxy::RunLane(std::shared_ptr<Generation> generation, std::shared_ptr<Pieces> pieces,
                                  Slots::Slot slot) {
  {
    // Given back before whoever waits for this lane goes on, not when the frame is freed.
    Slots::Slot held = std::move(slot);
    while (std::optional<int> count = pieces->Next()) {
      auto calling = caller_.Call(generation->call, generation->request, pieces->candidate, *count);
      Outcome outcome = co_await calling;
      if (!generation->Take(std::move(outcome), pieces->candidate, *count, metrics_)) pieces->Stop();
    }
  }
  co_return true;
}

absl::Status ProviderProxy::Conclude(Generation& generation) {
  if (generation.delivered() == 0) return generation.TakeFailure();
  metrics_.ObserveGeneration(generation.first_provider(), generation.request->model(),
                             absl::Now() - generation.started);
  generation.Summarize();
  return absl::OkStatus();
}

}  // namespace prismatic::provider_proxy
