#include "gateway/generation/generation.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "gateway/generation/generation_errors.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"

namespace prismatic::gateway {
namespace {

using billing::v1::CreateReservationRequest;
using billing::v1::CreateReservationResponse;
using billing::v1::ReleaseReservationRequest;
using billing::v1::SettleReservationRequest;
using billing::v1::SettleReservationResponse;
using catalog_watch::Snapshot;

// One try of a billing call. Billing itself gives Redis 100 ms for a reservation and 2 s for a
// settlement; what takes longer is not coming.
constexpr absl::Duration kReserveDeadline = absl::Seconds(1);
constexpr absl::Duration kSettleDeadline = absl::Seconds(3);
// An expired reservation is remembered this long; later nothing can be charged.
constexpr absl::Duration kReservationMemory = absl::Hours(24);
constexpr int kPauseDoublings = 3;

// The answer may have been lost or never made: the same identity may ask again.
bool WorthRepeating(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case common::v1::ERROR_REASON_BILLING_UNAVAILABLE:
      return true;
    case common::v1::ERROR_REASON_UNSPECIFIED:  // gRPC's own: connection lost, deadline
      return status.code() == absl::StatusCode::kUnavailable ||
             status.code() == absl::StatusCode::kDeadlineExceeded ||
             status.code() == absl::StatusCode::kCancelled || status.code() == absl::StatusCode::kAborted;
    default:
      return false;
  }
}

// Billing has decided about a settlement; asking again cannot change it. Anything else may pass.
bool IsSettlementVerdict(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case common::v1::ERROR_REASON_RESERVATION_FORGOTTEN:
    case common::v1::ERROR_REASON_RESERVATION_RESOLVED:
    case common::v1::ERROR_REASON_DELIVERED_COUNT_TOO_LARGE:
    case common::v1::ERROR_REASON_INVALID_VALUE:
      return true;
    default:
      return false;
  }
}

CallContext WithDeadline(const CallContext& call, absl::Duration from_now) {
  // A call of its own: the client's going away must not stop what concerns money.
  CallContext result;
  result.request_id = call.request_id;
  result.deadline = absl::Now() + from_now;
  return result;
}

bool TakesReferenceImages(const catalog::v1::Route& route) {
  return route.reference_images() == catalog::v1::REFERENCE_IMAGES_NATIVE ||
         route.reference_images() == catalog::v1::REFERENCE_IMAGES_CHAT;
}

std::string OutcomeName(const absl::Status& status) {
  if (status.ok()) return "settled";
  std::string reason = ReasonName(ReasonOf(status));
  return reason == "UNSPECIFIED" ? "internal_error" : absl::AsciiStrToLower(reason);
}

}  // namespace

Generation::Generation(Options options)
    : options_(options),
      settlements_pending_(
          options.metrics->GetCounter("prismatic_settlements_pending_total",
                                      "Answers given before billing could confirm the settlement.")),
      settlements_lost_(options.metrics->GetCounter("prismatic_settlements_lost_total",
                                                    "Generations delivered that billing never charged.")) {}

Task<absl::StatusOr<ImageReply>> Generation::Run(CallContext call, ImageRequest request) {
  absl::Time started = absl::Now();
  absl::StatusOr<Resolved> resolved = Resolve(request);
  if (!resolved.ok()) {
    auto refusal = RefuseKnownKey(call, request, resolved.status());
    absl::Status refused = co_await refusal;
    Count("_none", OutcomeName(refused), started);
    co_return refused;
  }
  auto reserving = Reserve(call, request, *resolved);
  absl::StatusOr<CreateReservationResponse> reserved = co_await reserving;
  if (!reserved.ok()) {
    Count(resolved->model, OutcomeName(reserved.status()), started);
    co_return reserved.status();
  }

  auto generating = Generate(call, request, *resolved);
  Generated generated = co_await generating;
  if (generated.images.empty()) {
    ReleaseReservationRequest release;
    release.set_reservation_id(reserved->reservation().id());
    auto releasing = Release(call, std::move(release));
    co_await releasing;
    absl::Status failure =
        generated.status.ok() ? InternalError("provider-proxy sent no image") : generated.status;
    Count(resolved->model, OutcomeName(failure), started);
    co_return failure;
  }

  ImageReply reply;
  reply.images = std::move(generated.images);
  reply.summary = std::move(generated.summary);
  reply.reservation = std::move(*reserved->mutable_reservation());
  reply.requests_limit = reserved->requests();
  reply.images_limit = reserved->images();
  auto settling = Settle(call, &reply);
  absl::Status settled = co_await settling;
  Count(resolved->model, OutcomeName(settled), started);
  co_return reply;
}

absl::StatusOr<Generation::Resolved> Generation::Resolve(const ImageRequest& request) const {
  std::shared_ptr<const Snapshot> snapshot = options_.catalog->Current();
  if (snapshot->version() == 0) return error::ServerIsOverloaded();
  const catalog::v1::Model* model = snapshot->FindByPublicId(request.public_model);
  if (model == nullptr) return error::ModelNotFound(request.public_model);
  if (!absl::c_linear_search(model->capabilities(), catalog::v1::CAPABILITY_IMAGE_GENERATION)) {
    return error::ModelDoesNotSupportImages(request.public_model);
  }
  bool has_references = !request.parameters.reference_images().empty();
  // Whether a model can take them at all is a property of the model, not of today's switches.
  if (has_references && !absl::c_any_of(model->routes(), TakesReferenceImages)) {
    return error::ReferenceImagesNotSupported(request.public_model);
  }
  std::vector<const catalog::v1::Route*> routes = snapshot->ActiveRoutes(*model);
  bool usable = absl::c_any_of(routes, [has_references](const catalog::v1::Route* route) {
    return !has_references || TakesReferenceImages(*route);
  });
  if (!usable) return error::NoImageRoute(request.public_model);
  return Resolved{.catalog_version = snapshot->version(), .model = model->name()};
}

// What a refusal tells about the catalog is told only to a valid key within its limits.
Task<absl::Status> Generation::RefuseKnownKey(CallContext call, const ImageRequest& request,
                                              absl::Status refusal) {
  billing::v1::CheckKeyRequest check;
  check.set_api_key(request.api_key);
  check.set_image_count(request.parameters.image_count());
  auto checking = options_.billing->CheckKey(WithDeadline(call, kReserveDeadline), std::move(check));
  absl::StatusOr<billing::v1::CheckKeyResponse> key = co_await checking;
  if (!key.ok()) co_return WorthRepeating(key.status()) ? error::BillingUnavailable() : key.status();
  const catalog::v1::Model* model = nullptr;
  std::shared_ptr<const Snapshot> snapshot = options_.catalog->Current();
  model = snapshot->FindByPublicId(request.public_model);
  if (model != nullptr && !key->allowed_models().empty() &&
      !absl::c_linear_search(key->allowed_models(), model->name())) {
    co_return error::ModelNotAllowed(request.public_model);
  }
  co_return refusal;
}

Task<absl::StatusOr<CreateReservationResponse>> Generation::Reserve(CallContext call,
                                                                    const ImageRequest& request,
                                                                    Resolved resolved) {
  CreateReservationRequest reserve;
  reserve.set_api_key(request.api_key);
  reserve.set_attempt_id(call.request_id);
  reserve.set_idempotency_key(request.idempotency_key);
  reserve.set_body_sha256(request.body_sha256);
  reserve.set_model(resolved.model);
  reserve.set_image_count(request.parameters.image_count());
  reserve.set_size(request.parameters.size());
  reserve.set_quality(request.parameters.quality());
  reserve.set_catalog_version(resolved.catalog_version);

  auto first = options_.billing->CreateReservation(WithDeadline(call, kReserveDeadline), reserve);
  absl::StatusOr<CreateReservationResponse> reserved = co_await first;
  if (reserved.ok() || !WorthRepeating(reserved.status())) co_return reserved;
  auto second = options_.billing->CreateReservation(WithDeadline(call, kReserveDeadline), reserve);
  reserved = co_await second;
  if (reserved.ok()) co_return reserved;

  // The first try may be held all the same: take it back, or let its mark stop it from coming later.
  log::Warning("a reservation without an answer is given up", {{"request_id", call.request_id}});
  ReleaseReservationRequest release;
  release.set_api_key(request.api_key);
  release.set_attempt_id(call.request_id);
  Detach(Release(call, std::move(release)));
  co_return WorthRepeating(reserved.status()) ? error::BillingUnavailable() : reserved.status();
}

Task<Generated> Generation::Generate(CallContext call, const ImageRequest& request, Resolved resolved) {
  provider_proxy::v1::GenerateImagesRequest generate = request.parameters;
  generate.set_request_id(call.request_id);
  generate.set_model(resolved.model);
  generate.set_catalog_version(resolved.catalog_version);
  CallContext bounded = WithDeadline(call, kGenerationDeadline);
  auto first = options_.provider->GenerateImages(bounded, generate);
  Generated generated = co_await first;

  // Provider-proxy knew of a switch that this gateway had not heard of yet, or the other way round:
  // nothing was sent, so a newer catalog may decide once more.
  if (HasReason(generated.status, common::v1::ERROR_REASON_NO_IMAGE_ROUTE)) {
    absl::StatusOr<Resolved> again = Resolve(request);
    if (!again.ok()) {
      generated.status = again.status();
    } else if (again->catalog_version > resolved.catalog_version && again->model == resolved.model) {
      generate.set_catalog_version(again->catalog_version);
      auto second = options_.provider->GenerateImages(bounded, std::move(generate));
      generated = co_await second;
    }
  }
  int wanted = request.parameters.image_count();
  if (static_cast<int>(generated.images.size()) > wanted) generated.images.resize(wanted);
  co_return generated;
}

Task<void> Generation::Release(CallContext call, ReleaseReservationRequest request) {
  auto first = options_.billing->ReleaseReservation(WithDeadline(call, kSettleDeadline), request);
  auto released = co_await first;
  if (!released.ok() && WorthRepeating(released.status())) {
    auto second =
        options_.billing->ReleaseReservation(WithDeadline(call, kSettleDeadline), std::move(request));
    released = co_await second;
  }
  if (!released.ok()) {  // Expiry gives it back.
    log::Warning("release failed",
                 {{"request_id", call.request_id}, {"reason", released.status().message()}});
  }
}

Task<absl::Status> Generation::Settle(CallContext call, ImageReply* reply) {
  SettleReservationRequest settle;
  settle.set_reservation_id(reply->reservation.id());
  settle.set_delivered_count(static_cast<int32_t>(reply->images.size()));
  absl::Time give_up = absl::Now() + options_.settle_wait;
  absl::Duration pause = options_.settle_pause;
  for (;;) {
    auto trying = options_.billing->SettleReservation(WithDeadline(call, kSettleDeadline), settle);
    absl::StatusOr<SettleReservationResponse> settled = co_await trying;
    if (settled.ok()) {
      reply->reservation = std::move(*settled->mutable_reservation());
      co_return absl::OkStatus();
    }
    if (IsSettlementVerdict(settled.status())) {
      settlements_lost_.Add();
      log::Error("settlement refused", {{"request_id", call.request_id},
                                        {"reservation", settle.reservation_id()},
                                        {"delivered", settle.delivered_count()},
                                        {"reason", ReasonName(ReasonOf(settled.status()))}});
      co_return settled.status();
    }
    absl::Duration left = give_up - absl::Now();
    if (left <= absl::ZeroDuration()) break;
    pause = std::min(pause, left);
    auto sleeping = options_.loop->Sleep(pause);
    co_await sleeping;
    ResumeOn resume(options_.workers);
    co_await resume;
    pause = std::min(pause * 2, options_.settle_pause * (1 << kPauseDoublings));
  }
  settlements_pending_.Add();
  log::Warning("settlement_pending", {{"request_id", call.request_id},
                                      {"reservation", settle.reservation_id()},
                                      {"delivered", settle.delivered_count()}});
  Detach(SettleInBackground(call, std::move(settle)));
  co_return error::BillingUnavailable();
}

Task<void> Generation::SettleInBackground(CallContext call, SettleReservationRequest request) {
  absl::Time forgotten = absl::Now() + kReservationMemory;
  absl::Duration pause = options_.settle_pause * (1 << kPauseDoublings);
  while (absl::Now() < forgotten && !stopping()) {
    auto sleeping = options_.loop->Sleep(pause);
    co_await sleeping;
    ResumeOn resume(options_.workers);
    co_await resume;
    auto trying = options_.billing->SettleReservation(WithDeadline(call, kSettleDeadline), request);
    absl::StatusOr<SettleReservationResponse> settled = co_await trying;
    if (settled.ok()) {
      log::Info("settled late", {{"request_id", call.request_id}, {"reservation", request.reservation_id()}});
      co_return;
    }
    if (IsSettlementVerdict(settled.status())) break;
  }
  if (stopping()) co_return;  // the settlement_pending line tells the rest
  settlements_lost_.Add();
  log::Error("settlement lost", {{"request_id", call.request_id},
                                 {"reservation", request.reservation_id()},
                                 {"delivered", request.delivered_count()}});
}

void Generation::Detach(Task<void> task) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++detached_;
  }
  Start(std::move(task), [this] {
    std::lock_guard<std::mutex> lock(mutex_);
    if (--detached_ == 0) idle_.notify_all();
  });
}

bool Generation::stopping() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

bool Generation::Drain(absl::Duration grace) {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  return idle_.wait_for(lock, absl::ToChronoNanoseconds(grace), [this] { return detached_ == 0; });
}

void Generation::Count(absl::string_view model, absl::string_view outcome, absl::Time started) const {
  metrics::Labels labels{{"model", std::string(model)}, {"outcome", std::string(outcome)}};
  options_.metrics
      ->GetCounter("prismatic_generations_total", "Generation requests by how they ended.", labels)
      .Add();
  options_.metrics
      ->GetHistogram("prismatic_generation_duration_seconds",
                     "From the request to its settled answer or refusal.", metrics::SlowBuckets(),
                     {{"model", std::string(model)}})
      .Observe(absl::Now() - started);
}

}  // namespace prismatic::gateway
