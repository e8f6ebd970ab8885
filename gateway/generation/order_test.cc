#include "absl/strings/match.h"
#include "gateway/generation/generation_fixture.h"

namespace prismatic::gateway {
namespace {

absl::Status Refused(ErrorReason reason) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, "billing's word");
}

// What the gateway itself finds, in its order, and a request for each; the first includes the second where
// both can be true of one model.
struct GatewayCase {
  const char* name;
  const char* model;
  bool with_references;
  ErrorReason told;
};
constexpr GatewayCase kGatewayCases[] = {
    {"unknown model", "no-such-model", false, ERROR_REASON_MODEL_NOT_FOUND},
    {"unknown model and references", "no-such-model", true, ERROR_REASON_MODEL_NOT_FOUND},
    {"no image model", "words", false, ERROR_REASON_MODEL_DOES_NOT_SUPPORT_IMAGES},
    {"no image model and references", "words", true, ERROR_REASON_MODEL_DOES_NOT_SUPPORT_IMAGES},
    {"references", "google/imagen-4", true, ERROR_REASON_UNSUPPORTED_PARAMETER},
    {"references and no route", "dark", true, ERROR_REASON_UNSUPPORTED_PARAMETER},
    {"no route", "dark", false, ERROR_REASON_NO_IMAGE_ROUTE},
};

class GatewayOrderTest : public GenerationTest {
 protected:
  absl::Status Told(const GatewayCase& c) {
    parameters.clear_reference_images();
    if (c.with_references) parameters.add_reference_images("https://example.com/a.png");
    absl::Status status = Run(c.model, 1).status();
    EXPECT_TRUE(billing.reservations.empty()) << c.name;
    EXPECT_EQ(provider.calls, 0) << c.name;
    return status;
  }
};

TEST_F(GatewayOrderTest, WhatTheCatalogSaysIsToldInItsOrder) {
  for (const GatewayCase& c : kGatewayCases) EXPECT_THAT(Told(c), testing::HasReason(c.told)) << c.name;
}

TEST_F(GatewayOrderTest, WhatStandsAgainstTheCallerComesBeforeTheCatalog) {
  for (ErrorReason first :
       {ERROR_REASON_INVALID_API_KEY, ERROR_REASON_ACCOUNT_SUSPENDED, ERROR_REASON_IDEMPOTENCY_KEY_IN_USE,
        ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED, ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
        ERROR_REASON_IMAGE_COUNT_TOO_LARGE, ERROR_REASON_RATE_LIMIT_EXCEEDED}) {
    billing.refusal = Refused(first);
    for (const GatewayCase& c : kGatewayCases) EXPECT_THAT(Told(c), testing::HasReason(first)) << c.name;
  }
}

TEST_F(GatewayOrderTest, AnUnknownModelComesBeforeOneThatTheKeyMayNotUseAndThatBeforeTheRest) {
  billing.allowed_model = "something-else";
  for (const GatewayCase& c : kGatewayCases) {
    bool known = c.told != ERROR_REASON_MODEL_NOT_FOUND;
    absl::Status status = Told(c);
    EXPECT_THAT(status, testing::HasReason(known ? ERROR_REASON_MODEL_NOT_ALLOWED : c.told)) << c.name;
    EXPECT_TRUE(absl::StrContains(status.message(), c.model)) << "in the client's words: " << status;
  }
}

TEST_F(GatewayOrderTest, TheCatalogComesBeforePriceDebtAndFunds) {
  for (ErrorReason later : {ERROR_REASON_GENERATION_PRICE_MISSING, ERROR_REASON_ACCOUNT_IN_DEBT,
                            ERROR_REASON_CREDIT_BALANCE_EXHAUSTED}) {
    billing.payment_refusal = Refused(later);
    for (const GatewayCase& c : kGatewayCases) EXPECT_THAT(Told(c), testing::HasReason(c.told)) << c.name;
    EXPECT_THAT(Told({"servable", "google/imagen-4", false, later}), testing::HasReason(later));
  }
}

TEST_F(GatewayOrderTest, WithoutBillingNothingIsToldOfTheCatalog) {
  billing.refusal = Lost();
  for (const GatewayCase& c : kGatewayCases) {
    EXPECT_THAT(Told(c), testing::HasReason(ERROR_REASON_BILLING_UNAVAILABLE)) << c.name;
  }
}

}  // namespace
}  // namespace prismatic::gateway
