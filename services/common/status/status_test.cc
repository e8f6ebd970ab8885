#include "services/common/status/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "services/common/status/status_macros.h"
#include "tests/support/matchers.h"

namespace prismatic {
namespace {

using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::IsOkAnd;
using ::testing::Eq;
using ::testing::Not;

absl::Status RateLimited() {
  return Error(absl::StatusCode::kResourceExhausted, common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED,
               "Slow down.")
      .With("metric", "requests")
      .With("limit", "60")
      .RetryAfter(absl::Milliseconds(2500));
}

TEST(StatusTest, AnErrorCarriesItsReasonItsFactsAndItsWait) {
  absl::Status status = RateLimited();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(status.message(), "Slow down.");
  EXPECT_THAT(status, testing::HasReason(common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
  EXPECT_EQ(MetadataOf(status, "metric"), "requests");
  EXPECT_EQ(MetadataOf(status, "limit"), "60");
  EXPECT_EQ(MetadataOf(status, "subject"), "");
  EXPECT_EQ(RetryAfterOf(status), absl::Milliseconds(2500));
}

TEST(StatusTest, AForeignStatusHasNeither) {
  for (const absl::Status& status : {absl::OkStatus(), absl::UnavailableError("no")}) {
    EXPECT_EQ(ReasonOf(status), common::v1::ERROR_REASON_UNSPECIFIED);
    EXPECT_EQ(DetailOf(status), std::nullopt);
    EXPECT_EQ(MetadataOf(status, "param"), "");
    EXPECT_EQ(RetryAfterOf(status), std::nullopt);
  }
}

TEST(StatusTest, AnErrorBecomesAStatusOr) {
  absl::StatusOr<int> value =
      Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_MODEL_NOT_FOUND, "No.");
  EXPECT_THAT(value, testing::HasReason(common::v1::ERROR_REASON_MODEL_NOT_FOUND));
}

TEST(StatusTest, EveryReasonOfTheCatalogueHasANameThatLeadsBack) {
  const google::protobuf::EnumDescriptor* reasons = common::v1::ErrorReason_descriptor();
  for (int i = 0; i < reasons->value_count(); ++i) {
    auto reason = static_cast<common::v1::ErrorReason>(reasons->value(i)->number());
    EXPECT_EQ(ReasonFromName(ReasonName(reason)), reason);
  }
  EXPECT_EQ(ReasonName(common::v1::ERROR_REASON_INVALID_API_KEY), "INVALID_API_KEY");
  EXPECT_EQ(ReasonFromName("INVALID_API_KEY"), common::v1::ERROR_REASON_INVALID_API_KEY);
  EXPECT_EQ(ReasonFromName("no_such_reason"), common::v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonFromName(""), common::v1::ERROR_REASON_UNSPECIFIED);
}

TEST(StatusTest, TheDetailOfACallSurvivesItsJourney) {
  std::optional<common::v1::ErrorDetail> detail = DetailOf(RateLimited());
  ASSERT_TRUE(detail.has_value());
  absl::Status arrived = absl::ResourceExhaustedError("Slow down.");
  SetDetail(arrived, *detail);
  EXPECT_THAT(arrived, testing::HasReason(common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
  EXPECT_EQ(MetadataOf(arrived, "metric"), "requests");
  EXPECT_EQ(MetadataOf(arrived, "limit"), "60");
  EXPECT_EQ(RetryAfterOf(arrived), absl::Milliseconds(2500));
}

TEST(StatusTest, TheCommonErrors) {
  absl::Status invalid = InvalidValue("size", "`size` is too long.");
  EXPECT_THAT(invalid, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(invalid, testing::HasReason(common::v1::ERROR_REASON_INVALID_VALUE));
  EXPECT_EQ(MetadataOf(invalid, "param"), "size");
  absl::Status internal = InternalError("oops");
  EXPECT_THAT(internal, HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(internal, testing::HasReason(common::v1::ERROR_REASON_INTERNAL_ERROR));
}

absl::StatusOr<std::unique_ptr<int>> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return std::make_unique<int>(value / 2);
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(std::unique_ptr<int> half, Half(value));
  ASSIGN_OR_RETURN(auto quarter, Half(*half));
  return *quarter;
}

absl::Status Check(int value) {
  RETURN_IF_ERROR(Half(value).status());
  return absl::OkStatus();
}

TEST(StatusMacrosTest, PassOnTheFirstErrorOrTheValue) {
  EXPECT_THAT(Quarter(12), IsOkAnd(Eq(3)));
  EXPECT_THAT(Quarter(6), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Quarter(3), Not(IsOk()));
  EXPECT_THAT(Check(2), IsOk());
  EXPECT_THAT(Check(1), Not(IsOk()));
}

}  // namespace
}  // namespace prismatic
