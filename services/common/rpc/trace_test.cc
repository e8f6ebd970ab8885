#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/common/rpc/call_log.h"
#include "services/common/rpc/unary.h"
#include "services/common/status/status.h"

namespace prismatic::rpc {

// A message without a type: the method that takes it.
template <>
const char* MethodOf<grpc::ByteBuffer>() {
  return "Keep";
}

namespace {

using ::testing::HasSubstr;

constexpr char kTraceId[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// Answers every call with nothing, and keeps what the last one came with.
class Keeper : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    class Answer : public grpc::ServerGenericBidiReactor {
     public:
      Answer() { StartRead(&request_); }
      void OnReadDone(bool) override {
        grpc::Slice empty;
        response_ = grpc::ByteBuffer(&empty, 1);
        StartWriteAndFinish(&response_, {}, grpc::Status::OK);
      }
      void OnDone() override { delete this; }

     private:
      grpc::ByteBuffer request_, response_;
    };
    std::lock_guard<std::mutex> lock(mutex_);
    last_ = ContextOf(context);
    return new Answer;
  }
  std::optional<CallContext> last() {
    std::lock_guard<std::mutex> lock(mutex_);
    return last_;
  }

 private:
  std::mutex mutex_;
  std::optional<CallContext> last_;  // guarded by mutex_
};

class TraceOverGrpcTest : public ::testing::Test {
 protected:
  TraceOverGrpcTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(&keeper_);
    server_ = builder.BuildAndStart();
    stub_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }

  // What the other side of a call with this context, and with these metadata, makes of it.
  CallContext Arrives(CallContext call, Metadata metadata = {}) {
    grpc::Slice empty;
    auto calling = Call<grpc::ByteBuffer, grpc::ByteBuffer>(
        std::move(call), grpc::ByteBuffer(&empty, 1),
        [this](auto* context, auto* request, auto* response, auto done) {
          stub_->UnaryCall(context, "/prismatic.test/Keep", grpc::StubOptions(), request, response,
                           std::move(done));
        },
        nullptr, std::move(metadata));
    absl::StatusOr<grpc::ByteBuffer> answer = Wait(std::move(calling));
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::optional<CallContext> arrived = keeper_.last();
    EXPECT_TRUE(arrived.has_value());
    return arrived.value_or(CallContext());
  }

  Keeper keeper_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

// Latin-1 and worse would make the lines of a log unreadable; gRPC lets printable characters alone be sent.
TEST_F(TraceOverGrpcTest, ARequestIdIsShortAndPrintableOrNone) {
  for (absl::string_view id : {"a request", "", " "}) {
    EXPECT_EQ(Arrives({}, {{kRequestIdKey, std::string(id)}}).request_id, "") << id;
  }
  EXPECT_EQ(Arrives({}, {{kRequestIdKey, std::string(129, 'x')}}).request_id, "");
  EXPECT_EQ(Arrives({}, {{kRequestIdKey, std::string(128, 'x')}}).request_id, std::string(128, 'x'));
}

TEST_F(TraceOverGrpcTest, ATraceGoesOnInASpanOfTheOtherSide) {
  IncomingTrace incoming;
  incoming.AddTraceparent(kTraceparent);
  incoming.AddTracestate("a=1,tenant@b=x y");
  CallContext call;
  call.request_id = "request-1";
  call.trace = incoming.Continue();
  CallContext arrived = Arrives(call);
  EXPECT_EQ(arrived.request_id, "request-1");
  EXPECT_EQ(arrived.trace.trace_id(), kTraceId);
  EXPECT_NE(arrived.trace.span_id(), call.trace.span_id());
  EXPECT_TRUE(arrived.trace.sampled());
  EXPECT_EQ(arrived.trace.tracestate(), "a=1,tenant@b=x y");
}

TEST_F(TraceOverGrpcTest, ACallWithoutATraceBeginsOne) {
  CallContext first = Arrives({}), second = Arrives({});
  EXPECT_EQ(first.trace.trace_id().size(), 32u);
  EXPECT_NE(first.trace.trace_id(), second.trace.trace_id());
  EXPECT_FALSE(first.trace.sampled());
}

TEST_F(TraceOverGrpcTest, WhatOthersSendIsReadByTheSameRules) {
  EXPECT_EQ(Arrives({}, {{"traceparent", kTraceparent}}).trace.trace_id(), kTraceId);
  EXPECT_EQ(Arrives({}, {{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"tracestate", "b=2"}})
                .trace.tracestate(),
            "a=1,b=2");
  EXPECT_NE(Arrives({}, {{"traceparent", kTraceparent}, {"traceparent", kTraceparent}}).trace.trace_id(),
            kTraceId);
  EXPECT_NE(Arrives({}, {{"traceparent", std::string(kTraceparent) + "-x"}}).trace.trace_id(), kTraceId);
  CallContext long_state =
      Arrives({}, {{"traceparent", kTraceparent}, {"tracestate", "a=" + std::string(2'000, 'x')}});
  EXPECT_EQ(long_state.trace.trace_id(), kTraceId);
  EXPECT_EQ(long_state.trace.tracestate(), "");
}

std::string* captured = new std::string();

TEST(CallLogTest, FaultsAreWarningsAndTheRestIsForDebugging) {
  log::SetSink([](absl::string_view line) { captured->append(line.data(), line.size()); });
  CallContext call;
  call.request_id = "request-1";
  call.trace = *TraceContext::Parse(kTraceparent);
  auto logged = [&](const absl::Status& status) {
    captured->clear();
    LogCall("prismatic.test", "Keep", call, absl::Now(), status);
    return *captured;
  };
  absl::Status refusal =
      Error(absl::StatusCode::kResourceExhausted, common::v1::ERROR_REASON_RATE_LIMIT_EXCEEDED, "slow");
  EXPECT_EQ(logged(absl::OkStatus()), "");
  EXPECT_EQ(logged(refusal), "");
  std::string fault = logged(absl::InternalError("a fault"));
  EXPECT_THAT(fault, HasSubstr(R"("level":"warning")"));
  EXPECT_THAT(fault, HasSubstr(absl::StrCat(R"("request_id":"request-1","trace_id":")", kTraceId, "\"")));
  EXPECT_THAT(fault, HasSubstr(R"("grpc_method":"Keep","grpc_code":"INTERNAL")"));
  EXPECT_THAT(fault, HasSubstr(R"("note":"a fault")"));
  log::SetLevel(log::kDebug);
  EXPECT_THAT(logged(absl::OkStatus()), HasSubstr(R"("level":"debug")"));
  EXPECT_THAT(logged(refusal), HasSubstr(R"("reason":"RATE_LIMIT_EXCEEDED")"));
  log::SetLevel(log::kInfo);
  log::SetSink(nullptr);
}

}  // namespace
}  // namespace prismatic::rpc
