#include <algorithm>

#include "services/billing/billing_fixture.h"

namespace prismatic::billing {
namespace {

using common::v1::ERROR_REASON_ACCOUNT_IN_DEBT;
using common::v1::ERROR_REASON_CREDIT_BALANCE_EXHAUSTED;
using common::v1::ERROR_REASON_DELIVERED_COUNT_TOO_LARGE;
using common::v1::ERROR_REASON_IDEMPOTENCY_KEY_REUSED;
using common::v1::ERROR_REASON_IMAGE_COUNT_TOO_LARGE;
using common::v1::ERROR_REASON_INTERNAL_ERROR;
using common::v1::ERROR_REASON_INVALID_VALUE;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

class MoneyTest : public BillingFixture {};

TEST_F(MoneyTest, AReservationHoldsAndASettlementChargesExactlyWhatWasDelivered) {
  prices_.Set("odd", 3'145'728);  // 0.003145728 USD
  std::string key = Open("acme", kDollar);
  v1::CreateReservationRequest request = Asking(key, 3);
  request.set_model("odd");

  absl::StatusOr<v1::CreateReservationResponse> created = Reserve(request);
  ASSERT_THAT(created, IsOk());
  const v1::Reservation& held = created->reservation();
  EXPECT_EQ(held.id(), "acme." + request.attempt_id());
  EXPECT_EQ(held.key_id(), "acme.1");
  EXPECT_EQ(held.state(), v1::RESERVATION_STATE_PENDING);
  EXPECT_EQ(held.funding_source(), v1::FUNDING_SOURCE_WALLET);
  EXPECT_EQ(held.unit_price_nano_usd(), 3'145'728);
  EXPECT_EQ(held.reserved_nano_usd(), 9'437'184);
  EXPECT_EQ(held.expire_time_us() - held.create_time_us(), 420'000'000);
  EXPECT_EQ(held.catalog_version(), 7);
  EXPECT_FALSE(created->requests().has_limit());
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 9'437'184);
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar);
  EXPECT_EQ(AccountOf("acme").concurrent(), 1);

  absl::StatusOr<v1::SettleReservationResponse> settled = Settle(held.id(), 2);
  ASSERT_THAT(settled, IsOk());
  EXPECT_EQ(settled->ledger_sequence(), 2);
  EXPECT_EQ(settled->reservation().charge_nano_usd(), 6'291'456);
  v1::Account account = AccountOf("acme");
  EXPECT_EQ(account.balance_nano_usd(), kDollar - 6'291'456);
  EXPECT_EQ(account.held_nano_usd(), 0);
  EXPECT_EQ(account.concurrent(), 0);
  v1::LedgerEntry entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_CHARGE);
  EXPECT_EQ(entry.amount_nano_usd(), -6'291'456);
  EXPECT_EQ(entry.reservation_id(), held.id());
  EXPECT_EQ(entry.key_id(), "acme.1");
  EXPECT_EQ(entry.model(), "odd");
  EXPECT_EQ(entry.image_count(), 3);
  EXPECT_EQ(entry.delivered_count(), 2);
  EXPECT_EQ(entry.unit_price_nano_usd(), 3'145'728);
  EXPECT_EQ(entry.catalog_version(), 7);
  ExpectLedgerChains("acme");
}

TEST_F(MoneyTest, AWalletForTenAdmitsExactlyTenOf200AtOnce) {
  std::string key = Open("acme", 10 * kPrice);
  std::vector<Task<absl::StatusOr<v1::CreateReservationResponse>>> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(billing_->CreateReservation(Asking(key)));

  std::vector<std::string> admitted;
  int exhausted = 0;
  for (const auto& answer : Wait(WhenAll(std::move(calls)))) {
    if (answer.ok()) admitted.push_back(answer->reservation().id());
    exhausted += prismatic::HasReason(answer.status(), ERROR_REASON_CREDIT_BALANCE_EXHAUSTED);
  }
  EXPECT_EQ(admitted.size(), 10u);
  EXPECT_EQ(exhausted, 190);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 10 * kPrice);

  for (const std::string& id : admitted) EXPECT_THAT(Settle(id, 1), IsOk());
  v1::Account account = AccountOf("acme");
  EXPECT_EQ(account.balance_nano_usd(), 0);
  EXPECT_EQ(account.held_nano_usd(), 0);
  EXPECT_EQ(account.concurrent(), 0);
  std::vector<v1::LedgerEntry> ledger = LedgerOf("acme");
  ASSERT_EQ(ledger.size(), 11u);
  EXPECT_EQ(ledger[0].type(), v1::LEDGER_ENTRY_TYPE_TOP_UP);
  EXPECT_EQ(std::count_if(ledger.begin(), ledger.end(),
                          [](const auto& e) { return e.type() == v1::LEDGER_ENTRY_TYPE_CHARGE; }),
            10);
  ExpectLedgerChains("acme");
}

TEST_F(MoneyTest, OneNanoUsdTooLittleIsRefusedAndChangesNoByte) {
  std::string key = Open("acme", 3 * kPrice - 1, Limited(100, 100, 5), Limited(50, 50, 5));
  ASSERT_THAT(Release(Reserved(Asking(key, 1))), IsOk());
  std::string before = Bytes("acme");

  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(Asking(key, 3));

  EXPECT_THAT(refused, HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_EQ(MetadataOf(refused.status(), "required_nano_usd"), "120000000");
  EXPECT_EQ(MetadataOf(refused.status(), "available_nano_usd"), "119999999");
  EXPECT_EQ(Bytes("acme"), before);
}

TEST_F(MoneyTest, WhatIsHeldIsNotFree) {
  std::string key = Open("acme", 3 * kPrice);
  std::string id = Reserved(Asking(key, 2));
  EXPECT_THAT(Reserve(Asking(key, 2)), HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_THAT(Release(id), IsOk());
  Reserved(Asking(key, 3));
}

TEST_F(MoneyTest, AmountsNearTheLargestStayExact) {
  constexpr int64_t kMax = Money::kMaxNanos;
  constexpr int64_t kOdd = 4'499'999'999'999'999;
  prices_.Set("dear", kOdd);
  std::string key = Open("rich", kMax);
  v1::CreateReservationRequest request = Asking(key, 2);
  request.set_model("dear");

  std::string id = Reserved(request);
  EXPECT_EQ(AccountOf("rich").held_nano_usd(), 2 * kOdd);
  ASSERT_THAT(Settle(id, 1), IsOk());
  EXPECT_EQ(AccountOf("rich").balance_nano_usd(), kMax - kOdd);
  EXPECT_EQ(LedgerOf("rich").back().amount_nano_usd(), -kOdd);
  ASSERT_THAT(TopUp("rich", kOdd, "t"), IsOk());
  EXPECT_EQ(AccountOf("rich").balance_nano_usd(), kMax);
  EXPECT_THAT(TopUp("rich", 1, "u"), HasReason(ERROR_REASON_INVALID_VALUE));
  request.set_attempt_id(NewUuidV7());
  request.set_image_count(3);
  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(request);
  EXPECT_THAT(refused, HasReason(ERROR_REASON_IMAGE_COUNT_TOO_LARGE));
  EXPECT_EQ(MetadataOf(refused.status(), "limit"), "2");
  ExpectLedgerChains("rich");
}

TEST_F(MoneyTest, ARequestThatCostsNothingNeedsNoMoneyAndIsWritten) {
  prices_.Set("free", 0);
  std::string key = Open("poor", 0);
  v1::CreateReservationRequest request = Asking(key);
  request.set_model("free");
  ASSERT_THAT(Settle(Reserved(request), 1), IsOk());
  ASSERT_EQ(LedgerOf("poor").size(), 1u);
  EXPECT_EQ(LedgerOf("poor")[0].amount_nano_usd(), 0);
}

TEST_F(MoneyTest, SettlingMoreThanWasReservedChangesNothing) {
  std::string key = Open("acme", kDollar);
  std::string id = Reserved(Asking(key, 2));
  EXPECT_THAT(Settle(id, 3), HasReason(ERROR_REASON_DELIVERED_COUNT_TOO_LARGE));
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 2 * kPrice);
  EXPECT_THAT(Settle(id, 2), IsOk());
}

TEST_F(MoneyTest, ATopUpCountsOncePerRequestId) {
  Open("acme", 5);
  Open("other", 0);
  absl::StatusOr<v1::TopUpWalletResponse> first = TopUp("acme", 100, "pay-1");
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->ledger_sequence(), 2);
  EXPECT_FALSE(first->replayed());
  absl::StatusOr<v1::TopUpWalletResponse> again = TopUp("acme", 100, "pay-1");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->ledger_sequence(), 2);
  EXPECT_TRUE(again->replayed());
  EXPECT_THAT(TopUp("acme", 101, "pay-1"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), 105);
  // IDs belong to their account.
  EXPECT_THAT(TopUp("other", 100, "pay-1"), IsOk());
  EXPECT_EQ(LedgerOf("acme")[1].request_id(), "pay-1");
  EXPECT_EQ(redis_.Ask({"TTL", AccountKeys("acme").TopUp("pay-1")}), "-1");
}

TEST_F(MoneyTest, ALateSettlementChargesWhatIsThereAndTheRestIsOwedUntilATopUp) {
  std::string key = Open("acme", 3 * kPrice);
  std::string late = Reserved(Asking(key, 3));
  Advance(420'000'000);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_EQ(AccountOf("acme").concurrent(), 0);
  ASSERT_THAT(Settle(Reserved(Asking(key, 2)), 2), IsOk());

  absl::StatusOr<v1::SettleReservationResponse> settled = Settle(late, 3);

  ASSERT_THAT(settled, IsOk());
  EXPECT_EQ(settled->reservation().state(), v1::RESERVATION_STATE_SETTLED_LATE);
  EXPECT_EQ(settled->reservation().charge_nano_usd(), 3 * kPrice);
  v1::Account account = AccountOf("acme");
  EXPECT_EQ(account.balance_nano_usd(), 0);
  EXPECT_EQ(account.owed_nano_usd(), 2 * kPrice);
  EXPECT_EQ(account.concurrent(), 0);
  v1::LedgerEntry entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_LATE_CHARGE);
  EXPECT_EQ(entry.amount_nano_usd(), -kPrice);
  EXPECT_EQ(entry.owed_change_nano_usd(), 2 * kPrice);

  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(Asking(key));
  EXPECT_THAT(refused, HasReason(ERROR_REASON_ACCOUNT_IN_DEBT));
  EXPECT_EQ(MetadataOf(refused.status(), "owed_nano_usd"), "80000000");
  ASSERT_THAT(TopUp("acme", kPrice, "a"), IsOk());
  EXPECT_EQ(AccountOf("acme").owed_nano_usd(), kPrice);
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_ACCOUNT_IN_DEBT));
  ASSERT_THAT(TopUp("acme", 2 * kPrice, "b"), IsOk());
  EXPECT_EQ(AccountOf("acme").owed_nano_usd(), 0);
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kPrice);
  Reserved(Asking(key));
  ExpectLedgerChains("acme");
}

TEST_F(MoneyTest, ALateSettlementDoesNotTouchWhatOthersHold) {
  std::string key = Open("acme", 3 * kPrice);
  std::string late = Reserved(Asking(key, 2));
  Advance(420'000'000);
  Wait(sweeper_->SweepAll());
  std::string held = Reserved(Asking(key, 3));

  ASSERT_THAT(Settle(late, 2), IsOk());

  v1::Account account = AccountOf("acme");
  EXPECT_EQ(account.balance_nano_usd(), 3 * kPrice);
  EXPECT_EQ(account.owed_nano_usd(), 2 * kPrice);
  EXPECT_THAT(Settle(held, 3), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), 0);
  ExpectLedgerChains("acme");
}

TEST_F(MoneyTest, AKeyOfAWrongTypeLeavesNothingHalfWritten) {
  std::string key = Open("acme", kDollar, Limited(100, 100, 10), Limited(100, 100, 10));
  AccountKeys names("acme");
  std::string id = Reserved(Asking(key));
  std::string before = Bytes("acme");

  redis_.Ask({"RENAME", names.Ledger(), names.Ledger() + "-away"});
  redis_.Ask({"SET", names.Ledger(), "no stream"});
  EXPECT_THAT(Settle(id, 1), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(TopUp("acme", 1, "x"), HasReason(ERROR_REASON_INTERNAL_ERROR));
  redis_.Ask({"DEL", names.Ledger()});
  redis_.Ask({"RENAME", names.Ledger() + "-away", names.Ledger()});
  EXPECT_EQ(Bytes("acme"), before);

  redis_.Ask({"RENAME", names.Due(), names.Due() + "-away"});
  redis_.Ask({"SET", names.Due(), "no sorted set"});
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(Settle(id, 1), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_THAT(Release(id), HasReason(ERROR_REASON_INTERNAL_ERROR));
  redis_.Ask({"DEL", names.Due()});
  redis_.Ask({"RENAME", names.Due() + "-away", names.Due()});
  EXPECT_EQ(Bytes("acme"), before);

  v1::CreateReservationRequest request = WithIdempotencyKey(Asking(key), "i", "body");
  redis_.Ask({"HSET", names.Idempotency(crypto::Sha256Hex("i")), "f", "v"});
  std::string with_hash = Bytes("acme");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_INTERNAL_ERROR));
  EXPECT_EQ(Bytes("acme"), with_hash);
  EXPECT_THAT(Settle(id, 1), IsOk());
}

}  // namespace
}  // namespace prismatic::billing
