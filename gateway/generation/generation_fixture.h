#ifndef PRISMATIC_GATEWAY_GENERATION_GENERATION_FIXTURE_H_
#define PRISMATIC_GATEWAY_GENERATION_GENERATION_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/generation/generation.h"
#include "services/common/status/status.h"
#include "services/common/task/workers.h"
#include "tests/support/matchers.h"
#include "tests/support/wait.h"

namespace prismatic::gateway {

using namespace common::v1;  // NOLINT: reasons
using billing::v1::Reservation;

inline constexpr int64_t kPrice = 40'000'000;

// A billing with one wallet, which can be made to lose answers.
class FakeBilling : public BillingClient {
 public:
  int64_t balance = 10 * kPrice;
  std::map<std::string, Reservation> reservations;
  // What the next calls answer instead of working; after working when `lost` is set.
  std::deque<absl::Status> reserve_failures;
  bool lost = false;
  // What the next settlements answer instead of working.
  void FailSettlements(int count, const absl::Status& failure) {
    std::lock_guard<std::mutex> lock(mutex);
    settle_failures.insert(settle_failures.end(), count, failure);
  }
  void FailReleases(int count, const absl::Status& failure) {
    std::lock_guard<std::mutex> lock(mutex);
    release_failures.insert(release_failures.end(), count, failure);
  }
  void ForgetSettlementFailures() {
    std::lock_guard<std::mutex> lock(mutex);
    settle_failures.clear();
  }
  // What stands against the caller or the model, before any price: also told to one who only validates.
  absl::Status refusal;
  std::string allowed_model;
  // What stands against paying.
  absl::Status payment_refusal;
  std::function<void()> after_reserving = [] {}, before_settling = [] {};

  Task<absl::StatusOr<billing::v1::CreateReservationResponse>> CreateReservation(
      CallContext call, billing::v1::CreateReservationRequest request) override {
    std::lock_guard<std::mutex> lock(mutex);
    came.push_back(std::move(call));
    if (!reserve_failures.empty() && !lost) co_return TakeFailure(reserve_failures);
    billing::v1::CreateReservationResponse response;
    std::string id = "acme." + request.attempt_id();
    if (!refusal.ok()) co_return refusal;
    if (!request.model().empty() && !allowed_model.empty() && request.model() != allowed_model) {
      co_return absl::Status(Error(absl::StatusCode::kPermissionDenied, ERROR_REASON_MODEL_NOT_ALLOWED,
                                   "not allowed: " + request.model()));
    }
    if (request.validate_only()) co_return response;
    if (!payment_refusal.ok()) co_return payment_refusal;
    if (reservations.count(id) == 0) {
      if (balance < kPrice * request.image_count()) {
        co_return absl::Status(
            Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_CREDIT_BALANCE_EXHAUSTED, ""));
      }
      balance -= kPrice * request.image_count();
      Reservation& made = reservations[id];
      made.set_id(id);
      made.set_state(billing::v1::RESERVATION_STATE_PENDING);
      made.set_image_count(request.image_count());
    }
    *response.mutable_reservation() = reservations[id];
    after_reserving();
    if (!reserve_failures.empty()) co_return TakeFailure(reserve_failures);
    co_return response;
  }

  Task<absl::StatusOr<billing::v1::SettleReservationResponse>> SettleReservation(
      CallContext call, billing::v1::SettleReservationRequest request) override {
    std::lock_guard<std::mutex> lock(mutex);
    came.push_back(std::move(call));
    before_settling();
    if (!settle_failures.empty()) co_return TakeFailure(settle_failures);
    Reservation& reservation = reservations[request.reservation_id()];
    if (reservation.state() == billing::v1::RESERVATION_STATE_PENDING) {
      balance += kPrice * (reservation.image_count() - request.delivered_count());
      reservation.set_state(billing::v1::RESERVATION_STATE_SETTLED);
      reservation.set_delivered_count(request.delivered_count());
      reservation.set_charge_nano_usd(kPrice * request.delivered_count());
    }
    billing::v1::SettleReservationResponse response;
    *response.mutable_reservation() = reservation;
    co_return response;
  }

  Task<absl::StatusOr<billing::v1::ReleaseReservationResponse>> ReleaseReservation(
      CallContext call, billing::v1::ReleaseReservationRequest request) override {
    std::lock_guard<std::mutex> lock(mutex);
    came.push_back(std::move(call));
    ++release_calls;
    if (!release_failures.empty()) co_return TakeFailure(release_failures);
    std::string id =
        request.reservation_id().empty() ? "acme." + request.attempt_id() : request.reservation_id();
    Reservation& reservation = reservations[id];
    if (reservation.state() == billing::v1::RESERVATION_STATE_PENDING)
      balance += kPrice * reservation.image_count();
    reservation.set_state(billing::v1::RESERVATION_STATE_RELEASED);
    co_return billing::v1::ReleaseReservationResponse();
  }

  Task<absl::StatusOr<billing::v1::CheckKeyResponse>> CheckKey(CallContext,
                                                               billing::v1::CheckKeyRequest) override {
    co_return absl::UnimplementedError("the pipeline asks for reservations only");
  }

  // What all its calls came with, in order.
  std::vector<CallContext> calls() {
    std::lock_guard<std::mutex> lock(mutex);
    return came;
  }
  int releases() {
    std::lock_guard<std::mutex> lock(mutex);
    return release_calls;
  }
  billing::v1::ReservationState state() {
    std::lock_guard<std::mutex> lock(mutex);
    return reservations.empty() ? billing::v1::RESERVATION_STATE_UNSPECIFIED
                                : reservations.begin()->second.state();
  }

 private:
  static absl::Status TakeFailure(std::deque<absl::Status>& failures) {
    absl::Status failure = failures.front();
    failures.pop_front();
    return failure;
  }
  std::mutex mutex;  // the pipeline settles and releases from its workers
  // Guarded by mutex.
  std::deque<absl::Status> settle_failures, release_failures;
  int release_calls = 0;
  std::vector<CallContext> came;
};

class FakeProvider : public ProviderClient {
 public:
  Generated answer;
  int calls = 0;
  CallContext last_call;
  std::shared_ptr<const provider_proxy::v1::GenerateImagesRequest> last;
  std::function<void()> during = [] {};

  Task<Generated> GenerateImages(
      CallContext call, std::shared_ptr<const provider_proxy::v1::GenerateImagesRequest> request) override {
    ++calls;
    last = request;
    last_call = call;
    during();
    // As the real ones do.
    if (call.cancellation.cancelled()) co_return Generated{.status = absl::CancelledError("")};
    co_return answer;
  }
};

inline catalog::v1::Catalog OneModelCatalog(int64_t version, bool images_enabled) {
  catalog::v1::Catalog catalog;
  catalog.set_version(version);
  catalog::v1::Provider& provider = *catalog.add_providers();
  provider.set_name("sandbox");
  provider.set_images_enabled(images_enabled);
  catalog::v1::Model& model = *catalog.add_models();
  model.set_name("imagen-4");
  model.add_public_ids("google/imagen-4");
  model.add_capabilities(catalog::v1::CAPABILITY_IMAGE_GENERATION);
  catalog::v1::Route& route = *model.add_routes();
  route.set_provider("sandbox");
  route.set_upstream_model("upstream-id");
  route.set_reference_images(catalog::v1::REFERENCE_IMAGES_NONE);
  catalog::v1::Provider& off = *catalog.add_providers();
  off.set_name("switched-off");
  catalog::v1::Model& dark = *catalog.add_models();
  dark.set_name("dark");
  dark.add_public_ids("dark");
  dark.add_capabilities(catalog::v1::CAPABILITY_IMAGE_GENERATION);
  catalog::v1::Route& nowhere = *dark.add_routes();
  nowhere.set_provider("switched-off");
  nowhere.set_reference_images(catalog::v1::REFERENCE_IMAGES_NONE);
  catalog::v1::Model& text = *catalog.add_models();
  text.set_name("words");
  text.add_public_ids("words");
  text.add_capabilities(catalog::v1::CAPABILITY_TEXT_GENERATION);
  return catalog;
}

inline absl::Status Lost() { return absl::UnavailableError("connection lost"); }

class GenerationTest : public ::testing::Test {
 protected:
  GenerationTest() {
    catalog.Set(OneModelCatalog(1, true));
    for (int i = 0; i < 2; ++i) provider.answer.images.emplace_back().set_base64("QUJD");
  }

  // What is served with; `Run` builds it from `options` at its first call.
  Generation& generation() {
    if (pipeline == nullptr) {
      options.catalog = &catalog;
      options.billing = &billing;
      options.provider = &provider;
      options.loop = &loop;
      options.workers = &workers;
      options.metrics = &metrics;
      options.settle_pause = absl::Milliseconds(1);
      pipeline = std::make_unique<Generation>(options);
    }
    return *pipeline;
  }
  absl::StatusOr<ImageReply> Run(const std::string& model, int images) {
    ImageRequest request;
    request.api_key = "pk_acme.1_x_y";
    request.public_model = model;
    request.parameters = parameters;
    request.parameters.set_image_count(images);
    CallContext call;
    call.request_id = "01890000-0000-7000-8000-00000000000" + std::to_string(runs++);
    call.cancellation = client;
    call.trace = trace;
    return Wait(generation().Run(call, std::move(request)));
  }
  // How many runs of imagen-4 ended so.
  bool Counted(const std::string& outcome, const std::string& model = "imagen-4") {
    return absl::StrContains(metrics.Text(), absl::StrCat("prismatic_generations_total{model=\"", model,
                                                          "\",outcome=\"", outcome, "\"} 1"));
  }
  ~GenerationTest() override {
    bool drained = pipeline == nullptr || pipeline->Drain(testing::kPatience);
    EXPECT_TRUE(drained);
  }

  metrics::Registry metrics;
  loop::Loop loop{"test"};
  Workers workers{1};
  catalog_watch::CatalogHolder catalog{loop, metrics};
  FakeBilling billing;
  FakeProvider provider;
  provider_proxy::v1::GenerateImagesRequest parameters;
  Generation::Options options;
  std::unique_ptr<Generation> pipeline;
  Cancellation client;  // cancelled: it has gone
  TraceContext trace;
  int runs = 0;
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GENERATION_GENERATION_FIXTURE_H_
