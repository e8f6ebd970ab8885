#include "absl/strings/str_cat.h"
#include "services/billing/billing_fixture.h"

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

constexpr int64_t kDayUs = 86'400'000'000;
constexpr int64_t kMonthUs = 31 * kDayUs;  // of January, in which the tests begin

class SubscriptionTest : public BillingFixture {
 protected:
  v1::Subscription SubscriptionOf(const std::string& account) { return AccountOf(account).subscription(); }
  void ExpectCounters(const std::string& account, int64_t used, int64_t held, int64_t over = 0) {
    v1::Subscription subscription = SubscriptionOf(account);
    EXPECT_EQ(subscription.used_units(), used);
    EXPECT_EQ(subscription.held_units(), held);
    EXPECT_EQ(subscription.over_units(), over);
  }
  void ExpireAll() {
    Advance(420'000'000);
    Wait(sweeper_->SweepAll());
  }
  // The bytes stay while the reservation is refused so.
  absl::Status Refused(const v1::CreateReservationRequest& request, ErrorReason reason) {
    std::string before = Everything();
    absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(request);
    EXPECT_THAT(refused, HasReason(reason));
    EXPECT_EQ(Everything(), before);
    return refused.status();
  }
  void ExpectRefused(const v1::CreateReservationRequest& request, ErrorReason reason) {
    Refused(request, reason).IgnoreError();
  }
  // As an update would leave it.
  void SetSubscription(const std::string& account, const std::string& text) {
    books_are_spoiled_ = true;
    redis_.Ask({"HSET", AccountKeys(account).Account(), "sub", text});
  }
};

TEST_F(SubscriptionTest, AnAccountOpensWithASubscriptionThatStartsNow) {
  OpenSubscribed("acme", 100, kDollar);
  v1::Account account = AccountOf("acme");
  EXPECT_EQ(account.funding_policy(), v1::FUNDING_POLICY_SUBSCRIPTION_FIRST);
  EXPECT_EQ(account.subscription().plan().quota_units(), 100);
  EXPECT_EQ(account.subscription().plan().period(), v1::SUBSCRIPTION_PERIOD_MONTH);
  EXPECT_EQ(account.subscription().plan().start_time_us(), now_us_);
  EXPECT_EQ(account.subscription().period_start_us(), now_us_);
  EXPECT_EQ(account.subscription().period_end_us(), now_us_ + kMonthUs);
  std::vector<v1::LedgerEntry> ledger = LedgerOf("acme");
  ASSERT_EQ(ledger.size(), 2u);
  EXPECT_EQ(ledger[0].type(), v1::LEDGER_ENTRY_TYPE_TOP_UP);
  EXPECT_EQ(ledger[1].type(), v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_GRANTED);
  EXPECT_EQ(ledger[1].quota_units(), 100);
  EXPECT_EQ(ledger[1].period_start_us(), now_us_);
  EXPECT_EQ(ledger[1].period_end_us(), now_us_ + kMonthUs);
}

TEST_F(SubscriptionTest, ASubscriptionMayHaveStartedBeforeButNotInTheFuture) {
  OpenSubscribed("acme", 100, 0, v1::FUNDING_POLICY_UNSPECIFIED, v1::SUBSCRIPTION_PERIOD_WEEK,
                 now_us_ - 10 * kDayUs);
  EXPECT_EQ(SubscriptionOf("acme").period_start_us(), now_us_ - 3 * kDayUs);
  EXPECT_EQ(SubscriptionOf("acme").period_end_us(), now_us_ + 4 * kDayUs);
  v1::CreateAccountRequest create;
  create.set_name("late");
  create.mutable_subscription()->set_quota_units(1);
  create.mutable_subscription()->set_period(v1::SUBSCRIPTION_PERIOD_DAY);
  create.mutable_subscription()->set_start_time_us(now_us_ + 1);
  absl::Status refused = Wait(ledger_->CreateAccount(create)).status();
  EXPECT_THAT(refused, HasReason(ERROR_REASON_INVALID_VALUE));
  EXPECT_EQ(MetadataOf(refused, "param"), "subscription.start_time_us");
  EXPECT_EQ(redis_.Ask({"EXISTS", AccountKeys("late").Account()}), "0");
}

TEST_F(SubscriptionTest, AReservationHoldsWeightedUnitsAndASettlementChargesThoseDelivered) {
  prices_.SetUnits(kModel, 7);
  std::string key = OpenSubscribed("acme", 100, kDollar);
  absl::StatusOr<v1::CreateReservationResponse> created = Reserve(Asking(key, 3));
  ASSERT_THAT(created, IsOk());
  const v1::Reservation& held = created->reservation();
  EXPECT_EQ(held.funding_source(), v1::FUNDING_SOURCE_SUBSCRIPTION);
  EXPECT_EQ(held.reserved_units(), 21);
  EXPECT_EQ(held.reserved_nano_usd(), 0);
  EXPECT_EQ(held.unit_price_nano_usd(), 0);
  ExpectCounters("acme", 0, 21);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);

  absl::StatusOr<v1::SettleReservationResponse> settled = Settle(held.id(), 2);
  ASSERT_THAT(settled, IsOk());
  EXPECT_EQ(settled->reservation().charge_nano_usd(), 0);
  EXPECT_EQ(settled->reservation().funding_source(), v1::FUNDING_SOURCE_SUBSCRIPTION);
  EXPECT_EQ(settled->ledger_sequence(), 3);
  ExpectCounters("acme", 14, 0);
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar);
  v1::LedgerEntry entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_CHARGE);
  EXPECT_EQ(entry.funding_source(), v1::FUNDING_SOURCE_SUBSCRIPTION);
  EXPECT_EQ(entry.amount_nano_usd(), 0);
  EXPECT_EQ(entry.units(), 14);
  EXPECT_EQ(entry.over_units(), 0);
  EXPECT_EQ(entry.period_start_us(), now_us_);
  EXPECT_EQ(entry.delivered_count(), 2);
  EXPECT_NE(metrics_.Text().find("prismatic_charged_quota_units_total{model=\"imagen-4\"} 14"),
            std::string::npos);

  absl::StatusOr<v1::SettleReservationResponse> again = Settle(held.id(), 2);
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed());
  EXPECT_THAT(Settle(held.id(), 3), HasReason(ERROR_REASON_RESERVATION_RESOLVED));
  ExpectCounters("acme", 14, 0);
}

TEST_F(SubscriptionTest, EachPolicyPaysFromItsSourceAndNeverFromTwo) {
  struct Case {
    v1::FundingPolicy policy;
    int64_t quota, wallet;
    ErrorReason refusal;  // UNSPECIFIED: admitted
    v1::FundingSource source;
  };
  const Case cases[] = {
      {v1::FUNDING_POLICY_SUBSCRIPTION_FIRST, 2, 0, ERROR_REASON_UNSPECIFIED,
       v1::FUNDING_SOURCE_SUBSCRIPTION},
      {v1::FUNDING_POLICY_SUBSCRIPTION_FIRST, 1, 2 * kPrice, ERROR_REASON_UNSPECIFIED,
       v1::FUNDING_SOURCE_WALLET},
      {v1::FUNDING_POLICY_SUBSCRIPTION_FIRST, 1, kPrice, ERROR_REASON_CREDIT_BALANCE_EXHAUSTED, {}},
      {v1::FUNDING_POLICY_SUBSCRIPTION_FIRST, 1, 0, ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED, {}},
      {v1::FUNDING_POLICY_SUBSCRIPTION_ONLY, 2, kDollar, ERROR_REASON_UNSPECIFIED,
       v1::FUNDING_SOURCE_SUBSCRIPTION},
      {v1::FUNDING_POLICY_SUBSCRIPTION_ONLY, 1, kDollar, ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED, {}},
      {v1::FUNDING_POLICY_WALLET_ONLY, 9, 2 * kPrice, ERROR_REASON_UNSPECIFIED, v1::FUNDING_SOURCE_WALLET},
      {v1::FUNDING_POLICY_WALLET_ONLY, 9, 0, ERROR_REASON_CREDIT_BALANCE_EXHAUSTED, {}},
  };
  int number = 0;
  for (const Case& c : cases) {
    std::string account = absl::StrCat("a", number++);
    SCOPED_TRACE(account);
    std::string key = OpenSubscribed(account, c.quota, c.wallet, c.policy);
    v1::CreateReservationRequest request = Asking(key, 2);
    if (c.refusal != ERROR_REASON_UNSPECIFIED) {
      ExpectRefused(request, c.refusal);
      continue;
    }
    absl::StatusOr<v1::CreateReservationResponse> created = Reserve(request);
    ASSERT_THAT(created, IsOk());
    EXPECT_EQ(created->reservation().funding_source(), c.source);
    bool wallet = c.source == v1::FUNDING_SOURCE_WALLET;
    EXPECT_EQ(AccountOf(account).held_nano_usd(), wallet ? 2 * kPrice : 0);
    EXPECT_EQ(SubscriptionOf(account).held_units(), wallet ? 0 : 2);
  }
}

TEST_F(SubscriptionTest, WithoutASubscriptionSubscriptionOnlyAdmitsNothing) {
  v1::CreateAccountRequest create;
  create.set_name("acme");
  create.set_wallet_nano_usd(kDollar);
  create.set_funding_policy(v1::FUNDING_POLICY_SUBSCRIPTION_ONLY);
  ASSERT_THAT(Wait(ledger_->CreateAccount(create)), IsOk());
  absl::Status refused = Refused(Asking(NewKey("acme").api_key()), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
  EXPECT_EQ(MetadataOf(refused, "quota"), "0");
}

TEST_F(SubscriptionTest, AnExhaustedQuotaTellsWhatIsUsedAndHeld) {
  std::string key = OpenSubscribed("acme", 10);
  ASSERT_THAT(Settle(Reserved(Asking(key, 4)), 4), IsOk());
  Reserved(Asking(key, 5));
  absl::Status refused = Refused(Asking(key, 2), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(MetadataOf(refused, "quota"), "10");
  EXPECT_EQ(MetadataOf(refused, "used"), "4");
  EXPECT_EQ(MetadataOf(refused, "held"), "5");
  Reserved(Asking(key, 1));
}

TEST_F(SubscriptionTest, AQuotaForTenAdmitsExactlyTenOf200AtOnce) {
  std::string key = OpenSubscribed("acme", 30);
  prices_.SetUnits(kModel, 3);
  std::vector<Task<absl::StatusOr<v1::CreateReservationResponse>>> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(billing_->CreateReservation(Asking(key)));
  std::vector<std::string> admitted;
  for (const auto& answer : Wait(WhenAll(std::move(calls)))) {
    if (answer.ok()) {
      admitted.push_back(answer->reservation().id());
    } else {
      EXPECT_THAT(answer, HasReason(ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED));
    }
  }
  EXPECT_EQ(admitted.size(), 10u);
  for (const std::string& id : admitted) EXPECT_THAT(Settle(id, 1), IsOk());
  ExpectCounters("acme", 30, 0);
}

TEST_F(SubscriptionTest, APriceIsMissedOnlyWhereTheWalletWouldPay) {
  prices_.Set("unpriced", std::nullopt);
  prices_.Set("free", 0);
  std::string key = OpenSubscribed("acme", 2, kDollar);
  v1::CreateReservationRequest request = Asking(key, 2);
  request.set_model("unpriced");
  ASSERT_THAT(Settle(Reserved(request), 2), IsOk());
  request.set_attempt_id(NewUuidV7());
  ExpectRefused(request, ERROR_REASON_GENERATION_PRICE_MISSING);
  // Nothing to fall back to: the quota is what is missing.
  request.set_api_key(OpenSubscribed("poor", 1));
  ExpectRefused(request, ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
  request.set_model("free");
  absl::StatusOr<v1::CreateReservationResponse> free = Reserve(request);
  ASSERT_THAT(free, IsOk());
  EXPECT_EQ(free->reservation().funding_source(), v1::FUNDING_SOURCE_WALLET);
}

TEST_F(SubscriptionTest, DebtStopsWhatASubscriptionWouldPayUntilATopUp) {
  std::string key = OpenSubscribed("acme", 5, 2 * kPrice, v1::FUNDING_POLICY_SUBSCRIPTION_FIRST);
  std::string late = Reserved(Asking(key, 5));
  std::string paid = Reserved(Asking(key, 2));  // by the wallet
  ExpireAll();
  ASSERT_THAT(Settle(Reserved(Asking(key, 5)), 5), IsOk());
  ASSERT_THAT(Settle(Reserved(Asking(key, 1)), 1), IsOk());
  ASSERT_THAT(Settle(paid, 2), IsOk());
  EXPECT_EQ(AccountOf("acme").owed_nano_usd(), kPrice);
  ASSERT_THAT(Settle(late, 1), IsOk());
  Advance(kMonthUs);  // the quota is fresh
  ExpectRefused(Asking(key), ERROR_REASON_ACCOUNT_IN_DEBT);
  ASSERT_THAT(TopUp("acme", kPrice, "t"), IsOk());
  Reserved(Asking(key));
  ExpectCounters("acme", 0, 1);
}

TEST_F(SubscriptionTest, APeriodEndsExactlyAndWhatIsUnusedIsLost) {
  std::string key = OpenSubscribed("acme", 10);
  ASSERT_THAT(Settle(Reserved(Asking(key, 4)), 4), IsOk());
  Advance(kMonthUs - 1);
  ExpectRefused(Asking(key, 7), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
  Advance(1);
  ExpectCounters("acme", 0, 0);  // as it is shown; nothing is written yet
  EXPECT_EQ(SubscriptionOf("acme").period_start_us(), now_us_);
  EXPECT_EQ(LedgerOf("acme").size(), 2u);

  Reserved(Asking(key, 7));

  ExpectCounters("acme", 0, 7);
  v1::LedgerEntry entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.sequence(), 3);
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER);
  EXPECT_EQ(entry.units(), 4);
  EXPECT_EQ(entry.quota_units(), 10);
  EXPECT_EQ(entry.period_start_us(), now_us_);
  EXPECT_EQ(entry.period_end_us(), now_us_ + 28 * kDayUs);
  EXPECT_EQ(entry.amount_nano_usd(), 0);
  ExpectRefused(Asking(key, 4), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
}

TEST_F(SubscriptionTest, ManyRequestsAtAPeriodsEndRollItOverOnce) {
  std::string key = OpenSubscribed("acme", 10);
  Advance(5 * kMonthUs);
  std::vector<Task<absl::StatusOr<v1::CreateReservationResponse>>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(billing_->CreateReservation(Asking(key)));
  int admitted = 0;
  for (const auto& answer : Wait(WhenAll(std::move(calls)))) admitted += answer.ok();
  EXPECT_EQ(admitted, 10);
  EXPECT_EQ(LedgerOf("acme").size(), 2u);
}

TEST_F(SubscriptionTest, ARefusalPersistsNoRollover) {
  prices_.Set("unpriced", std::nullopt);
  std::string key = OpenSubscribed("acme", 3, kPrice);
  ASSERT_THAT(Settle(Reserved(Asking(key, 3)), 3), IsOk());
  Advance(2 * kMonthUs);
  ExpectRefused(Asking(key, 4), ERROR_REASON_CREDIT_BALANCE_EXHAUSTED);
  v1::CreateReservationRequest request = Asking(key, 4);
  request.set_model("unpriced");
  ExpectRefused(request, ERROR_REASON_GENERATION_PRICE_MISSING);
  request.set_model("missing");
  ExpectRefused(request, ERROR_REASON_MODEL_NOT_FOUND);
  request = Asking(key, 1);
  request.set_validate_only(true);
  std::string before = Everything();
  EXPECT_THAT(Reserve(request), IsOk());
  EXPECT_EQ(Everything(), before);
  // The wallet pays for three after all; that is an admission, and begins the period.
  prices_.Set(kModel, kPrice / 4);
  Reserved(Asking(key, 4));
  EXPECT_EQ(LedgerOf("acme").back().type(), v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_ROLLED_OVER);
  EXPECT_EQ(LedgerOf("acme").back().units(), 3);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), kPrice);
}

TEST_F(SubscriptionTest, WhoPaysByWalletAloneRollsNothingOver) {
  std::string key = OpenSubscribed("acme", 3, kDollar, v1::FUNDING_POLICY_WALLET_ONLY);
  Advance(2 * kMonthUs);
  Reserved(Asking(key));
  EXPECT_EQ(LedgerOf("acme").size(), 2u);
}

TEST_F(SubscriptionTest, AHoldOfAnEndedPeriodIsSettledReleasedAndExpiredWithoutTouchingTheNewOne) {
  std::string key = OpenSubscribed("acme", 10);
  Advance(kMonthUs - 1'000'000);
  std::string settled = Reserved(Asking(key, 3));
  std::string released = Reserved(Asking(key, 2));
  std::string expired = Reserved(Asking(key, 2));
  Advance(1'000'000);
  std::string fresh = Reserved(Asking(key, 10));
  ExpectCounters("acme", 0, 10);

  ASSERT_THAT(Settle(settled, 2), IsOk());
  v1::LedgerEntry entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_CHARGE);
  EXPECT_EQ(entry.units(), 2);
  EXPECT_EQ(entry.over_units(), 0);
  EXPECT_EQ(entry.period_start_us(), 0);
  ASSERT_THAT(Release(released), IsOk());
  ExpectCounters("acme", 0, 10);
  Advance(419'000'000);
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 1);
  ExpectCounters("acme", 0, 10);

  ASSERT_THAT(Settle(expired, 2), IsOk());
  entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_LATE_CHARGE);
  EXPECT_EQ(entry.units(), 2);
  EXPECT_EQ(entry.over_units(), 2);
  EXPECT_EQ(entry.period_start_us(), 0);
  ExpectCounters("acme", 0, 10);
  ASSERT_THAT(Settle(fresh, 10), IsOk());
  ExpectCounters("acme", 10, 0);
}

TEST_F(SubscriptionTest, AHoldSettledAfterItsPeriodButBeforeTheNextCountsInItsOwn) {
  std::string key = OpenSubscribed("acme", 10);
  Advance(kMonthUs - 1);
  std::string id = Reserved(Asking(key, 3));
  Advance(1);
  ASSERT_THAT(Settle(id, 3), IsOk());
  EXPECT_EQ(LedgerOf("acme").back().period_start_us(), now_us_ - kMonthUs);
  Reserved(Asking(key, 10));
  EXPECT_EQ(LedgerOf("acme").back().units(), 3);
}

TEST_F(SubscriptionTest, ExpiryGivesUnitsBack) {
  std::string key = OpenSubscribed("acme", 10);
  Reserved(Asking(key, 10));
  Advance(420'000'000 - 1);
  ExpectRefused(Asking(key), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
  Advance(1);
  Reserved(Asking(key, 10));  // sweeps what is due by itself
  ExpectCounters("acme", 0, 10);
}

TEST_F(SubscriptionTest, ALateSettlementTakesWhatIsLeftOfTheQuotaAndNeverTheWallet) {
  prices_.SetUnits(kModel, 2);
  std::string key = OpenSubscribed("acme", 10, kDollar);
  std::string late = Reserved(Asking(key, 4));
  ExpireAll();
  std::string used = Reserved(Asking(key, 2));
  ASSERT_THAT(Settle(used, 1), IsOk());
  std::string held = Reserved(Asking(key, 1));

  absl::StatusOr<v1::SettleReservationResponse> settled = Settle(late, 4);

  ASSERT_THAT(settled, IsOk());
  EXPECT_EQ(settled->reservation().state(), v1::RESERVATION_STATE_SETTLED_LATE);
  EXPECT_EQ(settled->reservation().charge_nano_usd(), 0);
  v1::LedgerEntry entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_LATE_CHARGE);
  EXPECT_EQ(entry.units(), 8);
  EXPECT_EQ(entry.over_units(), 2);
  EXPECT_EQ(entry.owed_change_nano_usd(), 0);
  ExpectCounters("acme", 8, 2, 2);
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar);
  EXPECT_EQ(AccountOf("acme").owed_nano_usd(), 0);
  EXPECT_THAT(Settle(held, 1), IsOk());
  ExpectCounters("acme", 10, 0, 2);
  // Units over are no debt.
  EXPECT_THAT(Reserve(Asking(key)), IsOk());
}

TEST_F(SubscriptionTest, AHoldOfAnotherOrARemovedSubscriptionHarmsNothing) {
  std::string key = OpenSubscribed("acme", 10);
  std::string first = Reserved(Asking(key, 3));
  std::string late = Reserved(Asking(key, 3));
  std::string second = Reserved(Asking(key, 4));
  std::string now = absl::StrCat(now_us_.load()), end = absl::StrCat(now_us_ + 7 * kDayUs);
  SetSubscription("acme", "2");
  ASSERT_THAT(Settle(first, 3), IsOk());
  EXPECT_EQ(LedgerOf("acme").back().units(), 3);
  EXPECT_EQ(LedgerOf("acme").back().over_units(), 0);
  EXPECT_EQ(LedgerOf("acme").back().period_start_us(), 0);
  EXPECT_FALSE(AccountOf("acme").has_subscription());
  SetSubscription("acme", absl::StrCat("3|5|week|", now, "|", now, "|", end, "|1|0|0"));
  ASSERT_THAT(Release(second), IsOk());
  ExpectCounters("acme", 1, 0);
  ExpireAll();
  ASSERT_THAT(Settle(late, 2), IsOk());
  EXPECT_EQ(LedgerOf("acme").back().over_units(), 2);
  ExpectCounters("acme", 1, 0);
  Reserved(Asking(key, 4));
  ExpectCounters("acme", 1, 4);
  EXPECT_EQ(AccountOf("acme").concurrent(), 1);
}

TEST_F(SubscriptionTest, ALoweredQuotaLetsHoldsSettleAndAdmitsNothingMore) {
  std::string key = OpenSubscribed("acme", 10);
  std::string id = Reserved(Asking(key, 8));
  std::string now = absl::StrCat(now_us_.load()), end = absl::StrCat(now_us_ + kMonthUs);
  SetSubscription("acme", absl::StrCat("1|4|month|", now, "|", now, "|", end, "|0|8|0"));
  ExpectRefused(Asking(key), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
  ASSERT_THAT(Settle(id, 8), IsOk());
  ExpectCounters("acme", 8, 0);
  ExpectRefused(Asking(key), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
}

TEST_F(SubscriptionTest, AClockThatWasAheadGivesNoQuotaTwiceAndTakesNoMonthAway) {
  std::string key =
      OpenSubscribed("acme", 10, 0, v1::FUNDING_POLICY_UNSPECIFIED, v1::SUBSCRIPTION_PERIOD_DAY);
  ASSERT_THAT(Settle(Reserved(Asking(key, 4)), 4), IsOk());
  Advance(30 * kDayUs);
  std::string ahead = Reserved(Asking(key, 6));
  Advance(-30 * kDayUs);
  // The bounds come back; what is held stays held.
  Reserved(Asking(key, 1));
  v1::LedgerEntry entry = LedgerOf("acme").back();
  EXPECT_EQ(entry.type(), v1::LEDGER_ENTRY_TYPE_SUBSCRIPTION_CHANGED);
  EXPECT_EQ(entry.period_start_us(), now_us_);
  ExpectCounters("acme", 0, 7);
  ExpectRefused(Asking(key, 4), ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED);
  ASSERT_THAT(Settle(ahead, 6), IsOk());
  ExpectCounters("acme", 6, 1);
  Advance(kDayUs);
  Reserved(Asking(key, 10));
  ExpectCounters("acme", 0, 10);
}

TEST_F(SubscriptionTest, AClockBeforeTheFirstStartIsInTheFirstPeriod) {
  std::string key = OpenSubscribed("acme", 10);
  Advance(-kDayUs);
  Reserved(Asking(key, 4));
  ExpectCounters("acme", 0, 4);
  EXPECT_EQ(LedgerOf("acme").size(), 1u);
}

}  // namespace
}  // namespace prismatic::billing
