#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/common/rpc/grpc_status.h"
#include "services/common/rpc/server.h"
#include "services/common/rpc/unary.h"
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

TEST(CallMetricsTest, ACallCountsWhenItBeginsAndWhenItEnds) {
  metrics::Registry registry;
  CallMetrics server(registry, "a.Service", "domain");
  absl::Time began = server.Begin("Ask");
  auto has = [&](const std::string& line) { return registry.Text().find(line) != std::string::npos; };
  EXPECT_TRUE(has(R"(grpc_server_started_total{grpc_method="Ask",grpc_service="a.Service"} 1)"));
  EXPECT_FALSE(has("grpc_server_handled_total"));
  EXPECT_EQ(server.Finish("Ask", began, absl::NotFoundError("none")).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(has(
      R"(grpc_server_handled_total{grpc_code="NOT_FOUND",grpc_method="Ask",grpc_service="a.Service"} 1)"));
  EXPECT_TRUE(has(R"(grpc_server_handling_seconds_count{grpc_method="Ask",grpc_service="a.Service"} 1)"));

  ClientMetrics client(registry, "a.Service");
  client.Finish("Ask", client.Begin("Ask"), grpc::StatusCode::OK);
  EXPECT_TRUE(has(R"(grpc_client_started_total{grpc_method="Ask",grpc_service="a.Service"} 1)"));
  EXPECT_TRUE(
      has(R"(grpc_client_handled_total{grpc_code="OK",grpc_method="Ask",grpc_service="a.Service"} 1)"));
}

TEST(CallMetricsTest, AMethodIsNamedByItsRequest) {
  EXPECT_STREQ(MethodOf<common::v1::ErrorDetail>(), "ErrorDetail");
}

TEST(ServerTest, ATakenPortEndsTheStart) {
  auto first = Server::Start({.address = "127.0.0.1:0"});
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(Server::Start({.address = absl::StrCat("127.0.0.1:", (*first)->port())}).ok());
}

}  // namespace
}  // namespace prismatic::rpc
