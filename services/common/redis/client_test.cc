#include "services/common/redis/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/common/redis/client_fixture.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::kPatience;
using ::prismatic::testing::RedisServer;
using ::prismatic::testing::WaitUntil;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
constexpr auto kDeadlineExceeded = absl::StatusCode::kDeadlineExceeded;
constexpr auto kAborted = absl::StatusCode::kAborted;
constexpr auto kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class RedisClientTest : public ::testing::Test {
 protected:
  RedisClientTest() : server(RedisServer::Shared()) { server.Flush(); }
  RedisServer& server;
};

// --- commands ---

TEST_F(RedisClientTest, ACommandComesBackWithItsAnswer) {
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_TRUE(f.client->connected());

  ASSERT_THAT(f.Lasting({"SET", "a", "1"}), IsOk());
  absl::StatusOr<Reply> got = f.Fast({"GET", "a"});
  ASSERT_THAT(got, IsOk());
  EXPECT_EQ(got->text, "1");
  absl::StatusOr<Reply> nothing = f.Fast({"GET", "b"});
  ASSERT_THAT(nothing, IsOk());
  EXPECT_TRUE(nothing->is_nil());
  absl::StatusOr<Reply> counted = f.Fast({"INCRBY", "a", "41"});
  ASSERT_THAT(counted, IsOk());
  EXPECT_EQ(counted->integer, 42);
}

TEST_F(RedisClientTest, TheUnixSocketServesAsWell) {
  Fixture f(Patient(server.unix_url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(f.Fast({"PING"}), IsOk());
}

TEST_F(RedisClientTest, EveryByteComesBackAlsoMegabytesOfThem) {
  std::string bytes;
  for (int i = 0; i < 4 * 1024 * 1024; ++i) bytes.push_back(static_cast<char>(i * 31 + i / 256));
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  ASSERT_THAT(f.Lasting({"SET", std::string("k\0\r\n", 4), bytes}), IsOk());
  absl::StatusOr<Reply> got = f.Fast({"GET", std::string("k\0\r\n", 4)});
  ASSERT_THAT(got, IsOk());
  EXPECT_TRUE(got->text == bytes);
}

TEST_F(RedisClientTest, AnErrorOfRedisKeepsItsText) {
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  absl::StatusOr<Reply> reply = f.Fast({"INCRBY", "a", "no number"});
  EXPECT_THAT(reply, HasCode(kFailedPrecondition));
  EXPECT_EQ(reply.status().message(), "ERR value is not an integer or out of range");
  EXPECT_EQ(f.Errors("fast", "refused"), 1);
}

TEST_F(RedisClientTest, AnEmptyCommandIsRefusedAndHarmsNoOther) {
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(f.Fast({}), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Wait(f.client->Pipeline(Lane::kFast, {{"PING"}, {}})),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(f.Fast({"PING"}), IsOk());
}

TEST_F(RedisClientTest, APipelineAnswersInOrderAndKeepsSingleErrors) {
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  std::vector<std::vector<std::string>> commands;
  for (int i = 0; i < 1000; ++i) commands.push_back({"INCR", "counter"});
  commands[500] = {"NOSUCHCOMMAND"};
  absl::StatusOr<std::vector<Reply>> replies = Wait(f.client->Pipeline(Lane::kFast, commands));
  ASSERT_THAT(replies, IsOk());
  ASSERT_EQ(replies->size(), 1000u);
  EXPECT_TRUE((*replies)[500].is_error());
  EXPECT_EQ((*replies)[499].integer, 500);
  EXPECT_EQ((*replies)[501].integer, 501);
  EXPECT_EQ((*replies)[999].integer, 999);
  EXPECT_THAT(Wait(f.client->Pipeline(Lane::kFast, {})), IsOk());
}

TEST_F(RedisClientTest, ManyThreadsGetEachTheirOwnAnswers) {
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        std::string text = absl::StrCat(t, "-", i);
        absl::StatusOr<Reply> reply =
            Wait(f.client->Command(i % 2 ? Lane::kFast : Lane::kLasting, {"ECHO", text}));
        if (!reply.ok() || reply->text != text) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(f.Pending("fast"), 0);
}

Task<bool> ResumesOnTheLoop(Fixture& f, std::vector<std::string> words) {
  auto command = f.client->Command(Lane::kFast, std::move(words));
  absl::StatusOr<Reply> reply = co_await command;
  co_return f.loop.InLoop();
}

TEST_F(RedisClientTest, CallersResumeOnTheLoop) {
  Fixture f(Patient(server.url()));
  EXPECT_TRUE(Wait(ResumesOnTheLoop(f, {"PING"})));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_TRUE(Wait(ResumesOnTheLoop(f, {"PING"})));
}

TEST_F(RedisClientTest, TheMetricsHaveTheDocumentedNames) {
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  ASSERT_THAT(f.Fast({"PING"}), IsOk());
  std::string text = f.metrics.Text();
  EXPECT_THAT(text, HasSubstr("prismatic_redis_connected{lane=\"fast\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("prismatic_redis_connected{lane=\"lasting\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("prismatic_redis_pending{lane=\"fast\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("prismatic_redis_command_duration_seconds_count{lane=\"fast\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("prismatic_redis_errors_total{kind=\"deadline\",lane=\"fast\"} 0\n"));
}

// --- limits and deadlines ---

TEST_F(RedisClientTest, WhatExceedsThePendingLimitIsUnavailableAtOnceAndNeverSent) {
  constexpr int kLimit = 4000;
  Options options = Patient(server.url());
  options.pending_max = kLimit;
  Fixture f(options);
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server.Pause();  // so that nothing is answered while we send
  std::mutex mutex;
  int answered = 0;     // guarded by mutex
  int unavailable = 0;  // guarded by mutex
  for (int i = 0; i < 10'000; ++i) {
    Start<absl::StatusOr<Reply>>(f.client->Command(Lane::kFast, {"INCR", "n"}),
                                 [&](absl::StatusOr<Reply> reply) {
                                   std::lock_guard<std::mutex> lock(mutex);
                                   if (reply.ok()) ++answered;
                                   if (absl::IsUnavailable(reply.status())) ++unavailable;
                                 });
  }
  auto count = [&](const int& which) {
    std::lock_guard<std::mutex> lock(mutex);
    return which;
  };
  bool refused = WaitUntil([&] { return count(unavailable) == 10'000 - kLimit; });
  server.Resume();
  EXPECT_TRUE(refused);
  EXPECT_TRUE(WaitUntil([&] { return count(answered) == kLimit; }));
  EXPECT_EQ(server.Ask({"GET", "n"}), absl::StrCat(kLimit));
  EXPECT_EQ(f.Errors("fast", "too_many"), 10'000 - kLimit);
}

TEST_F(RedisClientTest, APipelineThatDoesNotFitIsNotSentAtAll) {
  Options options = Patient(server.url());
  options.pending_max = 2;
  Fixture f(options);
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(Wait(f.client->Pipeline(Lane::kFast, {{"INCR", "n"}, {"INCR", "n"}, {"INCR", "n"}})),
              HasCode(kUnavailable));
  EXPECT_EQ(server.Ask({"EXISTS", "n"}), "0");
}

TEST(RedisClientFaultTest, AServerThatHangsIsADeadlineAndItsLateAnswersGoToNobody) {
  RedisServer server(Standalone());
  Options options = Patient(server.url());
  options.fast_deadline = absl::Milliseconds(50);
  Fixture f(options);
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server.Pause();
  EXPECT_THAT(f.Fast({"ECHO", "late 1"}), HasCode(kDeadlineExceeded));
  EXPECT_THAT(f.Fast({"ECHO", "late 2"}), HasCode(kDeadlineExceeded));
  EXPECT_TRUE(f.client->connected());
  EXPECT_EQ(f.Errors("fast", "deadline"), 2);
  EXPECT_EQ(f.Pending("fast"), 2);
  server.Resume();

  // The same connection goes on: each later answer belongs to its own command.
  ASSERT_TRUE(WaitUntil([&] { return f.Fast({"PING"}).ok(); }));
  absl::StatusOr<Reply> reply = f.Lasting({"ECHO", "mine"});
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->text, "mine");
  EXPECT_EQ(f.Errors("fast", "lost"), 0);
}

TEST(RedisClientFaultTest, AHangOnOneLaneDoesNotDelayTheOthersDeadline) {
  RedisServer server(Standalone());
  Options options = Patient(server.url());
  options.fast_deadline = absl::Milliseconds(30);
  options.lasting_deadline = absl::Milliseconds(1500);
  Fixture f(options);
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server.Pause();
  std::atomic<bool> lasting_ended{false};
  std::thread lasting([&] {
    EXPECT_THAT(f.Lasting({"PING"}), HasCode(kDeadlineExceeded));
    lasting_ended = true;
  });
  EXPECT_THAT(f.Fast({"PING"}), HasCode(kDeadlineExceeded));
  EXPECT_FALSE(lasting_ended);
  lasting.join();
  server.Resume();
}

TEST(RedisClientFaultTest, AConnectionThatStallsIsMadeAnew) {
  RedisServer server(Standalone());
  Options options = Patient(server.url());
  options.fast_deadline = absl::Milliseconds(30);
  options.stall_max = absl::Milliseconds(200);
  Fixture f(options);
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server.Pause();
  EXPECT_THAT(f.Fast({"PING"}), HasCode(kDeadlineExceeded));
  ASSERT_TRUE(WaitUntil([&] { return !f.client->connected(); }));
  EXPECT_THAT(f.Fast({"PING"}), HasCode(kUnavailable));
  server.Resume();
  EXPECT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_TRUE(WaitUntil([&] { return f.Fast({"PING"}).ok(); }));
}

// --- losing and finding Redis ---

TEST(RedisClientFaultTest, WhatWasOnTheWayToAKilledServerIsAborted) {
  RedisServer server(Standalone());
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server.Pause();
  std::atomic<int> aborted{0};
  for (int i = 0; i < 10; ++i) {
    Start<absl::StatusOr<Reply>>(f.client->Command(Lane::kFast, {"PING"}), [&](absl::StatusOr<Reply> reply) {
      if (absl::IsAborted(reply.status())) ++aborted;
    });
  }
  ASSERT_TRUE(WaitUntil([&] { return f.Pending("fast") == 10; }));
  // Sent and not only accepted: what is written is flushed before what was posted later.
  f.loop.Post([] {});
  std::atomic<bool> flushed{false};
  f.loop.Post([&] { f.loop.Post([&] { flushed = true; }); });
  ASSERT_TRUE(WaitUntil([&] { return flushed.load(); }));
  server.Stop();
  EXPECT_TRUE(WaitUntil([&] { return aborted == 10; }));
  EXPECT_EQ(f.Errors("fast", "lost"), 10);
  EXPECT_EQ(f.Pending("fast"), 0);
}

TEST(RedisClientFaultTest, WithoutAServerCommandsAreUnavailableUntilItIsBack) {
  RedisServer server(Standalone());
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  for (int i = 0; i < 3; ++i) {
    server.Stop();
    ASSERT_TRUE(WaitUntil([&] { return !f.client->connected(); }));
    EXPECT_THAT(f.Fast({"PING"}), HasCode(kUnavailable));
    EXPECT_THAT(Wait(f.client->Pipeline(Lane::kLasting, {{"PING"}})), HasCode(kUnavailable));
    EXPECT_THAT(Wait(f.client->WaitUntilConnected(absl::Milliseconds(20))), HasCode(kDeadlineExceeded));
    server.Start();
    ASSERT_THAT(f.AwaitConnected(), IsOk());
    EXPECT_THAT(f.Fast({"PING"}), IsOk());
  }
}

TEST(RedisClientFaultTest, TheServerMayComeLaterThanTheClient) {
  RedisServer server(Standalone());
  server.Stop();
  Fixture f(Patient(server.url()));
  EXPECT_THAT(f.Fast({"PING"}), HasCode(kUnavailable));
  EXPECT_FALSE(f.client->connected());
  server.Start();
  EXPECT_THAT(f.AwaitConnected(), IsOk());
}

TEST(RedisClientFaultTest, AKilledConnectionIsMadeAnew) {
  RedisServer server(Standalone());
  Fixture f(Patient(server.url()));
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(f.AwaitConnected(), IsOk());
    absl::StatusOr<Reply> reply = f.Fast({"QUIT"});
    EXPECT_THAT(reply, IsOk());
    ASSERT_TRUE(WaitUntil([&] { return !f.client->connected(); }));
  }
}

TEST(RedisClientFaultTest, AServerThatIsLoadingItsDataIsNotConnectedYet) {
  // The delay, in microseconds for each command of the log, makes loading long enough to be seen.
  RedisServer server({.cluster = false, .append_only = true, .arguments = {"--key-load-delay", "200"}});
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  std::vector<std::vector<std::string>> commands(3000, {"INCR", "n"});
  ASSERT_THAT(Wait(f.client->Pipeline(Lane::kLasting, commands)), IsOk());
  server.Stop();
  server.Start();
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_GE(f.Errors("fast", "refused"), 1);  // the greeting met LOADING and was tried again
  absl::StatusOr<Reply> reply = f.Fast({"GET", "n"});
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->text, "3000");
}

// A caller that tries again at once, forever, must neither pile up stack nor stop the loop.
Task<int> TriesUntilAnswered(Fixture& f) {
  for (int tries = 1;; ++tries) {
    auto command = f.client->Command(Lane::kFast, {"PING"});
    absl::StatusOr<Reply> reply = co_await command;
    if (reply.ok()) co_return tries;
  }
}

TEST(RedisClientFaultTest, ACallerThatNeverRestsGetsThroughWhenTheServerIsBack) {
  RedisServer server(Standalone());
  server.Stop();
  Fixture f(Patient(server.url()));
  std::atomic<int> tries{0};
  Start<int>(TriesUntilAnswered(f), [&](int count) { tries = count; });
  server.Start();
  ASSERT_TRUE(WaitUntil([&] { return tries > 0; }));
  EXPECT_GT(tries, 100);
}

TEST(RedisClientFaultTest, PendingCommandsEndWithTheClient) {
  RedisServer server(Standalone());
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server.Pause();
  std::atomic<int> ended{0};
  for (int i = 0; i < 5; ++i) {
    Start<absl::StatusOr<Reply>>(f.client->Command(Lane::kLasting, {"PING"}),
                                 [&](absl::StatusOr<Reply> reply) {
                                   EXPECT_THAT(reply, AnyOf(HasCode(kAborted), HasCode(kUnavailable)));
                                   ++ended;
                                 });
  }
  f.client.reset();
  EXPECT_TRUE(WaitUntil([&] { return ended == 5; }));
  EXPECT_EQ(f.metrics.GetGauge("prismatic_redis_connected", "", {{"lane", "fast"}}).value(), 0);
}

TEST(RedisClientFaultTest, AClientEndsAtAnyMomentOfItsConnecting) {
  RedisServer server(Standalone());
  for (int i = 0; i < 50; ++i) {
    Fixture f(Patient(server.url()));
    if (i % 2) std::this_thread::yield();
    if (i % 5 == 0) (void)f.Fast({"PING"});
  }
}

// --- credentials ---

std::mutex log_mutex;
std::string log_lines;  // guarded by log_mutex

TEST(RedisClientPasswordTest, TheRightPasswordOpensAndTheWrongOneSaysWhyWithoutShowingIt) {
  log::SetSink([](absl::string_view line) {
    std::lock_guard<std::mutex> lock(log_mutex);
    absl::StrAppend(&log_lines, line, "\n");
  });
  {
    RedisServer server({.cluster = false, .password = "open-sesame-41"});
    Fixture right(Patient(server.url()));
    EXPECT_THAT(right.AwaitConnected(), IsOk());
    EXPECT_THAT(right.Fast({"PING"}), IsOk());

    for (const char* credentials : {":not-the-password@", "nobody:not-the-password@", ""}) {
      Fixture wrong(Patient(absl::StrCat("redis://", credentials, "127.0.0.1:", server.port())));
      absl::Status waited = Wait(wrong.client->WaitUntilConnected(absl::Milliseconds(200)));
      EXPECT_THAT(waited, HasCode(kDeadlineExceeded));
      EXPECT_THAT(std::string(waited.message()), AnyOf(HasSubstr("WRONGPASS"), HasSubstr("NOAUTH")));
      EXPECT_THAT(wrong.Fast({"PING"}), HasCode(kUnavailable));
    }
  }
  log::SetSink(nullptr);
  std::lock_guard<std::mutex> lock(log_mutex);
  EXPECT_THAT(log_lines, HasSubstr("WRONGPASS"));
  EXPECT_THAT(log_lines, Not(HasSubstr("not-the-password")));
  EXPECT_THAT(log_lines, Not(HasSubstr("open-sesame")));
}

TEST(RedisClientCreateTest, AMalformedUrlIsRefused) {
  metrics::Registry metrics;
  loop::Loop loop("redis-test");
  EXPECT_THAT(Client::Create(loop, metrics, {.url = "redis://"}),
              HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace prismatic::redis
