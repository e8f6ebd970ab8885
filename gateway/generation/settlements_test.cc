#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/generation/generation_fixture.h"
#include "services/common/log/log.h"

namespace prismatic::gateway {
namespace {

using SettlementsTest = GenerationTest;

std::mutex log_mutex;
std::string log_text;  // guarded by log_mutex

TEST_F(SettlementsTest, WhatBillingDoesNotTakeIsDeliveredWithALineAndSettledBehindTheAnswer) {
  log::SetSink([](absl::string_view line) {
    std::lock_guard<std::mutex> lock(log_mutex);
    absl::StrAppend(&log_text, line, "\n");
  });
  options.settle_wait = absl::ZeroDuration();
  options.settle_unanswered_max = absl::Hours(1);
  billing.FailSettlements(3, Lost());

  absl::StatusOr<ImageReply> reply = Run("google/imagen-4", 2);

  ASSERT_THAT(reply, testing::IsOk());
  EXPECT_EQ(reply->images.size(), 2u);
  EXPECT_EQ(reply->reservation.state(), billing::v1::RESERVATION_STATE_PENDING)
      << "its cost is not known yet";
  {
    std::lock_guard<std::mutex> lock(log_mutex);
    EXPECT_TRUE(absl::StrContains(log_text, "settlement_pending")) << "written before the answer";
    EXPECT_TRUE(absl::StrContains(
        log_text, absl::StrCat("\"reservation\":\"", reply->reservation.id(), "\",\"delivered\":2")));
  }
  EXPECT_TRUE(testing::WaitUntil([&] { return billing.state() == billing::v1::RESERVATION_STATE_SETTLED; }));
  EXPECT_TRUE(generation().Drain(testing::kPatience));
  log::SetSink(nullptr);
  EXPECT_TRUE(Counted("settlement_pending"));
  EXPECT_EQ(billing.balance, 8 * kPrice);
}

TEST_F(SettlementsTest, WhileASettlementHasNoAnswerNewRequestsAreRefusedBeforeTheyAreReserved) {
  options.settle_wait = absl::ZeroDuration();
  options.settle_unanswered_max = absl::ZeroDuration();
  billing.FailSettlements(1'000'000, Lost());
  ASSERT_THAT(Run("google/imagen-4", 2), testing::IsOk());

  EXPECT_THAT(Run("google/imagen-4", 2), testing::HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  EXPECT_EQ(billing.reservations.size(), 1u);
  EXPECT_EQ(provider.calls, 1);
  auto unanswered = [&] { return metrics.GetGauge("prismatic_settlements_unanswered", "").value(); };
  EXPECT_EQ(unanswered(), 1);

  billing.ForgetSettlementFailures();
  EXPECT_TRUE(testing::WaitUntil([&] { return Run("google/imagen-4", 2).ok(); }));
  EXPECT_EQ(unanswered(), 0);
  EXPECT_EQ(billing.reservations.begin()->second.state(), billing::v1::RESERVATION_STATE_SETTLED);
}

TEST_F(SettlementsTest, OneReservationThatBillingFailsOverStopsNobodyElse) {
  options.settle_wait = absl::ZeroDuration();
  options.settle_unanswered_max = absl::ZeroDuration();
  billing.FailSettlements(2, InternalError("a fault"));
  ASSERT_THAT(Run("google/imagen-4", 2), testing::IsOk());
  EXPECT_THAT(Run("google/imagen-4", 2), testing::IsOk());
  EXPECT_EQ(provider.calls, 2);
}

TEST_F(SettlementsTest, AShortSilenceOfBillingRefusesNobody) {
  options.settle_wait = absl::ZeroDuration();
  options.settle_unanswered_max = absl::Hours(1);
  billing.FailSettlements(1, Lost());
  ASSERT_THAT(Run("google/imagen-4", 2), testing::IsOk());
  EXPECT_THAT(Run("google/imagen-4", 2), testing::IsOk());
}

}  // namespace
}  // namespace prismatic::gateway
