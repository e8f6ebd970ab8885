#include "services/billing/billing_fixture.h"

// Money that people change by hand: adjustments, write-offs, and their request IDs.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

class AdjustmentTest : public BillingFixture {
 protected:
  absl::StatusOr<v1::AdjustWalletResponse> Adjust(int64_t amount, const std::string& request_id,
                                                  const std::string& reason = "goodwill") {
    v1::AdjustWalletRequest request;
    request.set_account("acme");
    request.set_amount_nano_usd(amount);
    request.set_reason(reason);
    request.set_request_id(request_id);
    return Wait(admin_->AdjustWallet(request));
  }
  absl::StatusOr<v1::WriteOffDebtResponse> WriteOff(int64_t amount, const std::string& request_id,
                                                    const std::string& reason = "insolvent") {
    v1::WriteOffDebtRequest request;
    request.set_account("acme");
    request.set_amount_nano_usd(amount);
    request.set_reason(reason);
    request.set_request_id(request_id);
    return Wait(admin_->WriteOffDebt(request));
  }
  // An account that owes one image, and its key.
  std::string OpenInDebt() {
    std::string key = Open("acme", 2 * kPrice);
    std::string late = Reserved(Asking(key, 2));
    Advance(420'000'000);
    EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
    EXPECT_THAT(Settle(Reserved(Asking(key, 1)), 1), IsOk());
    EXPECT_THAT(Settle(late, 2), IsOk());
    EXPECT_EQ(AccountOf("acme").owed_nano_usd(), kPrice);
    return key;
  }
};

TEST_F(AdjustmentTest, AnAdjustmentGivesOrTakesWithItsReasonAndCountsOncePerRequestId) {
  Open("acme", kDollar);
  absl::StatusOr<v1::AdjustWalletResponse> given = Adjust(5, "case-1");
  ASSERT_THAT(given, IsOk());
  EXPECT_EQ(given->account().balance_nano_usd(), kDollar + 5);
  EXPECT_EQ(given->ledger_sequence(), 2);
  EXPECT_FALSE(given->replayed());
  absl::StatusOr<v1::AdjustWalletResponse> again = Adjust(5, "case-1");
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->ledger_sequence(), 2);
  ASSERT_THAT(Adjust(-kDollar, "case-2", "chargeback"), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), 5);

  std::vector<v1::LedgerEntry> ledger = LedgerOf("acme");
  ASSERT_EQ(ledger.size(), 3u);
  EXPECT_EQ(ledger[1].type(), v1::LEDGER_ENTRY_TYPE_ADJUSTMENT);
  EXPECT_EQ(ledger[1].reason(), "goodwill");
  EXPECT_EQ(ledger[1].request_id(), "case-1");
  EXPECT_EQ(ledger[2].amount_nano_usd(), -kDollar);
  EXPECT_EQ(ledger[2].reason(), "chargeback");
}

TEST_F(AdjustmentTest, AnAdjustmentTakesNoMoneyThatIsHeldAndTouchesNoDebt) {
  std::string key = Open("acme", 3 * kPrice);
  std::string held = Reserved(Asking(key, 2));
  std::string before = Everything();
  absl::Status refused = Adjust(-kPrice - 1, "a").status();
  EXPECT_THAT(refused, HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_EQ(MetadataOf(refused, "available_nano_usd"), std::to_string(kPrice));
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Adjust(-kPrice, "a"), IsOk());
  EXPECT_THAT(Settle(held, 2), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), 0);
}

TEST_F(AdjustmentTest, AnAdjustmentNeverLeavesTheRangeOfMoney) {
  Open("acme", Money::kMaxNanos - 3);
  EXPECT_THAT(Adjust(4, "a"), HasReason(ERROR_REASON_INVALID_VALUE));
  ASSERT_THAT(Adjust(3, "a"), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), Money::kMaxNanos);
  EXPECT_THAT(Adjust(1, "b"), HasReason(ERROR_REASON_INVALID_VALUE));
  ASSERT_THAT(Adjust(-Money::kMaxNanos, "b"), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), 0);
}

TEST_F(AdjustmentTest, ARequestIdStandsForOneAmountReasonAndKindOfChange) {
  OpenInDebt();
  ASSERT_THAT(Adjust(kPrice, "one"), IsOk());
  ASSERT_THAT(WriteOff(1, "two"), IsOk());
  ASSERT_THAT(TopUp("acme", 1, "three"), IsOk());
  std::string before = Everything();
  EXPECT_THAT(Adjust(kPrice + 1, "one"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_THAT(Adjust(kPrice, "one", "another"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_THAT(TopUp("acme", kPrice, "one"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_THAT(WriteOff(kPrice, "one", "goodwill"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_THAT(Adjust(1, "two", "insolvent"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_THAT(Adjust(1, "three"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_THAT(WriteOff(1, "three"), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_EQ(Everything(), before);
}

TEST_F(AdjustmentTest, DebtStopsEveryReservationUntilItIsWrittenOffOrPaid) {
  std::string key = OpenInDebt();
  ASSERT_THAT(Adjust(kDollar, "does-not-pay"), IsOk());
  absl::Status refused = Reserve(Asking(key)).status();
  EXPECT_THAT(refused, HasReason(ERROR_REASON_ACCOUNT_IN_DEBT));
  EXPECT_EQ(MetadataOf(refused, "owed_nano_usd"), std::to_string(kPrice));

  absl::StatusOr<v1::WriteOffDebtResponse> part = WriteOff(kPrice - 1, "part");
  ASSERT_THAT(part, IsOk());
  EXPECT_EQ(part->account().owed_nano_usd(), 1);
  EXPECT_EQ(part->account().balance_nano_usd(), kDollar);
  EXPECT_TRUE(WriteOff(kPrice - 1, "part")->replayed());
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_ACCOUNT_IN_DEBT));
  EXPECT_THAT(WriteOff(2, "more-than-owed"), HasReason(ERROR_REASON_INVALID_VALUE));
  ASSERT_THAT(TopUp("acme", 1, "pays-the-rest"), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar);
  EXPECT_THAT(Reserve(Asking(key)), IsOk());

  v1::LedgerEntry forgiven = LedgerOf("acme")[4];
  EXPECT_EQ(forgiven.type(), v1::LEDGER_ENTRY_TYPE_WRITE_OFF);
  EXPECT_EQ(forgiven.reason(), "insolvent");
  EXPECT_EQ(forgiven.amount_nano_usd(), 0);
  EXPECT_EQ(forgiven.owed_change_nano_usd(), 1 - kPrice);
}

TEST_F(AdjustmentTest, MalformedChangesAreRefusedWithTheirField) {
  Open("acme", kDollar);
  auto param = [](const auto& response) { return MetadataOf(response.status(), "param"); };
  EXPECT_EQ(param(Adjust(0, "a")), "amount_nano_usd");
  EXPECT_EQ(param(Adjust(1, "")), "request_id");
  EXPECT_EQ(param(Adjust(1, "two words")), "request_id");
  EXPECT_EQ(param(Adjust(1, std::string(129, 'x'))), "request_id");
  EXPECT_EQ(param(Adjust(1, "a", "")), "reason");
  EXPECT_EQ(param(Adjust(1, "a", std::string(201, 'x'))), "reason");
  EXPECT_EQ(param(Adjust(1, "a", "a\nb")), "reason");
  EXPECT_EQ(param(WriteOff(-1, "a")), "amount_nano_usd");
  EXPECT_EQ(param(WriteOff(1, "a")), "amount_nano_usd");  // nothing is owed
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "ü";
  ASSERT_THAT(Adjust(1, "a", umlauts), IsOk());
  EXPECT_EQ(LedgerOf("acme")[1].reason(), umlauts);
  v1::AdjustWalletRequest nobody;
  nobody.set_account("nobody");
  nobody.set_amount_nano_usd(1);
  nobody.set_reason("r");
  nobody.set_request_id("a");
  EXPECT_THAT(Wait(admin_->AdjustWallet(nobody)), HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));
}

}  // namespace
}  // namespace prismatic::billing
