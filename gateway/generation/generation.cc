#include "gateway/generation/generation.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "gateway/generation/billing_calls.h"
#include "gateway/generation/generation_errors.h"
#include "services/catalog_watch/route_rules.h"
#include "services/common/crypto/crypto.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::gateway {
namespace {

using billing::v1::CreateReservationRequest;
using billing::v1::CreateReservationResponse;
using billing::v1::ReleaseReservationRequest;
using catalog_watch::Snapshot;

// As long as billing holds for a reservation that nobody resolves.
constexpr absl::Duration kReservationTime = absl::Seconds(420);
// While billing is away each failure leaves one behind; more of them would make its return harder, and a hold
// ends by itself, too.
constexpr int kReleasesWaitingMax = 1'000;
constexpr int kReleasePauseGrowth = 8;
// The label of every model that the catalog does not know: clients choose these names.
constexpr char kOtherModel[] = "_other";

// Why the catalog has no route for it, in the order in which it is told.
absl::Status RefusalOf(const Snapshot& snapshot, const catalog::v1::Model* model,
                       absl::string_view public_model, int references) {
  if (model == nullptr) return error::ModelNotFound(public_model);
  if (!absl::c_linear_search(model->capabilities(), catalog::v1::CAPABILITY_IMAGE_GENERATION)) {
    return error::ModelDoesNotSupportImages(public_model);
  }
  // Whether a model can take them at all is a property of the model, not of today's switches.
  bool possible = absl::c_any_of(model->routes(), [references](const catalog::v1::Route& route) {
    return catalog_watch::TakesReferenceImages(route, references);
  });
  if (references > 0 && !possible) return error::ReferenceImagesNotSupported(public_model, references);
  std::vector<const catalog::v1::Route*> routes = snapshot.ActiveRoutes(*model);
  bool usable = absl::c_any_of(routes, [references](const catalog::v1::Route* route) {
    return catalog_watch::TakesReferenceImages(*route, references);
  });
  return usable ? absl::OkStatus() : error::NoImageRoute(public_model);
}

int ReferencesOf(const ImageRequest& request) { return request.parameters.reference_images_size(); }

CreateReservationRequest ReservationFor(const CallContext& call, const ImageRequest& request,
                                        const std::string& model, int64_t catalog_version) {
  CreateReservationRequest reserve;
  reserve.set_api_key(request.api_key);
  reserve.set_attempt_id(call.request_id);
  reserve.set_idempotency_key(request.idempotency_key);
  reserve.set_body_sha256(request.body_sha256);
  reserve.set_model(model);
  reserve.set_image_count(request.parameters.image_count());
  reserve.set_size(request.parameters.size());
  reserve.set_quality(request.parameters.quality());
  reserve.set_catalog_version(catalog_version);
  return reserve;
}

// What billing refuses, in the words of a client, who knows public IDs only.
absl::Status InPublicWords(const absl::Status& refusal, absl::string_view public_model) {
  switch (ReasonOf(refusal)) {
    case common::v1::ERROR_REASON_MODEL_NOT_FOUND:
      return error::ModelNotFound(public_model);
    case common::v1::ERROR_REASON_MODEL_NOT_ALLOWED:
      return error::ModelNotAllowed(public_model);
    default:
      return WorthRepeating(refusal) ? error::BillingUnavailable() : refusal;
  }
}

// The account in a form that is the same at every gateway and tells provider-proxy nothing.
std::string CallerOf(const std::string& account) {
  constexpr size_t kCallerBytes = 8;
  return absl::BytesToHexString(crypto::Sha256(account).substr(0, kCallerBytes));
}

std::string OutcomeName(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kCancelled) return "client_gone";
  std::string reason = ReasonName(ReasonOf(status));
  return reason == "UNSPECIFIED" ? "internal_error" : absl::AsciiStrToLower(reason);
}

const char* OutcomeName(Settlements::Outcome outcome) {
  switch (outcome) {
    case Settlements::Outcome::kSettled:
      return "settled";
    case Settlements::Outcome::kPending:
      return "settlement_pending";
    case Settlements::Outcome::kRefused:
      break;
  }
  return "settlement_refused";
}

}  // namespace

Generation::Generation(Options options)
    : options_(options),
      settlements_({.billing = options.billing,
                    .loop = options.loop,
                    .workers = options.workers,
                    .background = &background_,
                    .metrics = options.metrics,
                    .wait = options.settle_wait,
                    .pause = options.settle_pause,
                    .unanswered_max = options.settle_unanswered_max}) {}

Task<absl::StatusOr<ImageReply>> Generation::Run(CallContext call, ImageRequest request) {
  absl::Time started = absl::Now();
  Ending ending;
  auto steps = Steps(std::move(call), std::move(request), &ending);
  absl::StatusOr<ImageReply> reply = co_await steps;
  Count(ending, reply.status(), started);
  co_return reply;
}

Task<absl::StatusOr<ImageReply>> Generation::Steps(CallContext call, ImageRequest request, Ending* ending) {
  if (call.cancellation.cancelled()) co_return error::ClientGone();
  if (settlements_.unanswered_too_long()) co_return error::BillingUnavailable();
  Resolved resolved = Resolve(request.public_model, ReferencesOf(request));
  if (resolved.catalog_version == 0) co_return error::ServerIsOverloaded();
  ending->model = resolved.model.empty() ? kOtherModel : resolved.model;
  if (!resolved.refusal.ok()) {
    auto refusing = Refuse(call, request, resolved);
    absl::Status refusal = co_await refusing;
    co_return refusal;
  }
  auto reserving = Reserve(call, request, resolved);
  absl::StatusOr<CreateReservationResponse> reserved = co_await reserving;
  if (!reserved.ok()) co_return reserved.status();

  request.parameters.set_caller(CallerOf(reserved->reservation().account()));
  absl::Time asked = absl::Now();
  auto generating = Generate(call, request, resolved);
  Generated generated = co_await generating;
  absl::Duration provider_time = absl::Now() - asked;
  if (generated.images.empty()) {
    ReleaseReservationRequest release;
    release.set_reservation_id(reserved->reservation().id());
    auto releasing = Release(call, std::move(release));
    co_await releasing;
    co_return generated.status.ok() ? InternalError("provider-proxy sent no image") : generated.status;
  }

  ImageReply reply;
  reply.images = std::move(generated.images);
  reply.summary = std::move(generated.summary);
  reply.share = std::move(generated.share);
  reply.provider_time = provider_time;
  reply.reservation = std::move(*reserved->mutable_reservation());
  reply.requests_limit = reserved->requests();
  reply.images_limit = reserved->images();
  auto settling = settlements_.Settle(call, static_cast<int>(reply.images.size()), &reply.reservation);
  Settlements::Outcome settled = co_await settling;
  ending->outcome = OutcomeName(settled);
  co_return reply;
}

Generation::Resolved Generation::Resolve(absl::string_view public_model, int references) const {
  std::shared_ptr<const Snapshot> snapshot = options_.catalog->Current();
  const catalog::v1::Model* model = snapshot->FindByPublicId(public_model);
  return {.catalog_version = snapshot->version(),
          .model = model == nullptr ? "" : model->name(),
          .refusal = RefusalOf(*snapshot, model, public_model, references)};
}

// What a refusal tells about the catalog is told only to a valid key within its limits that may use the
// model, and not to who repeats a request: billing says first all that comes before.
Task<absl::Status> Generation::Refuse(CallContext call, const ImageRequest& request, Resolved resolved) {
  CreateReservationRequest check = ReservationFor(call, request, resolved.model, resolved.catalog_version);
  check.set_validate_only(true);
  auto checking = options_.billing->CreateReservation(WithDeadline(call, kReserveDeadline), std::move(check));
  absl::StatusOr<CreateReservationResponse> checked = co_await checking;
  if (!checked.ok()) co_return InPublicWords(checked.status(), request.public_model);
  co_return resolved.refusal;
}

Task<absl::StatusOr<CreateReservationResponse>> Generation::Reserve(CallContext call,
                                                                    const ImageRequest& request,
                                                                    Resolved resolved) {
  CreateReservationRequest reserve = ReservationFor(call, request, resolved.model, resolved.catalog_version);
  auto first = options_.billing->CreateReservation(WithDeadline(call, kReserveDeadline), reserve);
  absl::StatusOr<CreateReservationResponse> reserved = co_await first;
  if (reserved.ok()) co_return reserved;
  if (!WorthRepeating(reserved.status())) co_return InPublicWords(reserved.status(), request.public_model);
  bool gone = call.cancellation.cancelled();
  if (!gone) {
    auto second =
        options_.billing->CreateReservation(WithDeadline(call, kReserveDeadline), std::move(reserve));
    reserved = co_await second;
    if (reserved.ok()) co_return reserved;
  }

  // The first try may be held all the same: take it back, or let its mark stop it from coming later.
  log::Warning("a reservation without an answer is given up", {{"request_id", call.request_id}, call.trace});
  ReleaseReservationRequest release;
  release.set_api_key(request.api_key);
  release.set_attempt_id(call.request_id);
  background_.Run(Release(call, std::move(release)));
  if (gone) co_return error::ClientGone();
  co_return InPublicWords(reserved.status(), request.public_model);
}

Task<Generated> Generation::Generate(CallContext call, ImageRequest& request, Resolved resolved) {
  int references = ReferencesOf(request);
  auto wish = std::make_shared<provider_proxy::v1::GenerateImagesRequest>(std::move(request.parameters));
  wish->set_request_id(call.request_id);
  wish->set_model(resolved.model);
  wish->set_catalog_version(resolved.catalog_version);
  CallContext bounded = WithDeadline(call, kGenerationDeadline);
  if (call.cancellation.cancelled()) co_return Generated{.status = error::ClientGone()};
  auto first = options_.provider->GenerateImages(bounded, wish);
  Generated generated = co_await first;

  // Provider-proxy knew of a switch that this gateway had not heard of yet, or the other way round:
  // nothing was sent, so a newer catalog may decide once more.
  if (HasReason(generated.status, common::v1::ERROR_REASON_NO_IMAGE_ROUTE)) {
    if (call.cancellation.cancelled()) co_return Generated{.status = error::ClientGone()};
    Resolved again = Resolve(request.public_model, references);
    if (!again.refusal.ok()) {
      generated.status = again.refusal;
    } else if (again.catalog_version > resolved.catalog_version && again.model == resolved.model) {
      // Others may still look at the first one. This is the rare way, so it may copy.
      wish = std::make_shared<provider_proxy::v1::GenerateImagesRequest>(*wish);
      wish->set_catalog_version(again.catalog_version);
      auto second = options_.provider->GenerateImages(bounded, wish);
      generated = co_await second;
    }
  }
  // The pipeline cancels no call: one that ends so was ended by the other side going down.
  if (generated.status.code() == absl::StatusCode::kCancelled) {
    generated.status = absl::UnavailableError(generated.status.message());
  }
  size_t wanted = static_cast<size_t>(wish->image_count());
  if (generated.images.size() > wanted) generated.images.resize(wanted);
  co_return generated;
}

// The first try comes before the answer, so that who is told of a failure finds everything given back.
Task<void> Generation::Release(CallContext call, ReleaseReservationRequest request) {
  auto trying = TryToRelease(call, request);
  bool done = co_await trying;
  if (!done) background_.Run(GoOnReleasing(std::move(call), std::move(request)));
}

// Until the hold ends by itself: till then its account lacks the money, and its Idempotency-Key is taken.
Task<void> Generation::GoOnReleasing(CallContext call, ReleaseReservationRequest request) {
  bool has_place = releases_waiting_.fetch_add(1) < kReleasesWaitingMax;
  absl::Time expired = absl::Now() + kReservationTime;
  absl::Duration pause = options_.settle_pause;
  bool done = false, stopping = false;
  while (!done && has_place && !stopping && absl::Now() < expired) {
    stopping = background_.stopping();  // leaves time for one more
    auto sleeping = options_.loop->Sleep(pause);
    co_await sleeping;
    ResumeOn resume(options_.workers);
    co_await resume;
    auto trying = TryToRelease(call, request);
    done = co_await trying;
    pause = std::min(pause * 2, options_.settle_pause * kReleasePauseGrowth);
  }
  releases_waiting_.fetch_sub(1);
  if (!done) log::Warning("release left to the hold's end", {{"request_id", call.request_id}, call.trace});
}

// True when asking again cannot change anything.
Task<bool> Generation::TryToRelease(CallContext call, ReleaseReservationRequest request) {
  auto trying = options_.billing->ReleaseReservation(WithDeadline(call, kSettleDeadline), std::move(request));
  auto released = co_await trying;
  if (released.ok()) co_return true;
  if (WorthRepeating(released.status())) co_return false;
  log::Warning(
      "release refused",
      {{"request_id", call.request_id}, call.trace, {"reason", ReasonName(ReasonOf(released.status()))}});
  co_return true;
}

bool Generation::Drain(absl::Duration grace) { return background_.Drain(grace); }

void Generation::Count(const Ending& ending, const absl::Status& status, absl::Time started) const {
  std::string outcome = ending.outcome.empty() ? OutcomeName(status) : ending.outcome;
  options_.metrics
      ->GetCounter("prismatic_generations_total", "Generation requests by how they ended.",
                   {{"model", ending.model}, {"outcome", outcome}})
      .Add();
  options_.metrics
      ->GetHistogram("prismatic_generation_duration_seconds",
                     "From the request to its settled answer or refusal.", metrics::SlowBuckets(),
                     {{"model", ending.model}})
      .Observe(absl::Now() - started);
}

}  // namespace prismatic::gateway
