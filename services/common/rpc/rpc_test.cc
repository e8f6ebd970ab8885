#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/rpc/server.h"
#include "services/common/status/status.h"

namespace prismatic::rpc {
namespace {

using common::v1::ErrorReason;

TEST(GrpcStatusTest, TheDetailSurvivesTheWire) {
  absl::Status status =
      Error(absl::StatusCode::kResourceExhausted, common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED, "slow")
          .With("limit", "5")
          .RetryAfter(absl::Milliseconds(1500));
  absl::Status back = FromGrpc(ToGrpc(status, "billing.prismatic"));
  EXPECT_EQ(back.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(HasReason(back, common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED));
  EXPECT_EQ(MetadataOf(back, "limit"), "5");
  EXPECT_EQ(RetryAfterOf(back), absl::Milliseconds(1500));
  EXPECT_EQ(DetailOf(back)->domain(), "billing.prismatic");
}

TEST(GrpcStatusTest, AStatusOfSomebodyElseHasNoReason) {
  absl::Status back = FromGrpc(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "message larger than max"));
  EXPECT_EQ(ReasonOf(back), common::v1::ERROR_REASON_UNSPECIFIED);
}

TEST(ServerTest, ATakenPortEndsTheStart) {
  auto first = Server::Start({.address = "127.0.0.1:0"});
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(Server::Start({.address = absl::StrCat("127.0.0.1:", (*first)->port())}).ok());
}

}  // namespace
}  // namespace prismatic::rpc
