#include "services/provider_proxy/provider_proxy.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/generation.h"

namespace prismatic::provider_proxy {
namespace {

// How long a replica may be behind the caller's catalog.
constexpr absl::Duration kCatalogWaitMax = absl::Milliseconds(200);
// How long a request waits for a provider that is at its limit, when no other route has room.
constexpr absl::Duration kSlotWaitMax = absl::Seconds(2);
// Calls side by side for one request, so that one request with n = 10 does not take a provider's slots.
constexpr int kCallsAtOnce = 4;
constexpr int kImagesMax = 10;
// Fetched reference images have a part of the process's bytes for themselves, on top of it.
constexpr int64_t kReferencesPart = 4;
// When to come again when there was no room for reference images.
constexpr absl::Duration kNoRoomWait = absl::Seconds(5);
// As often as anybody reads metrics, and more.
constexpr absl::Duration kTick = absl::Seconds(1);
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
      bytes_in_flight_(parts.bytes_in_flight),
      reference_bytes_(bytes_in_flight_ == nullptr ? std::numeric_limits<int64_t>::max()
                                                   : bytes_in_flight_->max() / kReferencesPart),
      generation_max_(parts.generation_max),
      credentials_(std::move(parts.credentials)),
      credential_pool_(credentials_, clock_),
      random_(std::move(parts.random)),
      metrics_(parts.metrics),
      slots_(parts.loop, parts.metrics),
      health_(clock_, parts.metrics),
      retries_(clock_, parts.metrics),
      client_(parts.loop, std::move(parts.http)),
      fetcher_(parts.loop, client_),
      exchange_({loop_, workers_, client_, std::move(parts.egress_proxy)}),
      caller_({workers_, exchange_, fetcher_, credential_pool_, retries_, metrics_}),
      check_({loop_, workers_, client_, catalog_, credentials_, exchange_, bytes_in_flight_}),
      bytes_used_(parts.metrics.GetGauge(
          "prismatic_bytes_in_flight", "Bytes of requests and results in memory, of --bytes-in-flight-max.")),
      results_waiting_(parts.metrics.GetGauge("prismatic_results_waiting",
                                              "Requests whose results wait unread for room in memory.")),
      ticker_(parts.loop, kTick, [this] { Look(); }),
      concurrency_(parts.metrics.Read("prismatic_provider_concurrency",
                                      "Calls under way to each provider of the catalog.", "provider",
                                      [this] { return OfEachProvider(&Slots::View::in_flight); })),
      concurrency_limit_(parts.metrics.Read("prismatic_provider_concurrency_limit",
                                            "How many calls this process may have under way to a provider.",
                                            "provider",
                                            [this] { return OfEachProvider(&Slots::View::limit); })) {
  limits_ = catalog_.Subscribe([this](const std::shared_ptr<const catalog_watch::Snapshot>& snapshot) {
    UseCatalog(snapshot->catalog());
  });
  UseCatalog(catalog_.Current()->catalog());
}

ProviderProxy::~ProviderProxy() = default;

void ProviderProxy::Look() {
  health_.Advance();
  if (bytes_in_flight_ == nullptr) return;
  bytes_used_.Set(static_cast<double>(bytes_in_flight_->used() + reference_bytes_.used()));
  results_waiting_.Set(static_cast<double>(bytes_in_flight_->waiting()));
}

std::map<std::string, double> ProviderProxy::OfEachProvider(int Slots::View::*figure) {
  std::map<std::string, double> figures;
  std::shared_ptr<const catalog_watch::Snapshot> snapshot = catalog_.Current();
  for (const catalog::v1::Provider& provider : snapshot->catalog().providers()) {
    figures[provider.name()] = slots_.Look(provider.name()).*figure;
  }
  return figures;
}

void ProviderProxy::UseCatalog(const catalog::v1::Catalog& catalog) {
  for (const catalog::v1::Provider& provider : catalog.providers()) {
    slots_.SetLimit(provider.name(), provider.max_concurrent());
  }
  health_.UseCatalog(catalog);
}

Task<ProviderProxy::Generated> ProviderProxy::Generate(
    CallContext call, std::shared_ptr<const v1::GenerateImagesRequest> request, ImageSink sink) {
  absl::Time started = absl::Now();
  auto working = Work(call, request, std::move(sink));
  Generated generated = co_await working;
  bool ok = generated.status.ok();
  log::Info("generation",
            {{"request_id", call.request_id},
             call.trace,
             {"model", request->model()},
             {"outcome", ok ? "ok" : absl::AsciiStrToLower(ReasonName(ReasonOf(generated.status)))},
             {"images_wanted", request->image_count()},
             {"images", generated.images},
             {"upstream_calls", generated.upstream_calls},
             {"duration_ms", absl::ToInt64Milliseconds(absl::Now() - started)}});
  co_return std::move(generated);
}

Task<ProviderProxy::Generated> ProviderProxy::Work(CallContext call,
                                                   std::shared_ptr<const v1::GenerateImagesRequest> request,
                                                   ImageSink sink) {
  absl::Status checked = Check(*request);
  if (!checked.ok()) co_return Generated{checked, nullptr};
  call.deadline = std::min(call.deadline, absl::Now() + generation_max_);

  int64_t want = std::max<int64_t>(1, request->catalog_version());
  auto waiting = catalog_.WaitForVersion(want, kCatalogWaitMax);
  bool current = co_await waiting;
  std::shared_ptr<const catalog_watch::Snapshot> snapshot = catalog_.Current();
  if (!current) co_return Generated{error::CatalogBehind(snapshot->version(), want), nullptr};
  ResumeOn workers(&workers_);
  co_await workers;

  absl::StatusOr<std::vector<Candidate>> candidates = CandidatesFor(*snapshot, *request);
  if (!candidates.ok()) co_return Generated{candidates.status(), nullptr};
  auto generation = std::make_shared<Generation>(std::move(call), std::move(request), std::move(sink),
                                                 std::move(snapshot), bytes_in_flight_);
  auto trying = TryRoutes(
      generation, InOrderOfTrial(*std::move(candidates), random_, health_, generation->request->caller()));
  co_await trying;
  absl::Status status = Conclude(*generation);
  co_return Generated{std::move(status), generation->room, generation->delivered(), generation->calls()};
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
  if (candidates.size() > 1) {
    for (Candidate& candidate : candidates) {
      Parameters sent = ParametersFor(request, *candidate.adapter, candidate.target());
      candidate.honours_all = sent.ignored.empty() && !sent.approximated;
    }
  }
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
    if (generation->MayAskAgain(full[i])) again.push_back(full[i]);
  }
  for (size_t i = 0; i < again.size() && !generation->over(); ++i) {
    metrics_.CountFallback(again[i].provider->name(), "retry_safe");
    auto repeating = TryRoute(generation, again[i], /*may_wait=*/i == 0 && full.empty());
    co_await repeating;
  }
  // One that was only probed, with one call of several, has shown that it works.
  for (size_t i = 0; i < candidates.size() && generation->delivered() > 0 && !generation->over(); ++i) {
    if (generation->HasFailed(candidates[i])) continue;
    auto finishing = TryRoute(generation, candidates[i], /*may_wait=*/false);
    co_await finishing;
  }
  co_return true;
}

// One slot; none when the provider has no room.
Task<std::vector<Slots::Slot>> ProviderProxy::TakeSlot(std::shared_ptr<Generation> generation,
                                                       Candidate candidate, bool may_wait) {
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
  co_return slots;
}

// The request as the route needs it; null when its reference images cannot be had as bytes.
Task<std::shared_ptr<const v1::GenerateImagesRequest>> ProviderProxy::RequestFor(
    std::shared_ptr<Generation> generation, Candidate candidate) {
  const v1::GenerateImagesRequest& asked = *generation->request;
  if (asked.reference_images().empty() || !candidate.adapter->NeedsReferenceBytes(candidate.target())) {
    co_return generation->request;
  }
  if (!generation->inlined) {
    FetchOptions options =
        FetchOptionsFor(generation->call, candidate, nullptr, exchange_.EgressOf(*candidate.provider));
    auto inlining = InlineReferences(generation->call, generation->request, std::move(options), &fetcher_,
                                     &workers_, &reference_bytes_);
    absl::StatusOr<InlinedRequest> inlined = co_await inlining;
    generation->inlined.emplace(std::move(inlined));
  }
  if (generation->inlined->ok()) co_return (*generation->inlined)->request;
  if (absl::IsResourceExhausted(generation->inlined->status())) {
    generation->NoteResting(kNoRoomWait);
    co_return nullptr;
  }
  generation->NoteNoReferences(generation->inlined->status());
  co_return nullptr;
}

Health::Permit ProviderProxy::MayCall(const Generation& generation, const Candidate& candidate) {
  return health_.MayCall(candidate.provider->name(), candidate.route->upstream_model(),
                         generation.request->caller());
}

// False when the provider had no room, so that nothing was tried.
Task<bool> ProviderProxy::TryRoute(std::shared_ptr<Generation> generation, Candidate candidate,
                                   bool may_wait) {
  {
    // Looked at before anything is spent on it; the lanes ask for permits of their own.
    Health::Permit permit = MayCall(*generation, candidate);
    if (!permit) {
      generation->NoteResting(permit.wait());
      co_return true;
    }
  }
  auto preparing = RequestFor(generation, candidate);
  std::shared_ptr<const v1::GenerateImagesRequest> request = co_await preparing;
  if (request == nullptr) co_return true;
  auto taking = TakeSlot(generation, candidate, may_wait);
  std::vector<Slots::Slot> slots = co_await taking;
  if (slots.empty()) {
    generation->NoteFull();
    co_return false;
  }
  auto pieces = std::make_shared<Pieces>(candidate, std::move(request), generation->missing(),
                                         candidate.adapter->ImagesPerCallMax(candidate.target()),
                                         generation->FirstIndex());
  if (generation->attempts() == 0) {
    retries_.NoteFirstCall();
  } else if (!retries_.TryTake()) {
    generation->NoteNoRetries();
    co_return true;
  }
  generation->NoteAttempt();
  // The first slot is enough to make all calls one after the other; what else is free makes it faster.
  int lanes_max = std::min(kCallsAtOnce, pieces->size());
  while (static_cast<int>(slots.size()) < lanes_max) {
    std::optional<Slots::Slot> slot =
        slots_.TryTake(candidate.provider->name(), candidate.provider->max_concurrent());
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
  // Given back before whoever waits for this lane goes on, not when the frame is freed.
  std::optional<Slots::Slot> held(std::move(slot));
  const Candidate& candidate = pieces->candidate;
  while (!generation->over()) {
    std::optional<Piece> piece = pieces->Next();
    if (!piece) break;
    Health::Permit permit = MayCall(*generation, candidate);
    if (!permit) {
      generation->NoteResting(permit.wait());
      pieces->Stop();
      break;
    }
    auto calling = caller_.Call(generation->call, pieces->request, candidate, *piece, generation->room);
    UpstreamCaller::Result result = co_await calling;
    if (generation->CountsForHealth(result.outcome, candidate)) {
      permit.Report(result.outcome);
    } else {
      permit.Drop();
    }
    if (!generation->Take(std::move(result), candidate, piece->count, metrics_)) pieces->Stop();
  }
  held.reset();
  co_return true;
}

Task<absl::StatusOr<v1::TestProviderResponse>> ProviderProxy::Test(CallContext call,
                                                                   v1::TestProviderRequest request) {
  return check_.Run(std::move(call), std::move(request));
}

Task<absl::StatusOr<v1::GetProviderStatesResponse>> ProviderProxy::States() {
  std::shared_ptr<const catalog_watch::Snapshot> snapshot = catalog_.Current();
  ResumeOn workers(&workers_);  // credentials are files
  co_await workers;
  co_return ProviderStates(*snapshot, {health_, slots_, credentials_});
}

absl::Status ProviderProxy::Conclude(Generation& generation) {
  if (generation.attempts() > 0) metrics_.ObserveAttempts(generation.attempts());
  if (generation.delivered() == 0) return generation.TakeFailure();
  metrics_.ObserveGeneration(generation.first_provider(), generation.request->model(),
                             absl::Now() - generation.started);
  generation.Summarize();
  return absl::OkStatus();
}

}  // namespace prismatic::provider_proxy
