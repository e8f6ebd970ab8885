#include "services/billing/billing_fixture.h"

// How long holds and the records of them live, also where the clock was wrong and where answers were lost.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

constexpr int64_t kHold = 420'000'000;
constexpr int64_t kHour = int64_t{3600} * 1'000'000;

class HoldTimeTest : public BillingFixture {
 protected:
  v1::ReservationState StateOf(const std::string& id) {
    v1::GetReservationRequest get;
    get.set_reservation_id(id);
    absl::StatusOr<v1::GetReservationResponse> response = Wait(admin_->GetReservation(get));
    return response.ok() ? response->reservation().state() : v1::RESERVATION_STATE_UNSPECIFIED;
  }
  int64_t LifeMs(const std::string& key) { return std::stoll(redis_.Ask({"PTTL", key})); }
  std::string RecordOf(const std::string& id) {
    return AccountKeys("acme").Reservation(id.substr(id.find('.') + 1));
  }
  double Count(const std::string& name, const std::string& label, const std::string& value) {
    return metrics_.GetCounter(name, "", {{label, value}}).value();
  }
};

TEST_F(HoldTimeTest, AHoldEndsExactlyAtItsTimeAndAnyReplicaMayEndIt) {
  std::string key = Open("acme", kDollar);
  std::string id = Reserved(Asking(key));
  ReservationId hold = *ParseReservationId(id);
  Advance(kHold - 1);
  EXPECT_FALSE(*Wait(ledger_->Expire(hold)));
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), kPrice);
  Advance(1);
  RedisLedger other(*client_, metrics_,
                    {.library = FunctionsWithTestClock(), .test_clock = [this] { return now_us_.load(); }});
  EXPECT_TRUE(*Wait(other.Expire(hold)));
  EXPECT_FALSE(*Wait(ledger_->Expire(hold)));
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_EQ(AccountOf("acme").concurrent(), 0);
}

TEST_F(HoldTimeTest, AHoldThatIsPastItsTimeAndNotSweptIsSettledInTime) {
  std::string key = Open("acme", kDollar);
  std::string id = Reserved(Asking(key));
  Advance(2 * kHold);
  absl::StatusOr<v1::SettleReservationResponse> settled = Settle(id, 1);
  ASSERT_THAT(settled, IsOk());
  EXPECT_EQ(settled->reservation().state(), v1::RESERVATION_STATE_SETTLED);
  EXPECT_EQ(AccountOf("acme").owed_nano_usd(), 0);
}

TEST_F(HoldTimeTest, HoldsMadeWhileTheClockWasAheadEndAHoldsLengthAfterItCameBack) {
  std::string key = Open("acme", 3 * kPrice);
  now_us_ += 30 * kHour;
  std::string ahead = Reserved(Asking(key, 2));
  now_us_ -= 30 * kHour;
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 0);  // it gets its own end, and is not ended before it
  EXPECT_EQ(StateOf(ahead), v1::RESERVATION_STATE_PENDING);
  Advance(kHold - 1);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 0);
  Advance(1);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  EXPECT_EQ(StateOf(ahead), v1::RESERVATION_STATE_EXPIRED);
  EXPECT_THAT(Reserve(Asking(key, 3)), IsOk());
}

TEST_F(HoldTimeTest, AHoldThatEndsEarlyByAClockAheadIsSettledLateAndChargedInFull) {
  std::string key = Open("acme", 2 * kPrice);
  std::string id = Reserved(Asking(key, 2));
  now_us_ += kHour;
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  now_us_ -= kHour;
  absl::StatusOr<v1::SettleReservationResponse> late = Settle(id, 2);
  ASSERT_THAT(late, IsOk());
  EXPECT_EQ(late->reservation().state(), v1::RESERVATION_STATE_SETTLED_LATE);
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), 0);
  EXPECT_EQ(AccountOf("acme").owed_nano_usd(), 0);
}

TEST_F(HoldTimeTest, AnExpiredRecordWithAnIdempotencyKeyLivesNoLongerThanTheKey) {
  std::string key = Open("acme", kDollar);
  std::string swept_late = Reserved(WithIdempotencyKey(Asking(key), "order-1", "body"));
  std::string without = Reserved(Asking(key));
  Advance(10 * kHour);  // nobody swept
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 2);
  EXPECT_THAT(LifeMs(RecordOf(without)),
              ::testing::AllOf(::testing::Gt(86'390'000), ::testing::Le(86'400'000)));
  // 24 h 15 min after it was made: when the key is forgotten, so is what could still be charged for it.
  EXPECT_THAT(LifeMs(RecordOf(swept_late)),
              ::testing::AllOf(::testing::Gt(51'290'000), ::testing::Le(51'300'000)));
  // Meanwhile the key knows what became of it: a new attempt, after which the first charges nothing.
  std::string second = Reserved(WithIdempotencyKey(Asking(key), "order-1", "body"));
  ASSERT_THAT(Settle(swept_late, 1), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar);
  ASSERT_THAT(Settle(second, 1), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - kPrice);
}

TEST_F(HoldTimeTest, AnAttemptRepeatedAfterItsExpiryIsToldSoAndHoldsNothing) {
  std::string key = Open("acme", kDollar);
  v1::CreateReservationRequest request = WithIdempotencyKey(Asking(key), "order-1", "body");
  Reserved(request);
  Advance(kHold);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  absl::Status again = Reserve(request).status();
  EXPECT_THAT(again, HasReason(ERROR_REASON_RESERVATION_RESOLVED));
  EXPECT_EQ(MetadataOf(again, "state"), "EXPIRED");
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
}

TEST_F(HoldTimeTest, AnAdmissionWhoseAnswerWasLostIsRepeatedOrReleasedByItsIdentity) {
  std::string key = Open("acme", kDollar);
  v1::CreateReservationRequest request = Asking(key);
  lossy_->LoseAnswerOf("admit");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  EXPECT_TRUE(Reserve(request)->replayed());
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), kPrice);
  v1::ReleaseReservationRequest release;
  release.set_api_key(key);
  release.set_attempt_id(request.attempt_id());
  EXPECT_FALSE(Wait(billing_->ReleaseReservation(release))->replayed());
  EXPECT_TRUE(Wait(billing_->ReleaseReservation(release))->replayed());
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_RESERVATION_RESOLVED));
}

TEST_F(HoldTimeTest, AChargeWhoseAnswerWasLostIsMadeOnceAndCountedOnce) {
  std::string key = OpenSubscribed("acme", 3, kDollar);
  prices_.SetUnits(kModel, 3);
  std::string by_quota = Reserved(Asking(key)), by_wallet = Reserved(Asking(key, 2));
  for (const std::string& id : {by_wallet, by_quota}) {
    lossy_->LoseAnswerOf("settle");
    EXPECT_THAT(Settle(id, 1), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
    for (int i = 0; i < 3; ++i) {
      absl::StatusOr<v1::SettleReservationResponse> again = Settle(id, 1);
      ASSERT_THAT(again, IsOk());
      EXPECT_TRUE(again->replayed());
    }
  }
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - kPrice);
  EXPECT_EQ(LedgerOf("acme").size(), 4u);
  EXPECT_EQ(Count("prismatic_charged_nano_usd_total", "model", kModel), kPrice);
  EXPECT_EQ(Count("prismatic_images_charged_total", "model", kModel), 2);
  EXPECT_EQ(Count("prismatic_charged_quota_units_total", "model", kModel), 3);
}

TEST_F(HoldTimeTest, ATopUpWhoseAnswerWasLostCountsOnce) {
  Open("acme", 1);
  lossy_->LoseAnswerOf("top_up");
  EXPECT_THAT(TopUp("acme", kDollar, "payment-1"), HasReason(ERROR_REASON_BILLING_UNAVAILABLE));
  absl::StatusOr<v1::TopUpWalletResponse> again = TopUp("acme", kDollar, "payment-1");
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->account().balance_nano_usd(), kDollar + 1);
}

TEST_F(HoldTimeTest, ALostConcurrencyOrHoldRecordChargesNothingAndIsNamed) {
  books_are_spoiled_ = true;  // as after a failover that lost the reservation
  std::string key = Open("acme", kDollar);
  std::string id = Reserved(Asking(key));
  redis_.Ask({"DEL", RecordOf(id)});
  EXPECT_THAT(Settle(id, 1), HasReason(ERROR_REASON_RESERVATION_FORGOTTEN));
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar);
  EXPECT_EQ(Count("prismatic_settlements_total", "result", "reservation_forgotten"), 1);
}

}  // namespace
}  // namespace prismatic::billing
