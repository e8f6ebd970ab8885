#include "gateway/generation/generation_fixture.h"

namespace prismatic::gateway {
namespace {

using ClientGoneTest = GenerationTest;

TEST_F(ClientGoneTest, ForAClientThatHasGoneNothingIsReserved) {
  client.Cancel();
  EXPECT_THAT(Run("google/imagen-4", 1), testing::HasCode(absl::StatusCode::kCancelled));
  EXPECT_TRUE(billing.reservations.empty());
  EXPECT_EQ(provider.calls, 0);
  EXPECT_TRUE(Counted("client_gone", "_none"));
}

TEST_F(ClientGoneTest, AClientThatGoesWhileItIsReservedForIsReleasedAndNothingIsGenerated) {
  billing.after_reserving = [this] { client.Cancel(); };
  EXPECT_THAT(Run("google/imagen-4", 1), testing::HasCode(absl::StatusCode::kCancelled));
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_RELEASED);
  EXPECT_EQ(billing.balance, 10 * kPrice);
  EXPECT_EQ(provider.calls, 0);
  EXPECT_TRUE(Counted("client_gone"));
}

TEST_F(ClientGoneTest, AReservationWhoseAnswerWasLostIsTakenBackForAClientThatHasGone) {
  billing.reserve_failures = {Lost()};
  billing.lost = true;
  billing.after_reserving = [this] { client.Cancel(); };
  EXPECT_THAT(Run("google/imagen-4", 1), testing::HasCode(absl::StatusCode::kCancelled));
  EXPECT_TRUE(generation().Drain(testing::kPatience));
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_RELEASED);
  EXPECT_EQ(billing.balance, 10 * kPrice);
}

TEST_F(ClientGoneTest, AClientThatGoesWhileItsImagesAreMadeIsChargedForThem) {
  provider.during = [this] { client.Cancel(); };
  ASSERT_THAT(Run("google/imagen-4", 2), testing::IsOk());
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_SETTLED);
  EXPECT_EQ(billing.balance, 8 * kPrice);
  EXPECT_TRUE(Counted("settled"));
}

TEST_F(ClientGoneTest, AClientThatGoesBeforeASecondRouteIsTriedIsReleased) {
  provider.answer = {.status = Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_NO_IMAGE_ROUTE, "")};
  provider.during = [this] {
    catalog.Set(OneModelCatalog(3, true));
    client.Cancel();
  };
  EXPECT_THAT(Run("google/imagen-4", 2), testing::HasCode(absl::StatusCode::kCancelled));
  EXPECT_EQ(provider.calls, 1);
  EXPECT_EQ(billing.balance, 10 * kPrice);
}

TEST_F(ClientGoneTest, AClientThatGoesWhileItIsSettledForIsCharged) {
  billing.FailSettlements(3, Lost());
  billing.before_settling = [this] { client.Cancel(); };
  ASSERT_THAT(Run("google/imagen-4", 2), testing::IsOk());
  EXPECT_EQ(billing.state(), billing::v1::RESERVATION_STATE_SETTLED);
  EXPECT_EQ(billing.balance, 8 * kPrice);
}

}  // namespace
}  // namespace prismatic::gateway
