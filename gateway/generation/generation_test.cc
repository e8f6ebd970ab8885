#include "gateway/generation/generation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "services/common/status/status.h"
#include "services/common/task/workers.h"

namespace prismatic::gateway {
namespace {

using namespace common::v1;  // NOLINT
using billing::v1::Reservation;

constexpr int64_t kPrice = 40'000'000;

// A billing with one wallet, which can be made to lose answers.
class FakeBilling : public BillingClient {
 public:
  int64_t balance = 10 * kPrice;
  std::map<std::string, Reservation> reservations;
  // What the next calls answer instead of working; after working when `lost` is set.
  std::deque<absl::Status> reserve_failures, settle_failures;
  bool lost = false;
  absl::Status check_key = absl::OkStatus();
  int checked = 0;

  Task<absl::StatusOr<billing::v1::CreateReservationResponse>> CreateReservation(
      CallContext, billing::v1::CreateReservationRequest request) override {
    if (!reserve_failures.empty() && !lost) co_return TakeFailure(reserve_failures);
    billing::v1::CreateReservationResponse response;
    std::string id = "acme." + request.attempt_id();
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
    if (!reserve_failures.empty()) co_return TakeFailure(reserve_failures);
    co_return response;
  }

  Task<absl::StatusOr<billing::v1::SettleReservationResponse>> SettleReservation(
      CallContext, billing::v1::SettleReservationRequest request) override {
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
      CallContext, billing::v1::ReleaseReservationRequest request) override {
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
    ++checked;
    if (!check_key.ok()) co_return check_key;
    co_return billing::v1::CheckKeyResponse();
  }

  billing::v1::ReservationState state() const { return reservations.begin()->second.state(); }

 private:
  static absl::Status TakeFailure(std::deque<absl::Status>& failures) {
    absl::Status failure = failures.front();
    failures.pop_front();
    return failure;
  }
};

class FakeProvider : public ProviderClient {
 public:
  Generated answer;
  int calls = 0;
  provider_proxy::v1::GenerateImagesRequest last;
  std::function<void()> during = [] {};

  Task<Generated> GenerateImages(CallContext, provider_proxy::v1::GenerateImagesRequest request) override {
    ++calls;
    last = request;
    during();
    co_return answer;
  }
};

catalog::v1::Catalog OneModelCatalog(int64_t version, bool images_enabled) {
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
  catalog::v1::Model& text = *catalog.add_models();
  text.set_name("words");
  text.add_public_ids("words");
  text.add_capabilities(catalog::v1::CAPABILITY_TEXT_GENERATION);
  return catalog;
}

absl::Status Lost() { return absl::UnavailableError("connection lost"); }

class GenerationTest : public ::testing::Test {
 protected:
  GenerationTest() {
    catalog.Set(OneModelCatalog(1, true));
    for (int i = 0; i < 2; ++i) provider.answer.images.emplace_back().set_base64("QUJD");
  }

  absl::StatusOr<ImageReply> Run(const std::string& model, int images,
                                 absl::Duration settle_wait = absl::Seconds(5)) {
    Generation generation({.catalog = &catalog,
                           .billing = &billing,
                           .provider = &provider,
                           .loop = &loop,
                           .workers = &workers,
                           .metrics = &metrics,
                           .settle_wait = settle_wait,
                           .settle_pause = absl::Milliseconds(1)});
    ImageRequest request;
    request.api_key = "pk_acme.1_x_y";
    request.public_model = model;
    request.parameters = parameters;
    request.parameters.set_image_count(images);
    CallContext call;
    call.request_id = "01890000-0000-7000-8000-000000000000";
    return Wait(generation.Run(call, request));
  }

  metrics::Registry metrics;
  loop::Loop loop{"test"};
  Workers workers{1};
  catalog_watch::CatalogHolder catalog{loop, metrics};
  FakeBilling billing;
  FakeProvider provider;
  provider_proxy::v1::GenerateImagesRequest parameters;
};

TEST_F(GenerationTest, WhatIsDeliveredIsChargedAndTheRestGivenBack) {
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 4);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->images.size(), 2u);
  EXPECT_EQ(reply->reservation.charge_nano_usd(), 2 * kPrice);
  EXPECT_EQ(billing.balance, 8 * kPrice);
  EXPECT_EQ(provider.last.model(), "imagen-4");
}

TEST_F(GenerationTest, MoreImagesThanAskedForAreNotTaken) {
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 1);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->images.size(), 1u);
  EXPECT_EQ(billing.balance, 9 * kPrice);
}

TEST_F(GenerationTest, AFailedGenerationReleasesAndChargesNothing) {
  provider.answer = {
      .status = Error(absl::StatusCode::kDeadlineExceeded, ERROR_REASON_UPSTREAM_TIMEOUT, "late"),
      .images = {},
      .summary = {}};
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 1).status(), ERROR_REASON_UPSTREAM_TIMEOUT));
  EXPECT_EQ(billing.balance, 10 * kPrice);
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_RELEASED);
  EXPECT_EQ(provider.calls, 1);
}

TEST_F(GenerationTest, ImagesOfABrokenStreamAreDeliveredAndCharged) {
  provider.answer.status = Lost();
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 4);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(billing.balance, 8 * kPrice);
}

TEST_F(GenerationTest, ALostReservationAnswerIsAskedForAgainOnce) {
  billing.reserve_failures = {Lost()};
  billing.lost = true;
  ASSERT_TRUE(Run("google/imagen-4", 2).ok());
  EXPECT_EQ(billing.balance, 8 * kPrice);
  EXPECT_EQ(billing.reservations.size(), 1u);
}

TEST_F(GenerationTest, AReservationNeverAnsweredIsTakenBack) {
  billing.reserve_failures = {Lost(), Lost()};
  billing.lost = true;
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 2).status(), ERROR_REASON_BILLING_UNAVAILABLE));
  EXPECT_EQ(billing.balance, 10 * kPrice);
  EXPECT_EQ(provider.calls, 0);
}

TEST_F(GenerationTest, AnInsufficientWalletStopsBeforeTheProvider) {
  billing.balance = kPrice - 1;
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 1).status(), ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_EQ(provider.calls, 0);
}

TEST_F(GenerationTest, SettlementIsRepeatedUntilBillingAnswers) {
  billing.settle_failures = {Lost(), Lost(), Lost()};
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 2);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_SETTLED);
}

TEST_F(GenerationTest, AFaultOfBillingDoesNotGiveTheImagesAway) {
  billing.settle_failures = {InternalError("a fault"), absl::UnknownError("")};
  ASSERT_TRUE(Run("google/imagen-4", 2).ok());
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_SETTLED);
}

TEST_F(GenerationTest, AVerdictOnASettlementIsNotAskedForAgain) {
  absl::Status forgotten = Error(absl::StatusCode::kNotFound, ERROR_REASON_RESERVATION_FORGOTTEN, "");
  billing.settle_failures = {forgotten};
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 2);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->images.size(), 2u);
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_PENDING);
}

TEST_F(GenerationTest, ARefusalAfterALostAnswerTakesTheFirstTryBack) {
  absl::Status in_debt = Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_ACCOUNT_IN_DEBT, "");
  billing.reserve_failures = {Lost(), in_debt};
  billing.lost = true;
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 2).status(), ERROR_REASON_ACCOUNT_IN_DEBT));
  EXPECT_EQ(billing.balance, 10 * kPrice);
}

TEST_F(GenerationTest, AStrangerLearnsNothingOfTheCatalog) {
  billing.check_key = Error(absl::StatusCode::kUnauthenticated, ERROR_REASON_INVALID_API_KEY, "");
  EXPECT_TRUE(HasReason(Run("no-such-model", 1).status(), ERROR_REASON_INVALID_API_KEY));
  EXPECT_TRUE(HasReason(Run("words", 1).status(), ERROR_REASON_INVALID_API_KEY));
  EXPECT_EQ(billing.checked, 2);
}

TEST_F(GenerationTest, AKnownKeyIsToldWhatIsWrong) {
  EXPECT_TRUE(HasReason(Run("no-such-model", 1).status(), ERROR_REASON_MODEL_NOT_FOUND));
  EXPECT_TRUE(HasReason(Run("words", 1).status(), ERROR_REASON_MODEL_DOES_NOT_SUPPORT_IMAGES));
  parameters.add_reference_images("https://example.com/a.png");
  absl::Status status = Run("google/imagen-4", 1).status();
  EXPECT_EQ(MetadataOf(status, "param"), "image_url");
  EXPECT_TRUE(billing.reservations.empty());
}

TEST_F(GenerationTest, TheImagesSwitchOffIsNoRouteAndHoldsNothing) {
  catalog.Set(OneModelCatalog(2, false));
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 1).status(), ERROR_REASON_NO_IMAGE_ROUTE));
  EXPECT_TRUE(billing.reservations.empty());
}

TEST_F(GenerationTest, ARefusedRouteIsResolvedOnceMoreFromANewerCatalog) {
  Generated refused;
  refused.status = Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_NO_IMAGE_ROUTE, "");
  Generated fine = provider.answer;
  provider.answer = refused;
  provider.during = [&] {
    if (provider.calls == 1) catalog.Set(OneModelCatalog(3, true));
    if (provider.calls == 2) provider.answer = fine;
  };
  ASSERT_TRUE(Run("google/imagen-4", 2).ok());
  EXPECT_EQ(provider.calls, 2);
  EXPECT_EQ(provider.last.catalog_version(), 3);
  EXPECT_EQ(billing.balance, 8 * kPrice);
}

}  // namespace
}  // namespace prismatic::gateway
