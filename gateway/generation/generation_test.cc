#include "gateway/generation/generation_fixture.h"

namespace prismatic::gateway {
namespace {

TEST_F(GenerationTest, WhatIsDeliveredIsChargedAndTheRestGivenBack) {
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 4);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->images.size(), 2u);
  EXPECT_EQ(reply->reservation.charge_nano_usd(), 2 * kPrice);
  EXPECT_EQ(billing.balance, 8 * kPrice);
  EXPECT_EQ(provider.last->model(), "imagen-4");
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

TEST_F(GenerationTest, AReleaseThatBillingMissesIsRepeatedBehindTheAnswer) {
  provider.answer = {.status = Error(absl::StatusCode::kUnavailable, ERROR_REASON_UPSTREAM_ERROR, ""),
                     .images = {},
                     .summary = {}};
  billing.FailReleases(20, Lost());
  EXPECT_THAT(Run("google/imagen-4", 2), testing::HasReason(ERROR_REASON_UPSTREAM_ERROR));
  EXPECT_TRUE(testing::WaitUntil([&] { return billing.state() == billing::v1::RESERVATION_STATE_RELEASED; }));
  EXPECT_EQ(billing.balance, 10 * kPrice);
  EXPECT_EQ(billing.releases(), 21);
}

TEST_F(GenerationTest, ARefusedReleaseIsNotAskedForAgain) {
  provider.answer = {.status = Error(absl::StatusCode::kUnavailable, ERROR_REASON_UPSTREAM_ERROR, ""),
                     .images = {},
                     .summary = {}};
  billing.FailReleases(2,
                       Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_RESERVATION_RESOLVED, ""));
  EXPECT_THAT(Run("google/imagen-4", 2), testing::HasReason(ERROR_REASON_UPSTREAM_ERROR));
  EXPECT_TRUE(generation().Drain(testing::kPatience));
  EXPECT_EQ(billing.releases(), 1);
}

TEST_F(GenerationTest, AStopDoesNotWaitForABillingThatIsAway) {
  provider.answer = {.status = Error(absl::StatusCode::kUnavailable, ERROR_REASON_UPSTREAM_ERROR, ""),
                     .images = {},
                     .summary = {}};
  billing.FailReleases(1'000'000, Lost());
  EXPECT_THAT(Run("google/imagen-4", 2), testing::HasReason(ERROR_REASON_UPSTREAM_ERROR));
  EXPECT_TRUE(generation().Drain(testing::kPatience));
  EXPECT_GE(billing.releases(), 2);
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
  billing.FailReleases(3, Lost());
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 2).status(), ERROR_REASON_BILLING_UNAVAILABLE));
  EXPECT_TRUE(testing::WaitUntil([&] { return billing.state() == billing::v1::RESERVATION_STATE_RELEASED; }));
  EXPECT_EQ(billing.balance, 10 * kPrice);
  EXPECT_EQ(provider.calls, 0);
}

TEST_F(GenerationTest, AnInsufficientWalletStopsBeforeTheProvider) {
  billing.balance = kPrice - 1;
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 1).status(), ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_EQ(provider.calls, 0);
}

TEST_F(GenerationTest, SettlementIsRepeatedUntilBillingAnswers) {
  billing.FailSettlements(3, Lost());
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 2);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_SETTLED);
}

TEST_F(GenerationTest, AFaultOfBillingDoesNotGiveTheImagesAway) {
  billing.FailSettlements(1, InternalError("a fault"));
  billing.FailSettlements(1, absl::UnknownError(""));
  ASSERT_TRUE(Run("google/imagen-4", 2).ok());
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_SETTLED);
}

TEST_F(GenerationTest, AVerdictOnASettlementIsNotAskedForAgain) {
  absl::Status forgotten = Error(absl::StatusCode::kNotFound, ERROR_REASON_RESERVATION_FORGOTTEN, "");
  billing.FailSettlements(1, forgotten);
  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 2);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->images.size(), 2u);
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_PENDING);
  EXPECT_TRUE(Counted("settlement_refused"));
}

TEST_F(GenerationTest, ARefusalAfterALostAnswerTakesTheFirstTryBack) {
  absl::Status in_debt = Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_ACCOUNT_IN_DEBT, "");
  billing.reserve_failures = {Lost(), in_debt};
  billing.lost = true;
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 2).status(), ERROR_REASON_ACCOUNT_IN_DEBT));
  EXPECT_EQ(billing.balance, 10 * kPrice);
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
  EXPECT_EQ(provider.last->catalog_version(), 3);
  EXPECT_EQ(billing.balance, 8 * kPrice);
}

TEST_F(GenerationTest, ARouteThatProviderProxyDoesNotHaveIsReleasedAndRefused) {
  provider.answer = {.status = Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_NO_IMAGE_ROUTE, "")};
  EXPECT_TRUE(HasReason(Run("google/imagen-4", 2).status(), ERROR_REASON_NO_IMAGE_ROUTE));
  EXPECT_EQ(provider.calls, 1);
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_RELEASED);
  EXPECT_EQ(billing.balance, 10 * kPrice);
}

TEST_F(GenerationTest, AModelThatNobodyKnowsIsNoLabel) {
  EXPECT_TRUE(HasReason(Run("made-up", 1).status(), ERROR_REASON_MODEL_NOT_FOUND));
  EXPECT_TRUE(Counted("model_not_found", "_other"));
  EXPECT_FALSE(absl::StrContains(metrics.Text(), "made-up"));
}

TEST_F(GenerationTest, TheReferenceImagesReachTheProviderWithoutACopy) {
  std::string url = "data:image/png;base64," + std::string(1 << 20, 'A');
  ImageRequest request;
  request.public_model = "google/imagen-4";
  request.parameters.set_image_count(1);
  request.parameters.set_prompt(url);
  const char* bytes = request.parameters.prompt().data();
  CallContext call;
  call.request_id = "01890000-0000-7000-8000-000000000000";
  ASSERT_THAT(Wait(generation().Run(call, std::move(request))), testing::IsOk());
  EXPECT_EQ(provider.last->prompt().data(), bytes);
}

}  // namespace
}  // namespace prismatic::gateway
