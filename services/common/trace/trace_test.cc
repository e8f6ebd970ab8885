#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/trace/trace_context.h"

namespace prismatic {
namespace {

constexpr char kTraceId[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kSpanId[] = "00f067aa0ba902b7";

std::string Traceparent(absl::string_view version = "00", absl::string_view flags = "01") {
  return absl::StrCat(version, "-", kTraceId, "-", kSpanId, "-", flags);
}

TraceContext ContinueFrom(const std::vector<std::string>& tracestates) {
  IncomingTrace incoming;
  incoming.AddTraceparent(Traceparent());
  for (const std::string& value : tracestates) incoming.AddTracestate(value);
  return incoming.Continue();
}

std::string Repeated(int count, absl::string_view text) {
  std::string all;
  for (int i = 0; i < count; ++i) absl::StrAppend(&all, i > 0 ? "," : "", text, i, "=1");
  return all;
}

TEST(TraceContextTest, ReadsATraceparent) {
  std::optional<TraceContext> context = TraceContext::Parse(Traceparent());
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id(), kTraceId);
  EXPECT_EQ(context->span_id(), kSpanId);
  EXPECT_TRUE(context->sampled());
  EXPECT_EQ(context->traceparent(), Traceparent());
  EXPECT_FALSE(TraceContext::Parse(Traceparent("00", "00"))->sampled());
}

TEST(TraceContextTest, OfAHigherVersionTheFirstFourFieldsCount) {
  for (const char* version : {"01", "cc", "fe"}) {
    for (const char* rest : {"", "-", "-what-the-future-brings", "-\x01"}) {
      std::optional<TraceContext> context = TraceContext::Parse(Traceparent(version) + rest);
      ASSERT_TRUE(context.has_value()) << version << rest;
      EXPECT_EQ(context->traceparent(), Traceparent());
    }
    EXPECT_FALSE(TraceContext::Parse(Traceparent(version) + ".more").has_value());
    EXPECT_FALSE(TraceContext::Parse(Traceparent(version) + "0").has_value());
  }
}

TEST(TraceContextTest, KnownFlagsArePassedOnAsTheyCame) {
  EXPECT_EQ(TraceContext::Parse(Traceparent("00", "02"))->traceparent(), Traceparent("00", "02"));
  EXPECT_EQ(TraceContext::Parse(Traceparent("00", "03"))->traceparent(), Traceparent("00", "03"));
  EXPECT_EQ(TraceContext::Parse(Traceparent("00", "ff"))->traceparent(), Traceparent("00", "03"));
  EXPECT_EQ(TraceContext::Parse(Traceparent("00", "f0"))->traceparent(), Traceparent("00", "00"));
}

TEST(TraceContextTest, WhatIsMalformedIsNoTraceparent) {
  const std::string id = kTraceId, span = kSpanId;
  const std::string cases[] = {
      "",
      "00",
      "00-",
      "garbage",
      Traceparent("ff"),
      Traceparent("0"),
      Traceparent("000"),
      Traceparent("0G"),
      Traceparent("0A"),
      Traceparent(".0"),
      Traceparent("00", "0"),
      Traceparent("00", "001"),
      Traceparent("00", "0X"),
      Traceparent("00", "0A"),
      Traceparent("00", ".0"),
      Traceparent() + "-",
      Traceparent() + "-00",
      Traceparent() + " ",
      " " + Traceparent(),
      Traceparent() + "," + Traceparent(),
      Traceparent() + "\r\nx: y",
      "00-" + std::string(32, '0') + "-" + span + "-01",
      "00-" + id + "-" + std::string(16, '0') + "-01",
      "00-" + id.substr(1) + "-" + span + "-01",
      "00-" + id + "0-" + span + "-01",
      "00-" + id + "-" + span.substr(1) + "-01",
      "00-" + id + "-" + span + "0-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01",
      "00-" + id + "-00F067AA0BA902B7-01",
      "00-" + id.substr(1) + "g-" + span + "-01",
      "00-" + id + "-" + span.substr(1) + ".-01",
      "00_" + id + "-" + span + "-01",
      "00-" + id + "_" + span + "-01",
      "00-" + id + "-" + span + "_01",
      "00-" + id + "--" + span + "-1",
      std::string(55, '-'),
      std::string(55, '\0'),
      std::string(10'000, '0'),
  };
  for (const std::string& text : cases) {
    EXPECT_FALSE(TraceContext::Parse(text).has_value()) << text;
    IncomingTrace incoming;
    incoming.AddTraceparent(text);
    incoming.AddTracestate("a=1");
    TraceContext begun = incoming.Continue();
    if (text.find(' ') != std::string::npos && text.size() == 56) continue;  // blanks around are HTTP's
    EXPECT_NE(begun.trace_id(), kTraceId) << text;
    EXPECT_FALSE(begun.empty());
    EXPECT_FALSE(begun.sampled());
    EXPECT_EQ(begun.tracestate(), "") << "a tracestate without its trace means nothing";
  }
}

// A traceparent that was changed at one place is refused, or says what it says.
TEST(TraceContextTest, RandomTextNeverPassesUnlessItIsATraceparent) {
  std::mt19937 random(20'240'229);
  const std::string alphabet = "0123456789abcdefABCDEFg-_. ,;=\t\x7f";
  for (int i = 0; i < 200'000; ++i) {
    std::string text = Traceparent();
    if (i % 4 == 0) text = std::string(random() % 80, ' ');
    int changes = i % 4 == 0 ? static_cast<int>(text.size()) : 1 + static_cast<int>(random() % 3);
    for (int j = 0; j < changes; ++j) {
      char c = random() % 8 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
      if (random() % 10 == 0) {
        text.insert(random() % (text.size() + 1), 1, c);
      } else if (!text.empty()) {
        text[random() % text.size()] = c;
      }
    }
    std::optional<TraceContext> context = TraceContext::Parse(text);
    if (!context) continue;
    ASSERT_EQ(text.substr(2, 51), context->traceparent().substr(2, 51)) << text;
    ASSERT_TRUE(text.size() == 55 || (text.substr(0, 2) != "00" && text[55] == '-')) << text;
    ASSERT_EQ(TraceContext::Parse(context->traceparent())->traceparent(), context->traceparent());
  }
}

TEST(TraceContextTest, WhatIsWrittenReadsTheSame) {
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    TraceContext begun = TraceContext::New();
    std::optional<TraceContext> read = TraceContext::Parse(begun.traceparent());
    ASSERT_TRUE(read.has_value()) << begun.traceparent();
    EXPECT_EQ(read->trace_id(), begun.trace_id());
    EXPECT_EQ(read->span_id(), begun.span_id());
    EXPECT_EQ(read->traceparent(), begun.traceparent());
    ids.insert(std::string(begun.trace_id()));
    ids.insert(std::string(begun.span_id()));
  }
  EXPECT_EQ(ids.size(), 2'000u);
}

TEST(TraceContextTest, EachHopIsASpanOfTheSameTrace) {
  TraceContext gateway = ContinueFrom({"vendor=1"});
  EXPECT_EQ(gateway.trace_id(), kTraceId);
  EXPECT_NE(gateway.span_id(), kSpanId);
  EXPECT_TRUE(gateway.sampled());
  TraceContext service = gateway.NextHop();
  EXPECT_EQ(service.trace_id(), kTraceId);
  EXPECT_NE(service.span_id(), gateway.span_id());
  EXPECT_TRUE(service.sampled());
  EXPECT_EQ(service.tracestate(), "vendor=1");
}

TEST(TraceContextTest, NoTraceSaysNothing) {
  TraceContext none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.trace_id(), "");
  EXPECT_EQ(none.span_id(), "");
  EXPECT_EQ(none.traceparent(), "");
}

TEST(IncomingTraceTest, TwoTraceparentsBeginANewTrace) {
  IncomingTrace incoming;
  incoming.AddTraceparent(Traceparent());
  incoming.AddTraceparent(Traceparent());
  incoming.AddTracestate("a=1");
  EXPECT_NE(incoming.Continue().trace_id(), kTraceId);
  EXPECT_EQ(incoming.Continue().tracestate(), "");
  EXPECT_FALSE(IncomingTrace().Continue().empty());
}

TEST(IncomingTraceTest, BlanksAroundATraceparentAreNotPartOfIt) {
  IncomingTrace incoming;
  incoming.AddTraceparent(absl::StrCat(" \t", Traceparent(), "\t "));
  EXPECT_EQ(incoming.Continue().trace_id(), kTraceId);
}

TEST(IncomingTraceTest, TracestateIsOneListOverAllFields) {
  EXPECT_EQ(ContinueFrom({"foo=1,bar=2"}).tracestate(), "foo=1,bar=2");
  EXPECT_EQ(ContinueFrom({"foo=1", "bar=2", "rojo=00f0"}).tracestate(), "foo=1,bar=2,rojo=00f0");
  EXPECT_EQ(ContinueFrom({" foo=1 \t,\t bar=2 "}).tracestate(), "foo=1,bar=2");
  EXPECT_EQ(ContinueFrom({"", "foo=1,,", ",", "bar=2"}).tracestate(), "foo=1,bar=2");
  EXPECT_EQ(ContinueFrom({"tenant@system=a b!~;:\"", "0*/_-=1"}).tracestate(),
            "tenant@system=a b!~;:\",0*/_-=1");
  EXPECT_EQ(ContinueFrom({}).tracestate(), "");
}

TEST(IncomingTraceTest, TracestateIsTakenUpToItsBoundsAndDroppedBeyond) {
  EXPECT_EQ(ContinueFrom({Repeated(32, "a")}).tracestate(), Repeated(32, "a"));
  EXPECT_EQ(ContinueFrom({Repeated(33, "a")}).tracestate(), "");
  EXPECT_EQ(ContinueFrom({Repeated(20, "a"), Repeated(20, "b")}).tracestate(), "");
  std::string key(256, 'k'), value(255, 'v');
  EXPECT_EQ(ContinueFrom({key + "=" + value}).tracestate().size(), 512u);
  EXPECT_EQ(ContinueFrom({key + "=" + value + "v"}).tracestate(), "") << "513 bytes";
  EXPECT_EQ(ContinueFrom({key + "k=1"}).tracestate(), "");
  EXPECT_EQ(ContinueFrom({"k=" + std::string(257, 'v')}).tracestate(), "");
  EXPECT_EQ(ContinueFrom({"a=1", std::string(10'240, 'x') + "=1", "b=2"}).tracestate(), "");
  EXPECT_EQ(ContinueFrom({std::string(10'240, 'x')}).trace_id(), kTraceId) << "the trace itself goes on";
}

TEST(IncomingTraceTest, AMalformedMemberDropsTheWholeTracestate) {
  for (std::string bad :
       {"foo", "foo=", "=1", "=", "FOO=1", "foo =1", "foo=1=2", "@foo=1", "_foo=1", "foo.bar=1", "foo=\x7f",
        "foo=a\tb", "foo=a\r\nb", "foo=\xc3\xa9", "f\xc3\xa9=1", "foo\n=1"}) {
    EXPECT_EQ(ContinueFrom({"good=1," + bad}).tracestate(), "") << bad;
    EXPECT_EQ(ContinueFrom({bad, "good=1"}).tracestate(), "") << bad;
  }
  EXPECT_EQ(ContinueFrom({std::string("foo=a\0b", 7)}).tracestate(), "");
}

// What gRPC ends the process over can never come out.
TEST(IncomingTraceTest, WhateverComesInPrintableAsciiGoesOut) {
  std::mt19937 random(7);
  const std::string likely = "abz019_-*/@=, ~!";
  int passed = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (int left = static_cast<int>(random() % 24); left > 0; --left) {
      text += random() % 50 == 0 ? static_cast<char>(random()) : likely[random() % likely.size()];
    }
    std::string out = ContinueFrom({text, text}).tracestate();
    passed += out.empty() ? 0 : 1;
    ASSERT_LE(out.size(), 512u);
    for (char c : out) ASSERT_TRUE(c >= ' ' && c <= '~') << text;
  }
  EXPECT_GT(passed, 100) << "or the test looks at nothing";
}

}  // namespace
}  // namespace prismatic
