#include <tuple>

#include "absl/strings/str_cat.h"
#include "services/billing/billing_fixture.h"

// All states that matter to who pays, times what is asked for: an estimate says what a reservation then does.

namespace prismatic::billing {
namespace {

using prismatic::testing::IsOk;

constexpr int64_t kDayUs = 86'400'000'000;
constexpr int64_t kNoSubscription = -1;

enum class State { kFresh, kPeriodIsOver, kHoldsAreDue, kInDebt };

using Wealth = std::tuple<v1::FundingPolicy, int64_t /* quota */, int64_t /* wallet */, State>;

class EstimateTest : public BillingFixture, public ::testing::WithParamInterface<Wealth> {
 protected:
  EstimateTest() {
    prices_.Set("unpriced", std::nullopt);
    prices_.Set("free", 0);
    prices_.SetUnits("unpriced", 2);
  }

  std::string OpenAs(const std::string& account) {
    auto [policy, quota, wallet, state] = GetParam();
    v1::CreateAccountRequest create;
    create.set_name(account);
    create.set_wallet_nano_usd(wallet);
    create.set_funding_policy(policy);
    if (quota != kNoSubscription) {
      create.mutable_subscription()->set_quota_units(quota);
      create.mutable_subscription()->set_period(v1::SUBSCRIPTION_PERIOD_DAY);
    }
    EXPECT_THAT(Wait(ledger_->CreateAccount(create)), IsOk());
    std::string key = NewKey(account).api_key();
    BringTo(state, account, key);
    return key;
  }

  void BringTo(State state, const std::string& account, const std::string& key) {
    if (state == State::kInDebt) {
      books_are_spoiled_ = true;
      redis_.Ask({"HSET", AccountKeys(account).Account(), "owed", "1"});
    }
    if (state == State::kHoldsAreDue) {
      while (Reserve(Asking(key)).ok()) {
      }
      Advance(420'000'000);
    }
    if (state == State::kPeriodIsOver) {
      while (UseOneUnit(key)) {
      }
      Advance(kDayUs);
    }
  }
  bool UseOneUnit(const std::string& key) {
    absl::StatusOr<v1::CreateReservationResponse> held = Reserve(Asking(key));
    if (!held.ok()) return false;
    bool unit = held->reservation().funding_source() == v1::FUNDING_SOURCE_SUBSCRIPTION;
    EXPECT_THAT(Settle(held->reservation().id(), unit ? 1 : 0), IsOk());
    return unit;
  }

  void ExpectWhatIsEstimated(const std::string& key, const std::string& model) {
    v1::EstimateCostRequest ask;
    ask.set_api_key(key);
    ask.set_model(model);
    ask.set_image_count(3);
    absl::StatusOr<v1::EstimateCostResponse> estimate = Wait(billing_->EstimateCost(ask));
    ASSERT_THAT(estimate, IsOk());
    v1::CreateReservationRequest request = Asking(key, 3);
    request.set_model(model);
    absl::StatusOr<v1::CreateReservationResponse> made = Reserve(request);

    EXPECT_EQ(estimate->would_be_admitted(), made.ok());
    EXPECT_EQ(estimate->has_unit_price_nano_usd(), model != "unpriced");
    if (made.ok()) {
      EXPECT_EQ(estimate->refusal_reason(), "");
      EXPECT_EQ(estimate->funding_source(), made->reservation().funding_source());
      EXPECT_EQ(estimate->total_nano_usd(), made->reservation().reserved_nano_usd());
    } else {
      EXPECT_EQ(estimate->refusal_reason(), ReasonName(ReasonOf(made.status())));
      EXPECT_EQ(estimate->funding_source(), v1::FUNDING_SOURCE_UNSPECIFIED);
    }
  }
};

TEST_P(EstimateTest, IsWhatAReservationThenDoes) {
  for (const char* model : {kModel, "unpriced", "free"}) {
    SCOPED_TRACE(model);
    ExpectWhatIsEstimated(OpenAs(absl::StrCat("of-", model)), model);
  }
}

INSTANTIATE_TEST_SUITE_P(Wealths, EstimateTest,
                         ::testing::Combine(::testing::Values(v1::FUNDING_POLICY_SUBSCRIPTION_FIRST,
                                                              v1::FUNDING_POLICY_SUBSCRIPTION_ONLY,
                                                              v1::FUNDING_POLICY_WALLET_ONLY),
                                            ::testing::Values(kNoSubscription, 0, 1, 3, 6),
                                            ::testing::Values(0, kPrice, 3 * kPrice),
                                            ::testing::Values(State::kFresh, State::kPeriodIsOver,
                                                              State::kHoldsAreDue, State::kInDebt)));

}  // namespace
}  // namespace prismatic::billing
