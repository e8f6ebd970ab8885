#include "services/billing/billing_fixture.h"

// Accounts and keys that change while they are used.

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

class AccountTest : public BillingFixture {
 protected:
  absl::StatusOr<v1::UpdateAccountResponse> Update(const v1::UpdateAccountRequest& request) {
    return Wait(admin_->UpdateAccount(request));
  }
  static v1::UpdateAccountRequest Change() {
    v1::UpdateAccountRequest request;
    request.set_name("acme");
    return request;
  }
  absl::StatusOr<v1::UpdateKeyResponse> UpdateKey(const v1::UpdateKeyRequest& request) {
    return Wait(admin_->UpdateKey(request));
  }
  static v1::UpdateKeyRequest KeyChange(const std::string& id = "acme.1") {
    v1::UpdateKeyRequest request;
    request.set_key_id(id);
    return request;
  }
  absl::StatusOr<v1::ImportKeyResponse> Import(const std::string& account, const std::string& text) {
    v1::ImportKeyRequest request;
    request.set_account(account);
    request.set_api_key_sha256(crypto::Sha256(text));
    return Wait(admin_->ImportKey(request));
  }
  absl::Status Revoke(const std::string& id) {
    v1::RevokeKeyRequest request;
    request.set_key_id(id);
    return Wait(admin_->RevokeKey(request)).status();
  }
};

TEST_F(AccountTest, WhatIsNotNamedStaysAndUnlimitedIsNamed) {
  Open("acme", kDollar, Limited(10, 20, 30));
  v1::UpdateAccountRequest change = Change();
  change.mutable_limits()->set_images_per_minute(7);
  change.mutable_limits()->add_unlimited("max_concurrent");
  change.set_funding_policy(v1::FUNDING_POLICY_WALLET_ONLY);
  absl::StatusOr<v1::UpdateAccountResponse> changed = Update(change);
  ASSERT_THAT(changed, IsOk());
  EXPECT_EQ(changed->account().SerializeAsString(), AccountOf("acme").SerializeAsString());
  EXPECT_EQ(changed->account().limits().requests_per_minute(), 10);
  EXPECT_EQ(changed->account().limits().images_per_minute(), 7);
  EXPECT_FALSE(changed->account().limits().has_max_concurrent());
  EXPECT_EQ(changed->account().funding_policy(), v1::FUNDING_POLICY_WALLET_ONLY);
  std::string before = Everything();
  ASSERT_THAT(Update(change), IsOk());
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(LedgerOf("acme").size(), 1u);
}

TEST_F(AccountTest, LimitsChangedWhileHoldsAreOpenCountForTheNextRequestAndHoldsEndAsEver) {
  std::string key = Open("acme", kDollar, Limited(std::nullopt, std::nullopt, 3));
  std::vector<std::string> open = {Reserved(Asking(key)), Reserved(Asking(key)), Reserved(Asking(key))};
  v1::UpdateAccountRequest lower = Change();
  lower.mutable_limits()->set_max_concurrent(1);
  ASSERT_THAT(Update(lower), IsOk());
  ASSERT_THAT(Settle(open[0], 1), IsOk());
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
  ASSERT_THAT(Release(open[1]), IsOk());
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
  ASSERT_THAT(Settle(open[2], 1), IsOk());
  EXPECT_EQ(AccountOf("acme").concurrent(), 0);
  EXPECT_THAT(Reserve(Asking(key)), IsOk());

  v1::UpdateAccountRequest higher = Change();
  higher.mutable_limits()->set_max_concurrent(9);
  higher.mutable_limits()->set_requests_per_minute(0);
  ASSERT_THAT(Update(higher), IsOk());
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_RATE_LIMIT_EXCEEDED));
}

TEST_F(AccountTest, APriceChangedWhileAHoldIsOpenIsTheNextOnes) {
  std::string key = Open("acme", kDollar);
  std::string held = Reserved(Asking(key, 2));
  prices_.Set(kModel, 3 * kPrice);
  ASSERT_THAT(Settle(held, 2), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - 2 * kPrice);
  ASSERT_THAT(Settle(Reserved(Asking(key)), 1), IsOk());
  EXPECT_EQ(AccountOf("acme").balance_nano_usd(), kDollar - 5 * kPrice);
}

TEST_F(AccountTest, ASuspendedAccountAdmitsNothingAndSettlesWhatIsOpen) {
  std::string key = Open("acme", kDollar);
  std::string open = Reserved(Asking(key, 2));
  v1::SuspendAccountRequest suspend;
  suspend.set_name("acme");
  EXPECT_TRUE(Wait(admin_->SuspendAccount(suspend))->account().suspended());
  EXPECT_TRUE(Wait(admin_->SuspendAccount(suspend))->account().suspended());
  std::string before = Everything();
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_ACCOUNT_SUSPENDED));
  v1::CheckKeyRequest check;
  check.set_api_key(key);
  EXPECT_THAT(Wait(billing_->CheckKey(check)), HasReason(ERROR_REASON_ACCOUNT_SUSPENDED));
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(Settle(open, 1), IsOk());
  EXPECT_THAT(TopUp("acme", 1, "r"), IsOk());
  v1::ResumeAccountRequest resume;
  resume.set_name("acme");
  EXPECT_FALSE(Wait(admin_->ResumeAccount(resume))->account().suspended());
  EXPECT_THAT(Reserve(Asking(key)), IsOk());
  suspend.set_name("nobody");
  EXPECT_THAT(Wait(admin_->SuspendAccount(suspend)), HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));
}

TEST_F(AccountTest, ARevokedKeyIsRefusedAtOnceEverywhereAndItsHoldsGoOn) {
  std::string key = Open("acme", kDollar);
  std::string open = Reserved(Asking(key));
  v1::CreateReservationRequest lost = Asking(key);
  Reserved(lost);
  ASSERT_THAT(Revoke("acme.1"), IsOk());
  ASSERT_THAT(Revoke("acme.1"), IsOk());
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_INVALID_API_KEY));
  v1::CheckKeyRequest check;
  check.set_api_key(key);
  EXPECT_THAT(Wait(billing_->CheckKey(check)), HasReason(ERROR_REASON_INVALID_API_KEY));
  v1::EstimateCostRequest estimate;
  estimate.set_api_key(key);
  estimate.set_model(kModel);
  estimate.set_image_count(1);
  EXPECT_THAT(Wait(billing_->EstimateCost(estimate)), HasReason(ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(Settle(open, 1), IsOk());
  v1::ReleaseReservationRequest release;
  release.set_api_key(key);
  release.set_attempt_id(lost.attempt_id());
  EXPECT_THAT(Wait(billing_->ReleaseReservation(release)), IsOk());
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);
  EXPECT_THAT(Revoke("acme.9"), HasReason(ERROR_REASON_KEY_NOT_FOUND));
}

TEST_F(AccountTest, AKeyExpiresExactlyAtItsTimeAndMayGetAnother) {
  Open("acme", kDollar);
  std::string key = NewKey("acme", {}, {}, 10).api_key();
  Advance(10'000'000 - 1);
  EXPECT_THAT(Reserve(Asking(key)), IsOk());
  Advance(1);
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_INVALID_API_KEY));
  v1::UpdateKeyRequest change = KeyChange("acme.2");
  change.set_expires_in_seconds(5);
  ASSERT_THAT(UpdateKey(change), IsOk());
  EXPECT_THAT(Reserve(Asking(key)), IsOk());
  Advance(5'000'000);
  EXPECT_THAT(Reserve(Asking(key)), HasReason(ERROR_REASON_INVALID_API_KEY));
  change.set_expires_in_seconds(0);
  EXPECT_EQ(UpdateKey(change)->key().expire_time_us(), 0);
  EXPECT_THAT(Reserve(Asking(key)), IsOk());
}

TEST_F(AccountTest, AKeysModelsAndLimitsChangeAndTheRestStays) {
  prices_.Set("other", kPrice);
  KnowModels({{kModel, {}}, {"other", {}}, {"imagen-4-not", {}}, {"x-imagen-4", {}}});
  Open("acme", kDollar);
  v1::CreateKeyResponse made = NewKey("acme", Limited(5), {"other"});
  EXPECT_THAT(Reserve(Asking(made.api_key())), HasReason(ERROR_REASON_MODEL_NOT_ALLOWED));
  v1::UpdateKeyRequest change = KeyChange("acme.2");
  change.mutable_allowed_models()->add_models("imagen-4-not");  // a part of a name is no name
  change.mutable_allowed_models()->add_models("x-imagen-4");
  ASSERT_THAT(UpdateKey(change), IsOk());
  EXPECT_THAT(Reserve(Asking(made.api_key())), HasReason(ERROR_REASON_MODEL_NOT_ALLOWED));
  change.mutable_allowed_models()->add_models(kModel);
  absl::StatusOr<v1::UpdateKeyResponse> changed = UpdateKey(change);
  ASSERT_THAT(changed, IsOk());
  EXPECT_EQ(changed->key().allowed_models_size(), 3);
  EXPECT_EQ(changed->key().limits().requests_per_minute(), 5);
  EXPECT_THAT(Reserve(Asking(made.api_key())), IsOk());
  v1::UpdateKeyRequest all = KeyChange("acme.2");
  all.mutable_allowed_models();
  all.mutable_limits()->add_unlimited("requests_per_minute");
  changed = UpdateKey(all);
  EXPECT_EQ(changed->key().allowed_models_size(), 0);
  EXPECT_FALSE(changed->key().limits().has_requests_per_minute());
  EXPECT_THAT(UpdateKey(KeyChange("acme.3")), HasReason(ERROR_REASON_KEY_NOT_FOUND));
}

TEST_F(AccountTest, AnImportedKeyWorksWithItsOldTextAndIsRevokedAtOnceDespiteTheCache) {
  Open("acme", kDollar);
  Open("beta", kDollar);
  const std::string text = "sk-an-old-key-of-another-gateway";
  absl::StatusOr<v1::ImportKeyResponse> imported = Import("acme", text);
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(imported->key().id(), "acme.2");
  EXPECT_TRUE(imported->key().imported());
  EXPECT_TRUE(Import("acme", text)->replayed());
  EXPECT_THAT(Import("beta", text), HasReason(ERROR_REASON_KEY_EXISTS));
  EXPECT_THAT(Import("nobody", text), HasReason(ERROR_REASON_ACCOUNT_NOT_FOUND));

  v1::CreateReservationRequest asked = Asking(text, 2);
  absl::StatusOr<v1::CreateReservationResponse> reserved = Reserve(asked);
  ASSERT_THAT(reserved, IsOk());
  EXPECT_EQ(reserved->reservation().key_id(), "acme.2");
  v1::ReleaseReservationRequest release;
  release.set_api_key(text);
  release.set_attempt_id(asked.attempt_id());
  EXPECT_THAT(Wait(billing_->ReleaseReservation(release)), IsOk());
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), 0);

  // A key made after it has the next number.
  EXPECT_EQ(NewKey("acme").key().id(), "acme.3");
  ASSERT_THAT(Revoke("acme.2"), IsOk());
  EXPECT_THAT(Reserve(Asking(text)), HasReason(ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(Reserve(Asking("sk-nobodys-key")), HasReason(ERROR_REASON_INVALID_API_KEY));
}

TEST_F(AccountTest, AnImportThatBrokeOffIsFinishedByItsRepeat) {
  Open("acme", kDollar);
  const std::string text = "sk-an-old-key-of-another-gateway";
  for (const char* function : {"reserve_import", "import_key"}) {
    lossy_->LoseAnswerOf(function);
    EXPECT_THAT(Import("acme", text), HasReason(ERROR_REASON_BILLING_UNAVAILABLE)) << function;
  }
  absl::StatusOr<v1::ImportKeyResponse> finished = Import("acme", text);
  ASSERT_THAT(finished, IsOk());
  EXPECT_EQ(finished->key().id(), "acme.2");
  EXPECT_THAT(Reserve(Asking(text)), IsOk());
}

TEST_F(AccountTest, ADamagedKeyOfOursIsRefusedWithoutRedis) {
  std::string key = Open("acme", kDollar);
  size_t calls = lossy_->keys_of_calls().size();
  redis_.Ask({"SET", ImportedKeyName(crypto::Sha256Hex(key + "x")), "acme.1"});
  EXPECT_THAT(Reserve(Asking(key + "x")), HasReason(ERROR_REASON_INVALID_API_KEY));
  EXPECT_EQ(lossy_->keys_of_calls().size(), calls);
}

TEST_F(AccountTest, AReleaseByKeyAndAttemptNeedsTheKeysSecretAndItsOwnAttempt) {
  std::string key = Open("acme", kDollar);
  std::string other = NewKey("acme").api_key();
  v1::CreateReservationRequest asked = Asking(key);
  Reserved(asked);
  v1::ReleaseReservationRequest release;
  release.set_attempt_id(asked.attempt_id());
  std::string before = Everything();
  release.set_api_key(NewApiKey({"acme", 1}));  // well-formed, of this key's ID, with another secret
  EXPECT_THAT(Wait(billing_->ReleaseReservation(release)), HasReason(ERROR_REASON_INVALID_API_KEY));
  release.set_api_key(other);
  EXPECT_THAT(Wait(billing_->ReleaseReservation(release)), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_EQ(Everything(), before);
  // Nor may any key give back what a trusted meter holds by the account's name.
  v1::CreateReservationRequest metered = Asking("");
  metered.set_account("acme");
  ASSERT_THAT(Wait(billing_->CreateReservation(metered, {.trusted_meter = true})), IsOk());
  before = Everything();
  release.set_attempt_id(metered.attempt_id());
  EXPECT_THAT(Wait(billing_->ReleaseReservation(release)), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_EQ(Everything(), before);
  // Nor may a stranger stop an attempt that is still to come.
  release.set_attempt_id(NewUuidV7());
  release.set_api_key(NewApiKey({"acme", 1}));
  EXPECT_THAT(Wait(billing_->ReleaseReservation(release)), HasReason(ERROR_REASON_INVALID_API_KEY));
  EXPECT_EQ(Everything(), before);
  release.set_attempt_id(asked.attempt_id());
  release.set_api_key(key);
  EXPECT_THAT(Wait(billing_->ReleaseReservation(release)), IsOk());
  EXPECT_EQ(AccountOf("acme").held_nano_usd(), kPrice) << "what the meter holds";
}

}  // namespace
}  // namespace prismatic::billing
