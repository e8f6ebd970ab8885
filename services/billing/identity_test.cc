#include "services/billing/billing_fixture.h"

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

class IdentityTest : public BillingFixture {
 protected:
  std::string Ttl(const std::string& id) {
    std::optional<ReservationId> parsed = ParseReservationId(id);
    if (!parsed) return "no reservation";
    return redis_.Ask({"TTL", AccountKeys(parsed->account).Reservation(parsed->attempt_id)});
  }
  void ExpireAll() {
    Advance(420'000'000);
    Wait(sweeper_->SweepAll());
  }
};

TEST_F(IdentityTest, ARepeatedAttemptAnswersTheFirstReservationAndHoldsOnce) {
  std::string key = Open("acme", kDollar, {}, Limited(10));
  v1::CreateReservationRequest request = Asking(key, 2);
  absl::StatusOr<v1::CreateReservationResponse> first = Reserve(request);
  ASSERT_THAT(first, IsOk());
  std::string before = Bytes("acme");
  prices_.Set(kModel, 2 * kPrice);
  request.set_catalog_version(3);

  absl::StatusOr<v1::CreateReservationResponse> again = Reserve(request);

  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->reservation().SerializeAsString(), first->reservation().SerializeAsString());
  EXPECT_EQ(again->requests().remaining(), 9);
  EXPECT_EQ(Bytes("acme"), before);
}

TEST_F(IdentityTest, OneAttemptSentFiftyTimesAtOnceHoldsOnce) {
  v1::CreateReservationRequest request = Asking(Open("acme", kDollar));
  std::vector<Task<absl::StatusOr<v1::CreateReservationResponse>>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(billing_->CreateReservation(request));
  int fresh = 0;
  for (const auto& answer : Wait(WhenAll(std::move(calls)))) {
    ASSERT_THAT(answer, IsOk());
    fresh += !answer->replayed();
  }
  EXPECT_EQ(fresh, 1);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), kPrice);
}

TEST_F(IdentityTest, AnAttemptWithOtherContentIsRefused) {
  std::string key = Open("acme", kDollar);
  v1::CreateReservationRequest request = Asking(key, 2);
  Reserved(request);
  v1::CreateReservationRequest other = request;
  other.set_image_count(1);
  EXPECT_THAT(Reserve(other), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  other = request;
  other.set_size("512x512");
  EXPECT_THAT(Reserve(other), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  other = request;
  other.set_api_key(NewKey("acme").api_key());
  EXPECT_THAT(Reserve(other), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 2 * kPrice);
}

TEST_F(IdentityTest, TwoAccountsMayUseTheSameAttemptId) {
  v1::CreateReservationRequest request = Asking(Open("acme", kDollar));
  std::string first = Reserved(request);
  request.set_api_key(Open("beta", kDollar));
  EXPECT_NE(Reserved(request), first);
}

TEST_F(IdentityTest, SettlingTwiceAnswersTheFirstResultAndChargesOnce) {
  std::string id = Reserved(Asking(Open("acme", kDollar), 3));
  ASSERT_THAT(Settle(id, 2), IsOk());
  std::string before = Bytes("acme");

  absl::StatusOr<v1::SettleReservationResponse> again = Settle(id, 2);
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->ledger_sequence(), 2);
  EXPECT_EQ(again->reservation().charge_nano_usd(), 2 * kPrice);
  for (int other : {0, 1, 3}) {
    absl::StatusOr<v1::SettleReservationResponse> refused = Settle(id, other);
    EXPECT_THAT(refused, HasReason(ERROR_REASON_RESERVATION_RESOLVED));
    EXPECT_EQ(MetadataOf(refused.status(), "state"), "SETTLED");
    EXPECT_EQ(MetadataOf(refused.status(), "delivered_count"), "2");
    EXPECT_EQ(MetadataOf(refused.status(), "charge_nano_usd"), "80000000");
  }
  EXPECT_THAT(Release(id), HasReason(ERROR_REASON_RESERVATION_RESOLVED));
  EXPECT_EQ(Bytes("acme"), before);
}

TEST_F(IdentityTest, SettlingNoneIsAReleaseAndWritesNoEntry) {
  std::string id = Reserved(Asking(Open("acme", kDollar)));
  absl::StatusOr<v1::SettleReservationResponse> settled = Settle(id, 0);
  ASSERT_THAT(settled, IsOk());
  EXPECT_EQ(settled->reservation().state(), v1::RESERVATION_STATE_RELEASED);
  EXPECT_EQ(settled->ledger_sequence(), 0);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_EQ(LedgerOf("acme").size(), 1u);
  EXPECT_TRUE(Settle(id, 0)->replayed());
  EXPECT_TRUE(Release(id)->replayed());
  EXPECT_THAT(Settle(id, 1), HasReason(ERROR_REASON_RESERVATION_RESOLVED));
}

TEST_F(IdentityTest, AReleaseThatComesFirstStopsTheReservationThatComesLater) {
  v1::CreateReservationRequest request = Asking(Open("acme", kDollar));
  v1::ReleaseReservationRequest release;
  release.set_api_key(request.api_key());
  release.set_attempt_id(request.attempt_id());
  absl::StatusOr<v1::ReleaseReservationResponse> released = Wait(billing_->ReleaseReservation(release));
  ASSERT_THAT(released, IsOk());
  EXPECT_FALSE(released->replayed());

  absl::StatusOr<v1::CreateReservationResponse> late = Reserve(request);
  EXPECT_THAT(late, HasReason(ERROR_REASON_RESERVATION_RESOLVED));
  EXPECT_EQ(MetadataOf(late.status(), "state"), "RELEASED");
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_TRUE(Wait(billing_->ReleaseReservation(release))->replayed());
}

TEST_F(IdentityTest, AReleaseForNoAccountLeavesNothing) {
  EXPECT_THAT(Release("nobody." + NewUuidV7()), IsOk());
  EXPECT_EQ(redis_.Ask({"DBSIZE"}), "0");
}

TEST_F(IdentityTest, WhatIsNotRememberedIsNeverCharged) {
  Open("acme", kDollar);
  EXPECT_THAT(Settle("acme." + NewUuidV7(), 1), HasReason(ERROR_REASON_RESERVATION_FORGOTTEN));
  EXPECT_THAT(Settle("nobody." + NewUuidV7(), 1), HasReason(ERROR_REASON_RESERVATION_FORGOTTEN));
  EXPECT_EQ(LedgerOf("acme").size(), 1u);
}

TEST_F(IdentityTest, EndedReservationsAreRememberedAnHourOrADay) {
  std::string key = Open("acme", kDollar);
  std::string pending = Reserved(Asking(key));
  EXPECT_EQ(Ttl(pending), "-1");
  ASSERT_THAT(Settle(pending, 1), IsOk());
  EXPECT_THAT(Ttl(pending), ::testing::AnyOf("3600", "3599"));
  std::string named = Reserved(WithIdempotencyKey(Asking(key), "k", "b"));
  ASSERT_THAT(Settle(named, 1), IsOk());
  EXPECT_THAT(Ttl(named), ::testing::AnyOf("86400", "86399"));
  std::string expired = Reserved(Asking(key));
  ExpireAll();
  EXPECT_THAT(Ttl(expired), ::testing::AnyOf("86400", "86399"));
  v1::GetReservationRequest get;
  get.set_reservation_id(expired);
  absl::StatusOr<v1::GetReservationResponse> whole = Wait(admin_->GetReservation(get));
  ASSERT_THAT(whole, IsOk());
  EXPECT_EQ(whole->reservation().state(), v1::RESERVATION_STATE_EXPIRED);
  EXPECT_EQ(whole->reservation().model(), kModel);
}

TEST_F(IdentityTest, AnIdempotencyKeyIsInUseThenCompletedAndOtherBodiesAreRefused) {
  std::string key = Open("acme", kDollar);
  std::string first = Reserved(WithIdempotencyKey(Asking(key), "order-1", "body"));

  absl::StatusOr<v1::CreateReservationResponse> meanwhile =
      Reserve(WithIdempotencyKey(Asking(key), "order-1", "body"));
  EXPECT_THAT(meanwhile, HasReason(ERROR_REASON_IDEMPOTENCY_KEY_IN_USE));
  EXPECT_EQ(meanwhile.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(RetryAfterOf(meanwhile.status()), absl::Seconds(2));
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key), "order-1", "other")),
              HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));

  ASSERT_THAT(Settle(first, 1), IsOk());
  absl::StatusOr<v1::CreateReservationResponse> after =
      Reserve(WithIdempotencyKey(Asking(key), "order-1", "body"));
  EXPECT_THAT(after, HasReason(ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED));
  EXPECT_EQ(MetadataOf(after.status(), "reservation"), first);
  EXPECT_EQ(MetadataOf(after.status(), "charge_nano_usd"), "40000000");
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  // The key belongs to its account.
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(Open("beta", kDollar)), "order-1", "body")), IsOk());
}

TEST_F(IdentityTest, ACompletedIdempotencyKeyNamesReservationAndCharge) {
  std::string key = Open("acme", kDollar);
  std::string first = Reserved(WithIdempotencyKey(Asking(key, 3), "order-1", "body"));
  ASSERT_THAT(Settle(first, 2), IsOk());
  absl::Status completed = Reserve(WithIdempotencyKey(Asking(key, 3), "order-1", "body")).status();
  EXPECT_EQ(completed.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(completed.message()),
              ::testing::HasSubstr("reservation " + first + ", charged 0.08 USD"));
  EXPECT_FALSE(RetryAfterOf(completed).has_value());
}

TEST_F(IdentityTest, ThirtyRequestsAtOnceWithOneIdempotencyKeyHoldOnce) {
  std::string key = Open("acme", kDollar);
  std::vector<v1::CreateReservationRequest> requests;
  for (int i = 0; i < 30; ++i) requests.push_back(WithIdempotencyKey(Asking(key), "order-1", "body"));
  auto ask_all = [&] {
    std::vector<Task<absl::StatusOr<v1::CreateReservationResponse>>> calls;
    for (const auto& request : requests) calls.push_back(billing_->CreateReservation(request));
    return Wait(WhenAll(std::move(calls)));
  };
  std::string held;
  for (const auto& answer : ask_all()) {
    if (!answer.ok()) {
      EXPECT_THAT(answer, HasReason(ERROR_REASON_IDEMPOTENCY_KEY_IN_USE));
      continue;
    }
    EXPECT_EQ(held, "") << "held twice";
    held = answer->reservation().id();
  }
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), kPrice);
  EXPECT_EQ(AccountOf("acme").concurrent(), 1);
  ASSERT_THAT(Settle(held, 1), IsOk());
  // Each of them once more, as a client does: the one that was held answers itself, the others that it is
  // done.
  for (const auto& answer : ask_all()) {
    if (answer.ok()) {
      EXPECT_TRUE(answer->replayed());
    } else {
      EXPECT_THAT(answer, HasReason(ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED));
    }
  }
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - kPrice);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_EQ(LedgerOf("acme").size(), 2u);
}

TEST_F(IdentityTest, AnIdempotencyRecordOutlivesADayAndIsThenForgotten) {
  std::string key = Open("acme", kDollar);
  ASSERT_THAT(Settle(Reserved(WithIdempotencyKey(Asking(key), "order-1", "body")), 1), IsOk());
  std::string record = AccountKeys("acme").Idempotency(crypto::Sha256Hex("order-1"));
  EXPECT_THAT(redis_.Ask({"TTL", record}), ::testing::AnyOf("87300", "87299"));
  redis_.Ask({"DEL", record});  // as Redis does when its time has come
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key), "order-1", "another body")), IsOk());
}

TEST_F(IdentityTest, AfterExpiryAnIdempotencyKeyMakesANewAttempt) {
  std::string key = Open("acme", kDollar);
  std::string first = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  ExpireAll();
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key), "k", "other")),
              HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  std::string second = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  EXPECT_NE(second, first);
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key), "k", "body")),
              HasReason(ERROR_REASON_IDEMPOTENCY_KEY_IN_USE));
}

TEST_F(IdentityTest, AfterAReleaseOrARefusalAnIdempotencyKeyMakesANewAttempt) {
  std::string key = Open("acme", kPrice);
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key, 2), "k", "body")),
              HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  std::string first = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  ASSERT_THAT(Release(first), IsOk());
  std::string second = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  ASSERT_THAT(Release(second), IsOk());
  std::string third = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  ASSERT_THAT(Settle(third, 1), IsOk());
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key), "k", "body")),
              HasReason(ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED));
}

TEST_F(IdentityTest, ALateSettlementWhoseIdempotencyKeyHasPassedOnChargesNothing) {
  std::string key = Open("acme", kDollar);
  std::string first = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  Advance(420'000'000);  // due, and nobody swept
  std::string second = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  ASSERT_NE(second, "");

  absl::StatusOr<v1::SettleReservationResponse> late = Settle(first, 1);

  ASSERT_THAT(late, IsOk());
  EXPECT_EQ(late->reservation().charge_nano_usd(), 0);
  EXPECT_EQ(late->ledger_sequence(), 0);
  EXPECT_EQ(LedgerOf("acme").size(), 1u);
  EXPECT_TRUE(Settle(first, 1)->replayed());
  ASSERT_THAT(Settle(second, 1), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - kPrice);
  EXPECT_NE(metrics_.Text().find("prismatic_settlements_total{result=\"passed_on\"} 1"), std::string::npos);
}

TEST_F(IdentityTest, ALateSettlementThatKeptItsIdempotencyKeyCompletesIt) {
  std::string key = Open("acme", kDollar);
  std::string first = Reserved(WithIdempotencyKey(Asking(key), "k", "body"));
  ExpireAll();
  ASSERT_THAT(Settle(first, 1), IsOk());
  EXPECT_THAT(Reserve(WithIdempotencyKey(Asking(key), "k", "body")),
              HasReason(ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED));
}

TEST_F(IdentityTest, ExpiryEndsAHoldOnceAndItsAttemptCannotBeReservedAgain) {
  v1::CreateReservationRequest request = Asking(Open("acme", kDollar));
  std::string id = Reserved(request);
  Advance(420'000'000 - 1);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 0);
  Advance(1);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 0);
  EXPECT_EQ(AccountOf("acme").concurrent(), 0);
  absl::StatusOr<v1::CreateReservationResponse> again = Reserve(request);
  EXPECT_THAT(again, HasReason(ERROR_REASON_RESERVATION_RESOLVED));
  EXPECT_EQ(MetadataOf(again.status(), "state"), "EXPIRED");
  absl::StatusOr<v1::ReleaseReservationResponse> released = Release(id);
  ASSERT_THAT(released, IsOk());
  EXPECT_TRUE(released->replayed());
  EXPECT_THAT(Settle(id, 1), HasReason(ERROR_REASON_RESERVATION_RESOLVED));
  EXPECT_NE(metrics_.Text().find("prismatic_reservations_expired_total 1"), std::string::npos);
}

TEST_F(IdentityTest, TwoSettlementsAtOnceChargeOnce) {
  std::string key = Open("acme", kDollar);
  for (int round = 0; round < 20; ++round) {
    v1::SettleReservationRequest settle;
    settle.set_reservation_id(Reserved(Asking(key)));
    settle.set_delivered_count(1);
    v1::ReleaseReservationRequest release;
    release.set_reservation_id(settle.reservation_id());
    std::vector<Task<absl::StatusOr<v1::SettleReservationResponse>>> calls;
    for (int i = 0; i < 4; ++i) calls.push_back(billing_->SettleReservation(settle));
    int fresh = 0;
    for (const auto& answer : Wait(WhenAll(std::move(calls)))) fresh += answer.ok() && !answer->replayed();
    EXPECT_EQ(fresh, 1);
  }
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - 20 * kPrice);
  ExpectLedgerChains("acme");
}

TEST_F(IdentityTest, MalformedRequestsAreRefusedWithTheirField) {
  std::string key = Open("acme", kDollar);
  auto param = [&](v1::CreateReservationRequest request) {
    return MetadataOf(Reserve(request).status(), "param");
  };
  v1::CreateReservationRequest request = Asking(key);
  request.set_attempt_id("1");
  EXPECT_EQ(param(request), "attempt_id");
  EXPECT_EQ(param(Asking(key, 0)), "image_count");
  EXPECT_EQ(param(Asking(key, 11)), "image_count");
  request = Asking(key);
  request.set_idempotency_key("k");
  EXPECT_EQ(param(request), "body_sha256");
  request = WithIdempotencyKey(Asking(key), std::string(256, 'k'), "b");
  EXPECT_EQ(param(request), "idempotency_key");
  request = Asking(key);
  request.clear_model();
  EXPECT_EQ(param(request), "model");
  EXPECT_THAT(Settle("acme", 1), HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_THAT(Settle("acme." + NewUuidV7(), -1), HasReason(ERROR_REASON_INVALID_VALUE));
}

}  // namespace
}  // namespace prismatic::billing
