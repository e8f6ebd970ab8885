#include "services/common/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prismatic::log {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::string* captured = new std::string();

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    captured->clear();
    SetSink([](absl::string_view line) { captured->append(line.data(), line.size()); });
  }
  ~LogTest() override {
    SetSink(nullptr);
    SetLevel(kInfo);
  }
};

TEST_F(LogTest, OneJsonObjectALine) {
  Info("a \"thing\"\n", {{"count", 2}, {"ok", true}, {"name", "x\ty"}});
  EXPECT_THAT(*captured,
              HasSubstr(R"("message":"a \"thing\"\u000a","count":2,"ok":true,"name":"x\u0009y"})"));
  EXPECT_THAT(*captured, EndsWith("}\n"));
}

TEST_F(LogTest, SecretsNeverAppear) {
  RegisterSecret("hunter2hunter2");
  Info("key pk_acme.1_0123456789abcdef_01234567 refused",
       {{"header", "Bearer sk-verysecretvalue"}, {"password", "xhunter2hunter2y"}});
  EXPECT_THAT(*captured, Not(HasSubstr("0123456789abcdef")));
  EXPECT_THAT(*captured, Not(HasSubstr("verysecret")));
  EXPECT_THAT(*captured, Not(HasSubstr("hunter2")));
  EXPECT_THAT(*captured, HasSubstr("[redacted]"));
}

TEST_F(LogTest, ATraceIsTwoFieldsOrNone) {
  TraceContext trace = *TraceContext::Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  Info("about a call", {{"request_id", "r"}, trace, {"n", 1}});
  EXPECT_THAT(*captured, HasSubstr(R"("request_id":"r","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",)"
                                   R"("span_id":"00f067aa0ba902b7","n":1})"));
  captured->clear();
  Info("about none", {TraceContext(), {"n", 1}});
  EXPECT_THAT(*captured, HasSubstr(R"("message":"about none","n":1})"));
}

TEST_F(LogTest, LevelsHaveNames) {
  EXPECT_EQ(ParseLevel("debug"), kDebug);
  EXPECT_EQ(ParseLevel("error"), kError);
  EXPECT_EQ(ParseLevel("Debug"), std::nullopt);
  EXPECT_EQ(ParseLevel(""), std::nullopt);
  SetLevel(kWarning);
  EXPECT_FALSE(IsWritten(kInfo));
  EXPECT_TRUE(IsWritten(kWarning));
}

TEST_F(LogTest, LinesBelowTheLevelAreDropped) {
  SetLevel(kError);
  Warning("not this");
  EXPECT_EQ(*captured, "");
}

}  // namespace
}  // namespace prismatic::log
