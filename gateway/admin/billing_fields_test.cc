#include "gateway/admin/billing_fields.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/money/money.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = billing::v1;
using ::testing::ElementsAre;

// What `read` makes of a body, and what is wrong with it.
template <typename Read>
struct Reading {
  absl::StatusOr<json::Document> document;
  BodyReader body;
  std::invoke_result_t<Read, BodyReader&> value;
  absl::Status status;

  Reading(const std::string& text, Read read)
      : document(json::Document::Parse(text)),
        body(document->root()),
        value(read(body)),
        status(body.Done()) {}
};

auto ReadAmount(const std::string& json) {
  return Reading(absl::StrCat("{\"amount_usd\": ", json, "}"),
                 [](BodyReader& body) { return ReadUsd(body, "amount_usd"); });
}
auto ReadSignedAmount(const std::string& json) {
  return Reading(absl::StrCat("{\"amount_usd\": ", json, "}"),
                 [](BodyReader& body) { return ReadSignedUsd(body, "amount_usd"); });
}

TEST(BillingFieldsTest, AmountsAreExactDecimals) {
  const std::pair<const char*, int64_t> kAmounts[] = {
      {R"("0.04")", 40'000'000}, {R"("12")", 12'000'000'000},
      {R"("0.000000001")", 1},   {R"("9000000")", Money::kMaxNanos},
      {R"("0.1")", 100'000'000}, {R"("8999999.999999999")", Money::kMaxNanos - 1},
  };
  for (const auto& [text, nanos] : kAmounts) {
    auto amount = ReadAmount(text);
    EXPECT_TRUE(amount.status.ok()) << text << ": " << amount.status;
    EXPECT_EQ(amount.value, nanos) << text;
  }
}

TEST(BillingFieldsTest, WhatIsNoAmountIsRefusedByName) {
  for (const char* text :
       {R"("0")", R"("-1")", R"("1e3")", R"("1,5")", R"(" 1")", R"("0.0000000001")", R"("9000000.000000001")",
        R"("")", R"("+1")", R"(".5")", R"("1.")", "1", "0.04", "null", "true", "[]"}) {
    auto amount = ReadAmount(text);
    EXPECT_EQ(amount.status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(MetadataOf(amount.status, "param"), "amount_usd") << text;
  }
}

TEST(BillingFieldsTest, AdjustmentsMayTake) {
  EXPECT_EQ(ReadSignedAmount(R"("-1.5")").value, -1'500'000'000);
  EXPECT_EQ(ReadSignedAmount(R"("1.5")").value, 1'500'000'000);
  EXPECT_EQ(ReadSignedAmount(R"("-9000000")").value, -Money::kMaxNanos);
  for (const char* text : {R"("0")", R"("-0")", R"("--1")", R"("-")", R"("+1")", R"("-9000001")", "-1.5"}) {
    EXPECT_FALSE(ReadSignedAmount(text).status.ok()) << text;
  }
}

TEST(BillingFieldsTest, NullLiftsALimitAndAbsenceLeavesIt) {
  Reading change(R"({"requests_per_minute": null, "max_concurrent": 0})", ReadLimitsChange);
  ASSERT_TRUE(change.status.ok()) << change.status;
  EXPECT_THAT(change.value.unlimited(), ElementsAre("requests_per_minute"));
  EXPECT_TRUE(change.value.has_max_concurrent());
  EXPECT_EQ(change.value.max_concurrent(), 0);
  EXPECT_FALSE(change.value.has_images_per_minute());
  EXPECT_FALSE(IsEmpty(change.value));
  Reading nothing("{}", ReadLimitsChange);
  EXPECT_TRUE(IsEmpty(nothing.value));
}

TEST(BillingFieldsTest, LimitsBeyondTheirRangeAreRefused) {
  for (const char* text : {R"({"requests_per_minute": -1})", R"({"requests_per_minute": 1000001})",
                           R"({"images_per_minute": 1000001})", R"({"max_concurrent": 100001})",
                           R"({"max_concurrent": 1.5})", R"({"max_concurrent": "1"})"}) {
    EXPECT_FALSE(Reading(text, ReadLimits).status.ok()) << text;
    EXPECT_FALSE(Reading(text, ReadLimitsChange).status.ok()) << text;
  }
}

TEST(BillingFieldsTest, AQuotaHasUnitsAndAPeriod) {
  Reading quota(R"({"quota": {"units": 1000, "period": "week"}})", ReadQuota);
  ASSERT_TRUE(quota.status.ok() && quota.value) << quota.status;
  EXPECT_EQ(quota.value->quota_units(), 1'000);
  EXPECT_EQ(quota.value->period(), pb::SUBSCRIPTION_PERIOD_WEEK);
  const std::pair<const char*, const char*> kWrong[] = {
      {R"({"quota": {"units": 1}})", "quota.period"},
      {R"({"quota": {"period": "day"}})", "quota.units"},
      {R"({"quota": {"units": 1000000001, "period": "day"}})", "quota.units"},
      {R"({"quota": {"units": 1, "period": "year"}})", "quota.period"},
      {R"({"quota": {"units": 1, "period": "day", "start": 1}})", "quota.start"},
      {R"({"quota": 7})", "quota"},
  };
  for (const auto& [text, param] : kWrong) {
    EXPECT_EQ(MetadataOf(Reading(text, ReadQuota).status, "param"), param) << text;
  }
}

TEST(BillingFieldsTest, FundingPoliciesAreWords) {
  EXPECT_EQ(Reading(R"({"funding_policy": "wallet_only"})", ReadFundingPolicy).value,
            pb::FUNDING_POLICY_WALLET_ONLY);
  EXPECT_EQ(Reading("{}", ReadFundingPolicy).value, pb::FUNDING_POLICY_UNSPECIFIED);
  for (const char* text : {R"({"funding_policy": "unspecified"})", R"({"funding_policy": "WALLET_ONLY"})",
                           R"({"funding_policy": 3})"}) {
    EXPECT_FALSE(Reading(text, ReadFundingPolicy).status.ok()) << text;
  }
}

TEST(BillingFieldsTest, ModelsAreCanonicalNames) {
  EXPECT_THAT(*Reading(R"({"models": ["a/b", "c"]})", ReadModels).value, ElementsAre("a/b", "c"));
  EXPECT_THAT(*Reading(R"({"models": []})", ReadModels).value, ::testing::IsEmpty());
  EXPECT_FALSE(Reading(R"({"models": null})", ReadModels).value.has_value());
  std::string many = absl::StrJoin(std::vector<std::string>(101, "\"m\""), ",");
  for (const std::string& text :
       {std::string(R"({"models": ["a b"]})"), std::string(R"({"models": [""]})"),
        std::string(R"({"models": "a"})"), absl::StrCat(R"({"models": [")", std::string(257, 'm'), R"("]})"),
        absl::StrCat(R"({"models": [)", many, "]}")}) {
    absl::Status status = Reading(text, ReadModels).status;
    EXPECT_EQ(MetadataOf(status, "param"), "models") << text.substr(0, 80);
  }
}

TEST(BillingFieldsTest, AKeyLivesFromASecondToTenYears) {
  EXPECT_EQ(Reading(R"({"expires_in_seconds": 316224000})", ReadKeyLife).value, 316'224'000);
  for (const char* text : {R"({"expires_in_seconds": 0})", R"({"expires_in_seconds": 316224001})",
                           R"({"expires_in_seconds": -1})"}) {
    EXPECT_FALSE(Reading(text, ReadKeyLife).status.ok()) << text;
  }
}

}  // namespace
}  // namespace prismatic::gateway::admin
