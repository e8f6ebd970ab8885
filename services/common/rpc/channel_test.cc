// What a channel sends again, whom it asks, and what a server says of itself.
#include "services/common/rpc/channel.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/common/rpc/http2_script.h"
#include "services/common/rpc/server.h"

namespace prismatic::rpc {
namespace {

using Act = Http2Script::Act;
using grpc::StatusCode;

constexpr char kEcho[] = "/test.v1.Echo/Say";
constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";

// A service without a proto: says what it hears, and counts.
class Echo : public grpc::Service {
 public:
  Echo() {
    AddMethod(new grpc::internal::RpcServiceMethod(kEcho, grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRawCallback(0, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                                 [this](grpc::CallbackServerContext* context, const grpc::ByteBuffer* heard,
                                        grpc::ByteBuffer* said) {
                                   ++calls_;
                                   *said = *heard;
                                   grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
                                   reactor->Finish(grpc::Status::OK);
                                   return reactor;
                                 }));
  }
  int calls() const { return calls_; }

 private:
  std::atomic<int> calls_{0};
};

// Name and text of a request in wire form: field 1.
std::string Field(absl::string_view text) {
  return text.empty() ? "" : absl::StrCat("\x0a", std::string(1, static_cast<char>(text.size())), text);
}

std::pair<grpc::Status, std::string> Call(const std::shared_ptr<grpc::Channel>& channel,
                                          const std::string& method, const std::string& text) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  grpc::Slice slice(text);
  grpc::ByteBuffer request(&slice, 1), response;
  std::promise<grpc::Status> answered;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &response,
                 [&](grpc::Status status) { answered.set_value(std::move(status)); });
  grpc::Status status = answered.get_future().get();
  grpc::Slice bytes;
  if (!status.ok() || !response.TrySingleSlice(&bytes).ok()) return {status, ""};
  return {status, std::string(reinterpret_cast<const char*>(bytes.begin()), bytes.size())};
}

StatusCode CodeOf(const std::string& target, const std::string& text = "hello",
                  int64_t message_bytes_max = int64_t{1} << 20) {
  return Call(MakeChannel(target, message_bytes_max), kEcho, text).first.error_code();
}

TEST(ChannelTest, ACallThatTheServerHasNotSeenIsSentAgain) {
  Http2Script server({Act::kGoAwayUnseen});
  EXPECT_EQ(CodeOf(server.target()), StatusCode::NOT_FOUND);
  EXPECT_EQ(server.calls(), 2);
}

TEST(ChannelTest, ACallThatTheServerMayHaveSeenIsNeverSentAgain) {
  // A refused stream has not been seen; gRPC 1.51 does not look so closely.
  for (Act act : {Act::kGoAwaySeen, Act::kClose, Act::kRefuse}) {
    Http2Script server({act});
    EXPECT_EQ(CodeOf(server.target()), StatusCode::UNAVAILABLE);
    EXPECT_EQ(server.calls(), 1);
  }
}

TEST(ChannelTest, WhatIsNotSeenTwiceIsToldToTheCaller) {
  Http2Script server({Act::kGoAwayUnseen, Act::kGoAwayUnseen});
  EXPECT_EQ(CodeOf(server.target()), StatusCode::UNAVAILABLE);
  EXPECT_EQ(server.calls(), 2);
}

TEST(ChannelTest, ARequestAsLargeAsTheLimitIsSentAgain) {
  constexpr int64_t kBytes = int64_t{8} << 20;
  Http2Script server({Act::kGoAwayUnseen});
  EXPECT_EQ(CodeOf(server.target(), std::string(kBytes, 'x'), kBytes), StatusCode::NOT_FOUND);
  EXPECT_EQ(server.calls(), 2);
}

class TwoServers : public ::testing::Test {
 protected:
  void SetUp() override {
    for (Replica& replica : replicas_) {
      auto server =
          Server::Start({.address = "127.0.0.1:0", .services = {&replica.echo}, .connection_age = age_});
      ASSERT_TRUE(server.ok()) << server.status();
      replica.server = *std::move(server);
    }
    channel_ = MakeServiceChannel(
        absl::StrCat("ipv4:127.0.0.1:", one().server->port(), ",127.0.0.1:", two().server->port()));
  }

  struct Replica {
    Echo echo;
    std::unique_ptr<Server> server;
  };
  Replica& one() { return replicas_[0]; }
  Replica& two() { return replicas_[1]; }

  StatusCode Ask() { return Call(channel_, kEcho, "hello").first.error_code(); }
  // Asks until the condition holds.
  template <typename Condition>
  bool AskUntil(Condition condition) {
    absl::Time give_up = absl::Now() + absl::Seconds(20);
    while (!condition(Ask())) {
      if (absl::Now() > give_up) return false;
    }
    return true;
  }
  // How many of `calls` each has been given.
  std::pair<int, int> Shares(int calls) {
    int first = one().echo.calls(), second = two().echo.calls();
    for (int i = 0; i < calls; ++i) EXPECT_EQ(Ask(), StatusCode::OK);
    return {one().echo.calls() - first, two().echo.calls() - second};
  }

  absl::Duration age_ = kConnectionAge;
  Replica replicas_[2];
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(TwoServers, OnlyThoseThatAreReadyAreAsked) {
  EXPECT_EQ(Ask(), StatusCode::UNAVAILABLE);
  one().server->SetServing(true);
  EXPECT_TRUE(AskUntil([](StatusCode code) { return code == StatusCode::OK; }));
  EXPECT_EQ(Shares(20), std::make_pair(20, 0));
  two().server->SetServing(true);
  EXPECT_TRUE(AskUntil([this](StatusCode) { return two().echo.calls() > 0; }));
  EXPECT_EQ(Shares(20), std::make_pair(10, 10));

  one().server->StopBeingReady();
  int last = one().echo.calls();
  EXPECT_TRUE(AskUntil([&](StatusCode) { return last == std::exchange(last, one().echo.calls()); }));
  EXPECT_EQ(Shares(20), std::make_pair(0, 20));
}

TEST_F(TwoServers, WhoLeavesAnswersToTheEndAndIsNeverReadyAgain) {
  one().server->SetServing(true);
  one().server->StopBeingReady();
  one().server->SetServing(true);
  auto direct = MakeChannel(absl::StrCat("127.0.0.1:", one().server->port()));
  EXPECT_EQ(Call(direct, kHealthCheck, "").second, "\x08\x02");
  EXPECT_TRUE(Call(direct, kEcho, "hello").first.ok());
}

TEST_F(TwoServers, EachNameOfHealthSaysWhatItIsFor) {
  auto direct = MakeChannel(absl::StrCat("127.0.0.1:", one().server->port()));
  auto health = [&](absl::string_view name) { return Call(direct, kHealthCheck, Field(name)); };
  const std::string kServing = "\x08\x01", kNotServing = "\x08\x02";
  for (bool ready : {false, true, false}) {
    one().server->SetServing(ready);
    for (const char* name : {"", "readiness", "test.v1.Echo"}) {
      EXPECT_EQ(health(name).second, ready ? kServing : kNotServing) << name;
    }
    EXPECT_EQ(health("liveness").second, kServing);
  }
  EXPECT_EQ(health("nobody").first.error_code(), StatusCode::NOT_FOUND);
}

class AgedConnections : public TwoServers {
 protected:
  AgedConnections() { age_ = absl::Milliseconds(100); }
};

TEST_F(AgedConnections, TheEndOfAConnectionLosesNoCall) {
  constexpr int kClients = 4;
  one().server->SetServing(true);
  two().server->SetServing(true);
  ASSERT_TRUE(AskUntil([this](StatusCode) { return one().echo.calls() > 0 && two().echo.calls() > 0; }));
  std::atomic<int> lost{0};
  absl::Time end = absl::Now() + absl::Seconds(3);  // thirty lives of a connection
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      while (absl::Now() < end) lost += Ask() != StatusCode::OK;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace prismatic::rpc
