#include "services/common/redis/breaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "services/common/redis/client_fixture.h"
#include "tests/support/matchers.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::RedisServer;
using ::prismatic::testing::WaitUntil;
using ::testing::HasSubstr;

TEST(BreakerTest, OpensAfterMissesInARowOnly) {
  Breaker breaker(3);
  EXPECT_FALSE(breaker.Miss());
  EXPECT_FALSE(breaker.Miss());
  breaker.Answer();
  EXPECT_FALSE(breaker.Miss());
  EXPECT_FALSE(breaker.Miss());
  EXPECT_FALSE(breaker.open());
  EXPECT_TRUE(breaker.Miss());
  EXPECT_TRUE(breaker.open());
  EXPECT_FALSE(breaker.Miss());  // it was open already
  breaker.Close();
  EXPECT_FALSE(breaker.open());
  EXPECT_FALSE(breaker.Miss());
}

TEST(BreakerTest, ProbesGrowRarer) {
  Breaker breaker(1);
  ASSERT_TRUE(breaker.Miss());
  EXPECT_EQ(breaker.ProbeFailed(), absl::ZeroDuration());
  EXPECT_EQ(breaker.ProbeFailed(), absl::Milliseconds(250));
  EXPECT_EQ(breaker.ProbeFailed(), absl::Milliseconds(500));
  EXPECT_EQ(breaker.ProbeFailed(), absl::Seconds(1));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(breaker.ProbeFailed(), absl::Seconds(2));
  breaker.Close();
  ASSERT_TRUE(breaker.Miss());
  EXPECT_EQ(breaker.ProbeFailed(), absl::ZeroDuration());
}

class RedisBreakerTest : public ::testing::Test {
 protected:
  static Options Impatient(const std::string& url) {
    Options options = Patient(url);
    options.fast_deadline = absl::Milliseconds(100);
    return options;
  }
  double IsOpen(Fixture& f) {
    return f.metrics.GetGauge("prismatic_redis_breaker_open", "", {{"lane", "fast"}}).value();
  }
  // Three calls in a row that nobody answers.
  void Open(Fixture& f) {
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(f.Fast({"PING"}), HasCode(absl::StatusCode::kDeadlineExceeded));
    }
    EXPECT_EQ(IsOpen(f), 1);
  }

  RedisServer server_{Standalone()};
};

TEST_F(RedisBreakerTest, AStalledServerFailsFastAndComesBackByItself) {
  Fixture f(Impatient(server_.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server_.Pause();
  absl::Time start = absl::Now();
  Open(f);
  for (int i = 0; i < 1000; ++i) {
    absl::StatusOr<Reply> reply = f.Fast({"INCR", "n"});
    ASSERT_THAT(reply, HasCode(absl::StatusCode::kUnavailable));
    ASSERT_THAT(std::string(reply.status().message()), HasSubstr("has not answered lately"));
  }
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));  // not one of the thousand waited its 100 ms
  EXPECT_EQ(f.Errors("fast", "breaker_open"), 1000);
  EXPECT_EQ(f.Pending("fast"), 4);  // three calls and one probe
  // The other lane was not asked and knows nothing of it.
  EXPECT_EQ(f.metrics.GetGauge("prismatic_redis_breaker_open", "", {{"lane", "lasting"}}).value(), 0);

  server_.Resume();
  ASSERT_TRUE(WaitUntil([&] { return f.Fast({"PING"}).ok(); }));
  EXPECT_EQ(IsOpen(f), 0);
  EXPECT_EQ(f.Errors("fast", "lost"), 0);
  EXPECT_EQ(server_.Ask({"EXISTS", "n"}), "0");  // what was refused was never sent
}

TEST_F(RedisBreakerTest, AStallThatCostsTheConnectionEndsAsWell) {
  Options options = Impatient(server_.url());
  options.stall_max = absl::Milliseconds(500);
  Fixture f(options);
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server_.Pause();
  Open(f);
  ASSERT_TRUE(WaitUntil([&] { return !f.client->connected(); }));
  EXPECT_THAT(f.Fast({"PING"}), HasCode(absl::StatusCode::kUnavailable));
  server_.Resume();
  ASSERT_TRUE(WaitUntil([&] { return f.Fast({"PING"}).ok(); }));
  EXPECT_EQ(IsOpen(f), 0);
}

TEST_F(RedisBreakerTest, CallsAtOnceOpenItTogether) {
  Fixture f(Impatient(server_.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server_.Pause();
  std::vector<std::vector<std::string>> commands(10, {"PING"});
  EXPECT_THAT(Wait(f.client->Pipeline(Lane::kFast, commands)), HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(WaitUntil([&] { return IsOpen(f) == 1; }));
  EXPECT_EQ(f.metrics.GetCounter("prismatic_redis_breaker_opened_total", "", {{"lane", "fast"}}).value(), 1);
  server_.Resume();
  EXPECT_TRUE(WaitUntil([&] { return f.Fast({"PING"}).ok(); }));
}

TEST_F(RedisBreakerTest, AServerThatIsSlowForASingleCallStaysInUse) {
  Fixture f(Impatient(server_.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server_.Pause();
  EXPECT_THAT(f.Fast({"PING"}), HasCode(absl::StatusCode::kDeadlineExceeded));
  server_.Resume();
  ASSERT_TRUE(WaitUntil([&] { return f.Fast({"PING"}).ok(); }));
  EXPECT_EQ(f.Errors("fast", "breaker_open"), 0);
}

TEST_F(RedisBreakerTest, ConnectionsThatBreakUnderTheirCallsOpenIt) {
  Fixture f(Patient(server_.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(WaitUntil([&] { return f.client->connected(); }));
    EXPECT_EQ(f.Errors("fast", "breaker_open"), 0);
    server_.Pause();
    std::atomic<bool> ended{false};
    Start<absl::StatusOr<Reply>>(f.client->Command(Lane::kFast, {"PING"}),
                                 [&](absl::StatusOr<Reply>) { ended = true; });
    ASSERT_TRUE(WaitUntil([&] { return f.Pending("fast") == 1; }));
    server_.Stop();
    ASSERT_TRUE(WaitUntil([&] { return ended.load(); }));
    server_.Start();
  }
  EXPECT_EQ(f.metrics.GetCounter("prismatic_redis_breaker_opened_total", "", {{"lane", "fast"}}).value(), 1);
  EXPECT_TRUE(WaitUntil([&] { return f.Fast({"PING"}).ok(); }));
}

}  // namespace
}  // namespace prismatic::redis
