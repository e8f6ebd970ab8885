#include <functional>

#include "absl/strings/str_cat.h"
#include "services/billing/billing_fixture.h"

namespace prismatic::billing {
namespace {

using namespace common::v1;
using prismatic::testing::HasReason;
using prismatic::testing::IsOk;

// An account, its key and a request that would be admitted; each condition below spoils one thing of it.
struct Scene {
  v1::Limits limits;
  std::vector<std::string> models;
  int64_t expires_in_seconds = 0;
  std::string account, api_key;
  v1::CreateReservationRequest request;
};

class OrderTest : public BillingFixture {
 protected:
  OrderTest() {
    prices_.Set("other", kPrice);
    prices_.Set("unpriced", std::nullopt);
  }

  // A request of the scene's key that nothing stands against.
  v1::CreateReservationRequest Plain(const Scene& scene) { return Asking(scene.api_key); }
  // One with the scene's idempotency key.
  v1::CreateReservationRequest Named(const Scene& scene, const std::string& body) {
    return WithIdempotencyKey(Plain(scene), "order-1", body);
  }
  std::string Set(const Scene& scene, const std::string& field, const std::string& value) {
    books_are_spoiled_ = true;
    return redis_.Ask({"HSET", AccountKeys(scene.account).Account(), field, value});
  }
};

struct Condition {
  const char* name;
  // Conditions of one rank exclude one another.
  int rank;
  ErrorReason reason;
  // What is spoiled before the account is opened, and after.
  std::function<void(Scene&)> before = [](Scene&) {};
  std::function<void(OrderTest&, Scene&)> after = [](OrderTest&, Scene&) {};
};

// Everything that can stand against a reservation, in the order in which it is told.
class EveryPairTest : public OrderTest {
 public:
  std::vector<Condition> Conditions() {
    auto name_request = [this](Scene& scene) {
      scene.request = WithIdempotencyKey(scene.request, "order-1", "body");
    };
    return {
        {"revoked", 0, ERROR_REASON_INVALID_API_KEY, [](Scene&) {},
         [this](OrderTest&, Scene& scene) {
           v1::RevokeKeyRequest revoke;
           revoke.set_key_id(scene.account + ".1");
           EXPECT_THAT(Wait(admin_->RevokeKey(revoke)), IsOk());
         }},
        {"expired", 0, ERROR_REASON_INVALID_API_KEY, [](Scene& scene) { scene.expires_in_seconds = 1; },
         [this](OrderTest&, Scene&) { Advance(1'000'000); }},
        {"suspended", 1, ERROR_REASON_ACCOUNT_SUSPENDED, [](Scene&) {},
         [this](OrderTest&, Scene& scene) { Set(scene, "state", "suspended"); }},
        {"in use", 2, ERROR_REASON_IDEMPOTENCY_KEY_IN_USE, name_request,
         [this](OrderTest&, Scene& scene) { Reserved(Named(scene, "body")); }},
        {"completed", 2, ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED, name_request,
         [this](OrderTest&, Scene& scene) {
           EXPECT_THAT(Settle(Reserved(Named(scene, "body")), 1), IsOk());
         }},
        {"reused", 2, ERROR_REASON_IDEMPOTENCY_KEY_REUSED, name_request,
         [this](OrderTest&, Scene& scene) { Reserved(Named(scene, "another body")); }},
        {"too many images", 3, ERROR_REASON_IMAGE_COUNT_TOO_LARGE,
         [](Scene& scene) {
           scene.limits.set_images_per_minute(5);
           scene.request.set_image_count(6);
         }},
        {"too many requests", 4, ERROR_REASON_RATE_LIMIT_EXCEEDED,
         [](Scene& scene) { scene.limits.set_requests_per_minute(2); },
         [this](OrderTest&, Scene& scene) {
           while (Reserve(Plain(scene)).ok()) {
           }
         }},
        {"too many at once", 4, ERROR_REASON_RATE_LIMIT_EXCEEDED,
         [](Scene& scene) { scene.limits.set_max_concurrent(2); },
         [this](OrderTest&, Scene& scene) {
           while (Reserve(Plain(scene)).ok()) {
           }
         }},
        {"catalog behind", 5, ERROR_REASON_CATALOG_BEHIND,
         [](Scene& scene) { scene.request.set_catalog_version(8); }},
        {"no such model", 6, ERROR_REASON_MODEL_NOT_FOUND,
         [](Scene& scene) { scene.request.set_model("missing"); }},
        {"not allowed", 7, ERROR_REASON_MODEL_NOT_ALLOWED,
         [](Scene& scene) {
           scene.models = {kModel};
           if (scene.request.model() == kModel) scene.request.set_model("other");
         }},
        {"no price", 8, ERROR_REASON_GENERATION_PRICE_MISSING,
         [](Scene& scene) {
           if (scene.request.model() != "missing") scene.request.set_model("unpriced");
         }},
        {"in debt", 9, ERROR_REASON_ACCOUNT_IN_DEBT, [](Scene&) {},
         [this](OrderTest&, Scene& scene) { Set(scene, "owed", "5"); }},
        {"no funds", 10, ERROR_REASON_CREDIT_BALANCE_EXHAUSTED, [](Scene&) {},
         [this](OrderTest&, Scene& scene) {
           Set(scene, "bal", absl::StrCat(AccountOf(scene.account).held_nano_usd()));
         }},
    };
  }

  // What needs a working account comes about first: reservations, before the key ends or the money goes.
  Scene Stage(const std::vector<const Condition*>& conditions) {
    redis_.Ask({"FLUSHALL"});  // leaves the functions
    Scene scene;
    scene.account = "acme";
    scene.request = Asking("");
    for (const Condition* condition : conditions) condition->before(scene);
    v1::CreateAccountRequest create;
    create.set_name(scene.account);
    create.set_wallet_nano_usd(kDollar);
    EXPECT_THAT(Wait(admin_->CreateAccount(create)), IsOk());
    scene.api_key = NewKey(scene.account, scene.limits, scene.models, scene.expires_in_seconds).api_key();
    scene.request.set_api_key(scene.api_key);
    for (int phase : {2, 4, 3, 5, 6, 7, 8, 9, 10, 1, 0}) {
      for (const Condition* condition : conditions) {
        if (condition->rank == phase) condition->after(*this, scene);
      }
    }
    return scene;
  }

  void ExpectRefused(const Scene& scene, bool validate_only, ErrorReason reason) {
    v1::CreateReservationRequest request = scene.request;
    request.set_validate_only(validate_only);
    std::string before = Everything();
    EXPECT_THAT(Reserve(request), HasReason(reason));
    EXPECT_EQ(Everything(), before);
  }
  void ExpectValidated(const Scene& scene) {
    v1::CreateReservationRequest request = scene.request;
    request.set_validate_only(true);
    std::string before = Everything();
    absl::StatusOr<v1::CreateReservationResponse> checked = Reserve(request);
    ASSERT_THAT(checked, IsOk());
    EXPECT_FALSE(checked->has_reservation());
    EXPECT_EQ(Everything(), before);
  }
};

constexpr int kLastValidated = 7;  // the rank of the last thing that validate_only looks at

TEST_F(EveryPairTest, TheEarlierOfTwoRefusalsIsToldAndNoByteChanges) {
  std::vector<Condition> conditions = Conditions();
  int pairs = 0;
  for (const Condition& first : conditions) {
    for (const Condition& second : conditions) {
      if (first.rank >= second.rank) continue;
      SCOPED_TRACE(absl::StrCat(first.name, " and ", second.name));
      ++pairs;
      Scene scene = Stage({&first, &second});
      ExpectRefused(scene, /*validate_only=*/false, first.reason);
      if (first.rank <= kLastValidated) {
        ExpectRefused(scene, /*validate_only=*/true, first.reason);
      } else {
        ExpectValidated(scene);
      }
      Advance(60'000'000);
    }
  }
  EXPECT_EQ(pairs, 100);
}

TEST_F(EveryPairTest, EachRefusalAloneIsTold) {
  for (const Condition& condition : Conditions()) {
    SCOPED_TRACE(condition.name);
    Scene scene = Stage({&condition});
    ExpectRefused(scene, /*validate_only=*/false, condition.reason);
    if (condition.rank > kLastValidated) ExpectValidated(scene);
    Advance(60'000'000);
  }
}

TEST_F(EveryPairTest, WithoutAModelOnlyTheCallerIsLookedAt) {
  for (const Condition& condition : Conditions()) {
    SCOPED_TRACE(condition.name);
    Scene scene = Stage({&condition});
    scene.request.clear_model();
    if (condition.rank < 5) {
      ExpectRefused(scene, /*validate_only=*/true, condition.reason);
    } else {
      ExpectValidated(scene);
    }
    Advance(60'000'000);
  }
}

TEST_F(OrderTest, ARequestThatWouldBeAdmittedIsValidatedAndTakesNothing) {
  Scene scene{.account = "acme", .api_key = Open("acme", kDollar, {}, Limited(3, 10))};
  v1::CreateReservationRequest request = Named(scene, "body");
  request.set_validate_only(true);
  std::string before = Everything();
  for (int i = 0; i < 5; ++i) {
    absl::StatusOr<v1::CreateReservationResponse> checked = Reserve(request);
    ASSERT_THAT(checked, IsOk());
    EXPECT_FALSE(checked->has_reservation());
    EXPECT_FALSE(checked->replayed());
    EXPECT_EQ(checked->requests().remaining(), 3);
    EXPECT_EQ(checked->images().remaining(), 10);
  }
  EXPECT_EQ(Everything(), before);
  EXPECT_NE(metrics_.Text().find("prismatic_reservation_checks_total{result=\"passed\"} 5"),
            std::string::npos);
  EXPECT_EQ(metrics_.Text().find("prismatic_reservations_total"), std::string::npos);
  // It did not count as the attempt either.
  request.set_validate_only(false);
  EXPECT_NE(Reserved(request), "");
}

TEST_F(OrderTest, AnAttemptThatWasMadeIsValidatedAsItWouldBeAnswered) {
  std::string key = Open("acme", kDollar);
  v1::CreateReservationRequest request = Asking(key);
  std::string id = Reserved(request);
  v1::CreateReservationRequest check = request;
  check.set_validate_only(true);
  std::string before = Everything();
  absl::StatusOr<v1::CreateReservationResponse> checked = Reserve(check);
  ASSERT_THAT(checked, IsOk());
  EXPECT_FALSE(checked->has_reservation());
  check.set_image_count(2);
  EXPECT_THAT(Reserve(check), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_REUSED));
  EXPECT_EQ(Everything(), before);
  check.set_image_count(1);
  ASSERT_THAT(Release(id), IsOk());
  EXPECT_THAT(Reserve(check), HasReason(ERROR_REASON_RESERVATION_RESOLVED));
}

TEST_F(OrderTest, OnlyAValidationMayLeaveTheModelOut) {
  v1::CreateReservationRequest request = Asking(Open("acme", kDollar));
  request.clear_model();
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_MISSING_REQUIRED_PARAMETER));
  v1::EstimateCostRequest estimate;
  estimate.set_api_key(request.api_key());
  estimate.set_image_count(1);
  EXPECT_THAT(Wait(billing_->EstimateCost(estimate)), HasReason(ERROR_REASON_MISSING_REQUIRED_PARAMETER));
}

TEST_F(OrderTest, AHoldPastItsTimeStandsInTheWayOfNoValidation) {
  Scene scene{.account = "acme",
              .api_key = Open("acme", kDollar, {}, Limited(std::nullopt, std::nullopt, 1))};
  Reserved(Named(scene, "body"));
  v1::CreateReservationRequest check = Named(scene, "body");
  check.set_validate_only(true);
  EXPECT_THAT(Reserve(check), HasReason(ERROR_REASON_IDEMPOTENCY_KEY_IN_USE));
  Advance(420'000'000);
  EXPECT_THAT(Reserve(check), IsOk());
}

TEST_F(OrderTest, AQualityOf64CharactersOfAnyLengthIsTaken) {
  v1::CreateReservationRequest request = Asking(Open("acme", kDollar));
  for (int i = 0; i < 64; ++i) request.mutable_quality()->append("\xf0\x9f\x8e\xa8");
  EXPECT_THAT(Reserve(request), IsOk());
  request.mutable_quality()->append("!");
  EXPECT_THAT(Reserve(request), HasReason(ERROR_REASON_INVALID_VALUE));
}

}  // namespace
}  // namespace prismatic::billing
