#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/redis/client_fixture.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_sentinels.h"

// What the client does about replicas: WAIT, demotion, failover by real sentinels.

namespace prismatic::redis {
namespace {

using ::prismatic::testing::AwaitReplicas;
using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::kPatience;
using ::prismatic::testing::RedisSentinels;
using ::prismatic::testing::RedisServer;
using ::prismatic::testing::WaitUntil;
using ::testing::HasSubstr;

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

constexpr char kBody[] = R"lua(
redis.register_function('@LIBRARY@_add', function(keys, args)
  return redis.call('INCRBY', keys[1], args[1])
end)
)lua";

int WaitCalls(const RedisServer& server) {
  std::string all = server.Ask({"INFO", "commandstats"});
  size_t at = all.find("cmdstat_wait:calls=");
  return at == std::string::npos ? 0
                                 : std::atoi(all.c_str() + at + std::string("cmdstat_wait:calls=").size());
}

// --- WAIT ---

class RedisWaitTest : public ::testing::Test {
 protected:
  RedisWaitTest() {
    if (!AwaitReplicas(master_, 1)) abort();
  }
  std::string Url(const std::string& options) { return absl::StrCat(master_.url(), options); }

  RedisServer master_{Standalone()};
  RedisServer replica_{{.cluster = false, .replica_of = master_.port()}};
};

TEST_F(RedisWaitTest, AReplicaConfirmsWhatMustLastAndOnlyThat) {
  Fixture f(Patient(Url("?wait=1")));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_EQ(f.client->wait_replicas(), 1);
  absl::StatusOr<Reply> set = f.Lasting({"SET", "a", "1"});
  ASSERT_THAT(set, IsOk());
  EXPECT_FALSE(set->unconfirmed);
  EXPECT_EQ(replica_.Ask({"GET", "a"}), "1");
  EXPECT_EQ(WaitCalls(master_), 1);
  ASSERT_THAT(f.Fast({"SET", "b", "1"}), IsOk());
  EXPECT_EQ(WaitCalls(master_), 1);
}

TEST_F(RedisWaitTest, WithoutTheOptionNothingWaits) {
  Fixture f(Patient(Url("")));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_EQ(f.client->wait_replicas(), 0);
  replica_.Pause();
  absl::StatusOr<Reply> set = f.Lasting({"SET", "a", "1"});
  replica_.Resume();
  ASSERT_THAT(set, IsOk());
  EXPECT_FALSE(set->unconfirmed);
  EXPECT_EQ(WaitCalls(master_), 0);
}

TEST_F(RedisWaitTest, WhatNoReplicaConfirmsIsDoneAndSaysSo) {
  Fixture f(Patient(Url("?wait=1")));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  replica_.Pause();
  absl::Time start = absl::Now();
  absl::StatusOr<Reply> counted = f.Lasting({"INCR", "n"});
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));  // 50 ms, and what a busy machine adds
  absl::StatusOr<std::vector<Reply>> pipeline =
      Wait(f.client->Pipeline(Lane::kLasting, {{"INCR", "n"}, {"NOSUCHCOMMAND"}, {"INCR", "n"}}));
  replica_.Resume();
  ASSERT_THAT(counted, IsOk());
  EXPECT_EQ(counted->integer, 1);
  EXPECT_TRUE(counted->unconfirmed);
  ASSERT_THAT(pipeline, IsOk());
  EXPECT_TRUE((*pipeline)[0].unconfirmed);
  EXPECT_TRUE((*pipeline)[1].is_error());
  EXPECT_EQ((*pipeline)[2].integer, 3);
  EXPECT_TRUE((*pipeline)[2].unconfirmed);
  EXPECT_EQ(f.metrics.GetCounter("prismatic_redis_unconfirmed_total", "", {{"lane", "lasting"}}).value(), 3);

  // The replica is back: the same ID sent again is confirmed.
  EXPECT_TRUE(WaitUntil([&] {
    absl::StatusOr<Reply> again = f.Lasting({"GET", "n"});
    return again.ok() && !again->unconfirmed;
  }));
}

TEST_F(RedisWaitTest, ManyAtOnceShareAWait) {
  Fixture f(Patient(Url("?wait=1")));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  replica_.Pause();
  std::atomic<int> unconfirmed{0};
  for (int i = 0; i < 2000; ++i) {
    Start<absl::StatusOr<Reply>>(f.client->Command(Lane::kLasting, {"INCR", "n"}),
                                 [&](absl::StatusOr<Reply> reply) {
                                   if (reply.ok() && reply->unconfirmed) ++unconfirmed;
                                 });
  }
  bool all = WaitUntil([&] { return unconfirmed == 2000; });
  replica_.Resume();
  EXPECT_TRUE(all);
  EXPECT_EQ(master_.Ask({"GET", "n"}), "2000");
  EXPECT_LT(WaitCalls(master_), 100);
}

TEST_F(RedisWaitTest, AMasterThatGoesWhileReplicasAreAwaitedHadDoneIt) {
  Fixture f(Patient(Url("?wait=1")));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  replica_.Pause();
  for (int i = 0; i < 5; ++i) {
    std::atomic<bool> ended{false};
    Start<absl::StatusOr<Reply>>(
        f.client->Command(Lane::kLasting, {"INCR", "n"}), [&](absl::StatusOr<Reply> reply) {
          // Either its answer was there, or nobody knows: never a confirmation.
          EXPECT_TRUE(reply.ok() ? reply->unconfirmed : absl::IsAborted(reply.status()));
          ended = true;
        });
    if (i == 4) master_.Stop();
    ASSERT_TRUE(WaitUntil([&] { return ended.load(); }));
  }
  replica_.Resume();
}

// --- demotion ---

TEST(RedisDemotionTest, ADemotedMasterIsLeftAndUsedAgainWhenItIsOneAgain) {
  RedisServer server(Standalone());
  RedisServer other(Standalone());
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  Replication before = f.client->replication();
  EXPECT_EQ(before.id.size(), 40u);
  EXPECT_EQ(before.changes, 0u);

  server.Ask({"REPLICAOF", "127.0.0.1", absl::StrCat(other.port())});
  absl::StatusOr<Reply> refused = f.Fast({"SET", "a", "1"});
  EXPECT_THAT(refused, HasCode(kUnavailable));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("READONLY"));
  // Neither lane reads from a replica.
  EXPECT_FALSE(f.client->connected());
  EXPECT_THAT(f.Fast({"GET", "a"}), HasCode(kUnavailable));
  EXPECT_THAT(f.Lasting({"GET", "a"}), HasCode(kUnavailable));
  EXPECT_TRUE(WaitUntil(
      [&] { return absl::StrContains(f.Fast({"PING"}).status().message(), "it is not the master"); }));

  server.Ask({"REPLICAOF", "NO", "ONE"});
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(f.Fast({"SET", "a", "1"}), IsOk());
  Replication after = f.client->replication();
  EXPECT_NE(after.id, before.id);
  EXPECT_EQ(after.changes, 1u);
}

TEST(RedisDemotionTest, AFunctionIsRefusedByADemotedMasterWithNothingDone) {
  RedisServer server(Standalone());
  RedisServer other(Standalone());
  Fixture f(Patient(server.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  FunctionLibrary library = FunctionLibrary::FromSource("test_1", kBody);
  ASSERT_THAT(f.Call(library, "add", {"n"}, {"1"}), IsOk());
  server.Ask({"REPLICAOF", "127.0.0.1", absl::StrCat(other.port())});
  // Whether the function is there still or went with the old data.
  EXPECT_THAT(f.Call(library, "add", {"n"}, {"1"}), HasCode(kUnavailable));
}

TEST(RedisDemotionTest, ASentinelInsteadOfAServerSaysSo) {
  RedisServer server(Standalone());
  RedisServer sentinel({.cluster = false,
                        .sentinel = absl::StrCat("sentinel monitor main 127.0.0.1 ", server.port(), " 1\n")});
  Fixture f(Patient(sentinel.url()));
  EXPECT_TRUE(
      WaitUntil([&] { return absl::StrContains(f.Fast({"PING"}).status().message(), "it is a sentinel"); }));
}

// --- sentinels ---

TEST(RedisSentinelTest, AMasterThatDiesIsReplacedAndFunctionsComeAlong) {
  RedisSentinels set;
  Fixture f(Patient(set.url("wait=1")));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  FunctionLibrary library = FunctionLibrary::FromSource("test_1", kBody);
  ASSERT_THAT(f.Call(library, "add", {"n"}, {"5"}), IsOk());
  absl::StatusOr<Reply> confirmed = f.Lasting({"SET", "kept", "yes"});
  ASSERT_THAT(confirmed, IsOk());
  EXPECT_FALSE(confirmed->unconfirmed);
  Replication before = f.client->replication();

  set.first_replica().Ask({"FUNCTION", "FLUSH"});  // refused: a replica has what its master has
  set.first_master().Stop();
  set.sentinel(0).Stop();  // one of three may go too
  absl::StatusOr<Reply> added = absl::UnknownError("");
  ASSERT_TRUE(WaitUntil([&] {
    added = f.Call(library, "add", {"n"}, {"1"});
    return added.ok();
  }));
  EXPECT_EQ(added->integer, 6);
  // Another sentinel than the one that we asked may hear of it a little later.
  EXPECT_TRUE(WaitUntil([&] { return set.MasterPort() == set.first_replica().port(); }));
  EXPECT_EQ(set.first_replica().Ask({"GET", "kept"}), "yes");
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_EQ(f.client->replication().changes, before.changes + 1);

  // A node that lacks the functions gets them; nothing confirms any more, and that is said.
  set.first_replica().Ask({"FUNCTION", "FLUSH"});
  absl::StatusOr<Reply> again = Wait(f.client->Call(Lane::kLasting, library, "add", {"n"}, {"1"}));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->integer, 7);
  EXPECT_TRUE(again->unconfirmed);
}

// The client could go on with the old master, which answers it; the sentinels have another one.
TEST(RedisSentinelTest, AnOldMasterThatStillAnswersIsLeft) {
  RedisSentinels set;
  Fixture f(Patient(set.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  set.first_master().Pause();
  bool replaced = WaitUntil([&] { return set.MasterPort() == set.first_replica().port(); });
  set.first_master().Resume();
  ASSERT_TRUE(replaced);
  ASSERT_TRUE(WaitUntil([&] {
    absl::StatusOr<Reply> port = f.Fast({"CONFIG", "GET", "port"});
    return port.ok() && port->elements[1].text == absl::StrCat(set.first_replica().port());
  }));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(f.Lasting({"SET", "a", "1"}), IsOk());
  EXPECT_EQ(set.first_replica().Ask({"GET", "a"}), "1");
}

TEST(RedisSentinelTest, WithoutSentinelsOrWithAnotherNameTheReasonIsSaid) {
  RedisServer server(Standalone());
  RedisServer sentinel({.cluster = false,
                        .sentinel = absl::StrCat("sentinel monitor main 127.0.0.1 ", server.port(), " 1\n")});
  Fixture other(Patient(absl::StrCat("redis+sentinel://127.0.0.1:", sentinel.port(), "/another")));
  EXPECT_TRUE(WaitUntil([&] {
    return absl::StrContains(other.Fast({"PING"}).status().message(), "it knows no master another");
  }));
  sentinel.Stop();
  Fixture gone(Patient(absl::StrCat("redis+sentinel://127.0.0.1:", sentinel.port(), "/main")));
  EXPECT_TRUE(WaitUntil(
      [&] { return absl::StrContains(gone.Fast({"PING"}).status().message(), "Connection refused"); }));
  sentinel.Start();
  EXPECT_THAT(gone.AwaitConnected(), IsOk());
  EXPECT_THAT(gone.Fast({"PING"}), IsOk());
}

}  // namespace
}  // namespace prismatic::redis
