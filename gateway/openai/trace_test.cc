#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "gateway/openai/request_headers.h"

namespace prismatic::gateway::openai {
namespace {

constexpr char kTraceId[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TraceContext Read(http::Headers headers) {
  http::Request request;
  request.headers = std::move(headers);
  return ReadTrace(request);
}

TEST(TraceHeadersTest, AClientsTraceGoesOnInWhateverCaseItsNamesAre) {
  for (const char* name : {"traceparent", "Traceparent", "TRACEPARENT"}) {
    TraceContext trace = Read({{"Authorization", "Bearer x"}, {name, kTraceparent}, {"TraceState", "a=1"}});
    EXPECT_EQ(trace.trace_id(), kTraceId);
    EXPECT_NE(trace.span_id(), "00f067aa0ba902b7") << "a span of our own";
    EXPECT_TRUE(trace.sampled());
    EXPECT_EQ(trace.tracestate(), "a=1");
  }
}

TEST(TraceHeadersTest, SeveralTracestatesAreOneList) {
  EXPECT_EQ(
      Read({{"tracestate", "a=1"}, {"traceparent", kTraceparent}, {"Tracestate", "b=2,c=3"}}).tracestate(),
      "a=1,b=2,c=3");
}

TEST(TraceHeadersTest, WithoutOneWellFormedTraceparentANewTraceBegins) {
  const http::Headers cases[] = {
      {},
      {{"tracestate", "a=1"}},
      {{"traceparent", ""}},
      {{"traceparent", "nonsense"}, {"tracestate", "a=1"}},
      {{"traceparent", kTraceparent}, {"Traceparent", kTraceparent}, {"tracestate", "a=1"}},
      {{"trace-parent", kTraceparent}},
  };
  for (const http::Headers& headers : cases) {
    TraceContext trace = Read(headers);
    EXPECT_EQ(trace.trace_id().size(), 32u);
    EXPECT_NE(trace.trace_id(), kTraceId);
    EXPECT_NE(trace.trace_id(), Read(headers).trace_id()) << "each a trace of its own";
    EXPECT_EQ(trace.tracestate(), "");
    EXPECT_FALSE(trace.sampled());
  }
}

}  // namespace
}  // namespace prismatic::gateway::openai
