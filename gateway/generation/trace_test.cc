#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gateway/generation/generation_fixture.h"
#include "services/common/log/log.h"

namespace prismatic::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::mutex log_mutex;
std::string log_text;  // guarded by log_mutex

class TraceTest : public GenerationTest {
 protected:
  TraceTest() {
    IncomingTrace incoming;
    incoming.AddTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    incoming.AddTracestate("vendor=1");
    trace = incoming.Continue();
    {
      std::lock_guard<std::mutex> lock(log_mutex);
      log_text.clear();
    }
    log::SetSink([](absl::string_view line) {
      std::lock_guard<std::mutex> lock(log_mutex);
      absl::StrAppend(&log_text, line);
    });
  }
  ~TraceTest() override { log::SetSink(nullptr); }

  void ExpectOurs(const CallContext& call) {
    EXPECT_EQ(call.trace.traceparent(), trace.traceparent());
    EXPECT_EQ(call.trace.tracestate(), "vendor=1");
  }
  // Every line, of which there is at least one, names the trace.
  void ExpectTracedLines() {
    std::lock_guard<std::mutex> lock(log_mutex);
    std::vector<absl::string_view> lines = absl::StrSplit(log_text, '\n', absl::SkipEmpty());
    EXPECT_FALSE(lines.empty());
    for (absl::string_view line : lines) {
      EXPECT_THAT(std::string(line), HasSubstr(absl::StrCat("\"trace_id\":\"", trace.trace_id(), "\"")));
      EXPECT_THAT(std::string(line), HasSubstr(absl::StrCat("\"span_id\":\"", trace.span_id(), "\"")));
    }
  }
};

TEST_F(TraceTest, EveryCallOfARequestGoesWithItsTrace) {
  ASSERT_THAT(Run("google/imagen-4", 2), testing::IsOk());
  ASSERT_THAT(billing.calls(), SizeIs(2)) << "reserved, settled";
  for (const CallContext& call : billing.calls()) ExpectOurs(call);
  ExpectOurs(provider.last_call);
}

TEST_F(TraceTest, WhatIsOnlyValidatedGoesWithItToo) {
  EXPECT_THAT(Run("dark", 1), testing::HasReason(ERROR_REASON_NO_IMAGE_ROUTE));
  ASSERT_THAT(billing.calls(), SizeIs(1));
  ExpectOurs(billing.calls()[0]);
}

TEST_F(TraceTest, ASettlementBehindTheAnswerStaysInTheTrace) {
  options.settle_wait = absl::ZeroDuration();
  options.settle_unanswered_max = absl::Hours(1);
  billing.FailSettlements(3, Lost());
  ASSERT_THAT(Run("google/imagen-4", 2), testing::IsOk());
  EXPECT_TRUE(testing::WaitUntil([&] { return billing.state() == billing::v1::RESERVATION_STATE_SETTLED; }));
  EXPECT_TRUE(generation().Drain(testing::kPatience));
  EXPECT_GE(billing.calls().size(), 4u);
  for (const CallContext& call : billing.calls()) ExpectOurs(call);
  ExpectTracedLines();
  std::lock_guard<std::mutex> lock(log_mutex);
  EXPECT_THAT(log_text, HasSubstr("settlement_pending"));
  EXPECT_THAT(log_text, HasSubstr("settled late"));
}

TEST_F(TraceTest, AReleaseBehindTheAnswerStaysInTheTrace) {
  provider.answer = {.status = Error(absl::StatusCode::kInternal, ERROR_REASON_UPSTREAM_ERROR, "")};
  billing.FailReleases(2, Lost());
  EXPECT_FALSE(Run("google/imagen-4", 1).ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return billing.state() == billing::v1::RESERVATION_STATE_RELEASED; }));
  EXPECT_TRUE(generation().Drain(testing::kPatience));
  EXPECT_EQ(billing.releases(), 3);
  for (const CallContext& call : billing.calls()) ExpectOurs(call);
}

TEST_F(TraceTest, AReservationThatIsTakenBackStaysInTheTrace) {
  billing.reserve_failures = {Lost(), Lost()};
  billing.lost = true;
  EXPECT_FALSE(Run("google/imagen-4", 1).ok());
  EXPECT_TRUE(generation().Drain(testing::kPatience));
  ASSERT_THAT(billing.calls(), SizeIs(3)) << "twice asked, taken back";
  for (const CallContext& call : billing.calls()) ExpectOurs(call);
  ExpectTracedLines();
}

}  // namespace
}  // namespace prismatic::gateway
