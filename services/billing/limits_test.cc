#include "services/billing/billing_fixture.h"

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;
using prismatic::testing::IsOkAnd;

class LimitsTest : public BillingFixture {
 protected:
  static std::string Told(const absl::Status& status) {
    return MetadataOf(status, "subject") + " " + MetadataOf(status, "metric") + " " +
           MetadataOf(status, "limit");
  }
};

TEST_F(LimitsTest, ABurstOfTheLimitIsAdmittedAndTheNextExactlyWhenToldAndNotAMicrosecondEarlier) {
  std::string key = Open("acme", kDollar, {}, Limited(7));  // an interval of 8,571,429 us, rounded up
  for (int i = 0; i < 7; ++i) {
    absl::StatusOr<v1::CreateReservationResponse> admitted = Reserve(Asking(key));
    ASSERT_THAT(admitted, IsOk());
    EXPECT_EQ(admitted->requests().limit(), 7);
    EXPECT_EQ(admitted->requests().remaining(), 6 - i);
    EXPECT_EQ(admitted->requests().reset_after_us(), (i + 1) * 8'571'429);
  }
  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(Asking(key));
  ASSERT_THAT(refused, HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Told(refused.status()), "key requests 7");
  ASSERT_EQ(RetryAfterOf(refused.status()), absl::Microseconds(8'571'429));

  Advance(8'571'428);
  EXPECT_EQ(RetryAfterOf(Reserve(Asking(key)).status()), absl::Microseconds(1));
  Advance(1);
  EXPECT_THAT(Reserve(Asking(key)), IsOk());
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
}

TEST_F(LimitsTest, ImagesCountEachAndTheWaitIsForAllOfThem) {
  std::string key = Open("acme", kDollar, {}, Limited(std::nullopt, 6));  // one image each 10 s
  Reserved(Asking(key, 5));
  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(Asking(key, 3));
  EXPECT_EQ(Told(refused.status()), "key images 6");
  ASSERT_EQ(RetryAfterOf(refused.status()), absl::Seconds(20));
  Advance(20'000'000 - 1);
  EXPECT_THAT(Reserve(Asking(key, 3)), HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
  Advance(1);
  absl::StatusOr<v1::CreateReservationResponse> admitted = Reserve(Asking(key, 3));
  ASSERT_THAT(admitted, IsOk());
  EXPECT_EQ(admitted->images().remaining(), 0);
}

TEST_F(LimitsTest, AsManyAsTheBurstAreAdmittedWhenAllOfItIsBack) {
  std::string key = Open("acme", kDollar, {}, Limited(std::nullopt, 3));
  Reserved(Asking(key, 1));
  ASSERT_EQ(RetryAfterOf(Reserve(Asking(key, 3)).status()), absl::Seconds(20));
  Advance(20'000'000);
  EXPECT_THAT(Reserve(Asking(key, 3)), IsOk());
}

TEST_F(LimitsTest, ARefusalByOneOfTheLimitsConsumesNoneOfTheOthersAndChangesNoByte) {
  struct Case {
    v1::Limits account, key;
    std::string told;
  };
  const Case cases[] = {
      {Limited(100, 100, 10), Limited(2, 90, 9), "key requests 2"},
      {Limited(100, 100, 10), Limited(90, 2, 9), "key images 2"},
      {Limited(2, 100, 10), Limited(90, 90, 9), "account requests 2"},
      {Limited(100, 2, 10), Limited(90, 90, 9), "account images 2"},
      {Limited(100, 100, 2), Limited(90, 90, 9), "account concurrency 2"},
      {Limited(100, 100, 10), Limited(90, 90, 2), "key concurrency 2"},
  };
  int number = 0;
  for (const Case& c : cases) {
    std::string account = "a" + std::to_string(number++);
    std::string key = Open(account, kDollar, c.account, c.key);
    Reserved(Asking(key));
    Reserved(Asking(key));
    std::string before = Bytes(account);

    absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(Asking(key));

    EXPECT_THAT(refused, HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
    EXPECT_EQ(Told(refused.status()), c.told);
    EXPECT_TRUE(RetryAfterOf(refused.status()).has_value());
    EXPECT_EQ(Bytes(account), before) << c.told;
  }
}

TEST_F(LimitsTest, OfSeveralFullLimitsTheLongestWaitIsTold) {
  std::string key = Open("acme", kDollar, Limited(2), Limited(3));
  Reserved(Asking(key));
  Advance(1'000'000);
  Reserved(Asking(key));
  std::string second = NewKey("acme", Limited(1)).api_key();
  // The key is fresh; the account waits 29 s.
  EXPECT_EQ(RetryAfterOf(Reserve(Asking(second)).status()), absl::Seconds(29));
}

TEST_F(LimitsTest, TheTighterOfKeyAndAccountIsShown) {
  std::string key = Open("acme", kDollar, Limited(10, 4), Limited(3, 20));
  absl::StatusOr<v1::CreateReservationResponse> admitted = Reserve(Asking(key, 2));
  ASSERT_THAT(admitted, IsOk());
  EXPECT_EQ(admitted->requests().limit(), 3);
  EXPECT_EQ(admitted->requests().remaining(), 2);
  EXPECT_EQ(admitted->images().limit(), 4);
  EXPECT_EQ(admitted->images().remaining(), 2);
}

TEST_F(LimitsTest, ALimitOf0AllowsNoneAndNoWaitIsTold) {
  std::string requests = Open("a", kDollar, {}, Limited(0));
  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(Asking(requests));
  EXPECT_THAT(refused, HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
  EXPECT_FALSE(RetryAfterOf(refused.status()).has_value());
  std::string images = Open("b", kDollar, Limited(std::nullopt, 0));
  EXPECT_THAT(Reserve(Asking(images)), HasReason(ERROR_REASON_IMAGE_COUNT_TOO_LARGE));
  std::string concurrent = Open("c", kDollar, Limited(std::nullopt, std::nullopt, 0));
  refused = Reserve(Asking(concurrent));
  EXPECT_EQ(Told(refused.status()), "account concurrency 0");
  EXPECT_FALSE(RetryAfterOf(refused.status()).has_value());
}

TEST_F(LimitsTest, MoreImagesThanALimitCanEverAdmitIsNoRateLimit) {
  std::string key = Open("acme", kDollar, Limited(std::nullopt, 4), Limited(std::nullopt, 3));
  absl::StatusOr<v1::CreateReservationResponse> refused = Reserve(Asking(key, 4));
  EXPECT_THAT(refused, HasReason(ERROR_REASON_IMAGE_COUNT_TOO_LARGE));
  EXPECT_EQ(MetadataOf(refused.status(), "limit"), "3");
  EXPECT_THAT(Reserve(Asking(key, 3)), IsOk());
}

TEST_F(LimitsTest, ConcurrencyComesBackHoweverARequestEnds) {
  std::string key =
      Open("acme", kDollar, Limited(std::nullopt, std::nullopt, 3), Limited(std::nullopt, std::nullopt, 2));
  std::string other = NewKey("acme").api_key();
  std::string settled = Reserved(Asking(key));
  std::string released = Reserved(Asking(key));
  EXPECT_EQ(Told(Reserve(Asking(key)).status()), "key concurrency 2");
  Reserved(Asking(other));
  EXPECT_EQ(Told(Reserve(Asking(other)).status()), "account concurrency 3");

  ASSERT_THAT(Settle(settled, 1), IsOk());
  ASSERT_THAT(Release(released), IsOk());
  EXPECT_EQ(AccountOf("acme").concurrent(), 1);
  Reserved(Asking(key));
  Reserved(Asking(key));
  v1::ListKeysRequest list;
  list.set_account("acme");
  absl::StatusOr<v1::ListKeysResponse> keys = Wait(admin_->ListKeys(list));
  ASSERT_THAT(keys, IsOk());
  ASSERT_EQ(keys->keys_size(), 2);
  EXPECT_EQ(keys->keys(0).concurrent(), 2);
  EXPECT_EQ(keys->keys(1).concurrent(), 1);

  // Nobody settles these. The next request finds their time past, and is admitted though no sweep ran.
  Advance(420'000'000);
  Reserved(Asking(key));
  EXPECT_EQ(AccountOf("acme").concurrent(), 1);
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), kPrice);
}

TEST_F(LimitsTest, MoneyOfHoldsThatAreDueIsFreeForTheNextRequest) {
  std::string key = Open("acme", 2 * kPrice);
  Reserved(Asking(key, 2));
  Advance(420'000'000 - 1);
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));
  EXPECT_EQ(Wait(sweeper_->SweepAll()), 0);
  Advance(1);
  EXPECT_THAT(Reserve(Asking(key)), IsOk());
}

TEST_F(LimitsTest, AClockThatStepsBackFarGivesABurstAndLocksNobodyOut) {
  std::string key = Open("acme", kDollar, {}, Limited(2));
  Reserved(Asking(key));
  Reserved(Asking(key));
  Advance(-3'600'000'000);
  Reserved(Asking(key));
  Reserved(Asking(key));
  EXPECT_EQ(RetryAfterOf(Reserve(Asking(key)).status()), absl::Seconds(30));
}

TEST_F(LimitsTest, AClockThatStepsBackALittleStandsStill) {
  std::string key = Open("acme", kDollar, {}, Limited(2));
  Reserved(Asking(key));
  Reserved(Asking(key));
  Advance(-4'000'000);
  EXPECT_EQ(RetryAfterOf(Reserve(Asking(key)).status()), absl::Seconds(30));
}

TEST_F(LimitsTest, CheckKeyComparesAndConsumesNothing) {
  v1::CreateKeyResponse made;
  Open("acme", kDollar, Limited(10));
  made = NewKey("acme", Limited(1, 4), {"imagen-4", "other"});
  v1::CheckKeyRequest request;
  request.set_api_key(made.api_key());
  request.set_image_count(4);
  for (int i = 0; i < 3; ++i) {
    absl::StatusOr<v1::CheckKeyResponse> checked = Wait(billing_->CheckKey(request));
    ASSERT_THAT(checked, IsOk());
    EXPECT_EQ(checked->account(), "acme");
    EXPECT_EQ(checked->key_id(), "acme.2");
    EXPECT_EQ(checked->requests().remaining(), 1);
    EXPECT_EQ(checked->images().remaining(), 4);
    EXPECT_EQ(checked->allowed_models_size(), 2);
  }
  request.set_image_count(5);
  EXPECT_THAT(Wait(billing_->CheckKey(request)), HasReason(ERROR_REASON_IMAGE_COUNT_TOO_LARGE));
  Reserved(Asking(made.api_key()));
  request.set_image_count(1);
  EXPECT_THAT(Wait(billing_->CheckKey(request)), HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
  request.set_image_count(0);
  EXPECT_THAT(Wait(billing_->CheckKey(request)), IsOk());
}

TEST_F(LimitsTest, RefusalsComeInTheirOrderAndStrangersLearnNothing) {
  prices_.Set("unpriced", std::nullopt);
  prices_.Set("free", 0);
  KnowModels({{kModel, {}}, {"unpriced", {}}, {"missing", {}}});  // when the key is made
  Open("acme", 0);
  v1::CreateKeyResponse made = NewKey("acme", Limited(1, 5), {kModel, "unpriced", "missing"}, 60);
  v1::CreateReservationRequest request = Asking(made.api_key(), 6);
  request.set_model("missing");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_IMAGE_COUNT_TOO_LARGE));
  request.set_image_count(1);
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_MODEL_NOT_FOUND));
  request.set_catalog_version(8);
  absl::StatusOr<v1::CreateReservationResponse> behind = Reserve(request);
  EXPECT_THAT(behind, HasReason(ERROR_REASON_CATALOG_BEHIND));
  EXPECT_EQ(MetadataOf(behind.status(), "want"), "8");
  request.set_catalog_version(7);
  request.set_model("free");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_MODEL_NOT_ALLOWED));
  request.set_model("unpriced");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_GENERATION_PRICE_MISSING));
  request.set_model(kModel);
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_CREDIT_BALANCE_EXHAUSTED));

  ASSERT_THAT(TopUp("acme", kDollar, "t"), IsOk());
  Reserved(request);
  request.set_attempt_id(NewUuidV7());
  request.set_model("missing");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
  AccountKeys names("acme");
  redis_.Ask({"HSET", names.Account(), "state", "suspended"});
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_ACCOUNT_SUSPENDED));
  Advance(60'000'000);
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_INVALID_API_KEY)) << "expired";
  Advance(-60'000'000);
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id("acme.2");
  EXPECT_THAT(Wait(admin_->RevokeKey(revoke)), IsOk());
  EXPECT_THAT(Wait(admin_->RevokeKey(revoke)), IsOk()) << "idempotent";
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_INVALID_API_KEY)) << "revoked";
  request.set_api_key(NewApiKey({"acme", 2}));
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_INVALID_API_KEY)) << "another secret";
  request.set_api_key(NewApiKey({"nobody", 1}));
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_INVALID_API_KEY));
}

TEST_F(LimitsTest, AnEstimateTellsWhatAReservationWouldMeet) {
  prices_.Set("unpriced", std::nullopt);
  v1::EstimateCostRequest request;
  request.set_api_key(Open("acme", 2 * kPrice));
  request.set_model(kModel);
  request.set_image_count(2);
  absl::StatusOr<v1::EstimateCostResponse> estimate = Wait(billing_->EstimateCost(request));
  ASSERT_THAT(estimate, IsOk());
  EXPECT_TRUE(estimate->would_be_admitted());
  EXPECT_EQ(estimate->total_nano_usd(), 2 * kPrice);
  EXPECT_EQ(estimate->funding_source(), v1::FUNDING_SOURCE_WALLET);
  request.set_image_count(3);
  estimate = Wait(billing_->EstimateCost(request));
  ASSERT_THAT(estimate, IsOk());
  EXPECT_EQ(estimate->refusal_reason(), "CREDIT_BALANCE_EXHAUSTED");
  EXPECT_EQ(estimate->funding_source(), v1::FUNDING_SOURCE_UNSPECIFIED);
  request.set_model("unpriced");
  estimate = Wait(billing_->EstimateCost(request));
  ASSERT_THAT(estimate, IsOk());
  EXPECT_FALSE(estimate->has_unit_price_nano_usd());
  request.set_model("missing");
  EXPECT_THAT(Wait(billing_->EstimateCost(request)), HasReason(ERROR_REASON_MODEL_NOT_FOUND));
}

TEST_F(LimitsTest, OnlyATrustedMeterMayNameAnAccount) {
  Open("acme", kDollar);
  v1::CreateReservationRequest request = Asking("", 1);
  request.set_account("acme");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_CALLER_NOT_ALLOWED));
  absl::StatusOr<v1::CreateReservationResponse> admitted =
      Wait(billing_->CreateReservation(request, {.trusted_meter = true}));
  ASSERT_THAT(admitted, IsOk());
  EXPECT_EQ(admitted->reservation().key_id(), "");
  EXPECT_THAT(Settle(admitted->reservation().id(), 1), IsOk());
  EXPECT_EQ(AccountOf("acme").concurrent(), 0);
}

}  // namespace
}  // namespace prismatic::billing
