#include "services/common/redis/refusals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "services/common/redis/client_fixture.h"
#include "tests/support/matchers.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::RedisServer;
using ::prismatic::testing::WaitUntil;
using ::testing::StartsWith;

TEST(RefusalsTest, OnlyWholeFirstWordsCount) {
  EXPECT_TRUE(NothingWasDone("READONLY You can't write against a read only replica."));
  EXPECT_TRUE(NothingWasDone("TRYAGAIN Multiple keys request during rehashing of slot"));
  EXPECT_TRUE(NothingWasDone("LOADING"));
  EXPECT_FALSE(NothingWasDone("LOADINGS of something"));
  EXPECT_FALSE(NothingWasDone("ERR a text with READONLY in it"));
  EXPECT_FALSE(NothingWasDone("UNBLOCKED force unblock from blocking operation"));
  EXPECT_FALSE(NothingWasDone("NOPERM The user executing the script can't run this command"));
  EXPECT_FALSE(NothingWasDone(""));
  EXPECT_TRUE(NeedsNewConnection("UNBLOCKED force unblock from blocking operation"));
  EXPECT_FALSE(NeedsNewConnection("BUSY Redis is busy running a script."));
  EXPECT_TRUE(IsForbidden("WRONGPASS invalid username-password pair or user is disabled."));
}

constexpr char kBody[] = R"lua(
redis.register_function('@LIBRARY@_add', function(keys, args)
  redis.call('INCRBY', keys[1], args[1])
  return redis.call('INCRBY', keys[2], args[1])
end)
redis.register_function('@LIBRARY@_spin', function(keys, args)
  while redis.call('GET', keys[1]) ~= 'never' do end
end)
)lua";

// What a server answers that must not write now: the function has not begun.
class RedisRefusalTest : public ::testing::Test {
 protected:
  RedisRefusalTest() {
    if (!f_.AwaitConnected().ok() || !Add().ok()) abort();
  }
  absl::StatusOr<Reply> Add() { return f_.Call(library_, "add", {"a", "b"}, {"1"}); }
  void ExpectRefused(const std::string& word) {
    absl::StatusOr<Reply> refused = Add();
    EXPECT_THAT(refused, HasCode(absl::StatusCode::kUnavailable));
    EXPECT_THAT(std::string(refused.status().message()), StartsWith(word));
    EXPECT_EQ(server_.Ask({"GET", "a"}), "1");
    EXPECT_TRUE(f_.client->connected());
  }

  const FunctionLibrary library_ = FunctionLibrary::FromSource("test_1", kBody);
  RedisServer server_{Standalone()};
  Fixture f_{Patient(server_.url())};
};

TEST_F(RedisRefusalTest, AFullServer) {
  ASSERT_EQ(server_.Ask({"CONFIG", "SET", "maxmemory", "1"}), "OK");
  ExpectRefused("OOM");
  ASSERT_EQ(server_.Ask({"CONFIG", "SET", "maxmemory", "0"}), "OK");
  EXPECT_THAT(Add(), IsOk());
}

TEST_F(RedisRefusalTest, AServerWithTooFewReplicas) {
  ASSERT_EQ(server_.Ask({"CONFIG", "SET", "min-replicas-to-write", "1"}), "OK");
  ExpectRefused("NOREPLICAS");
  ASSERT_EQ(server_.Ask({"CONFIG", "SET", "min-replicas-to-write", "0"}), "OK");
  EXPECT_THAT(Add(), IsOk());
}

TEST_F(RedisRefusalTest, AServerThatIsBusyWithAFunction) {
  ASSERT_EQ(server_.Ask({"CONFIG", "SET", "busy-reply-threshold", "1"}), "OK");
  Fixture other(Patient(server_.url()));
  ASSERT_THAT(other.AwaitConnected(), IsOk());
  std::atomic<bool> ended{false};
  Start<absl::StatusOr<Reply>>(other.client->Call(Lane::kFast, library_, "spin", {"a"}, {}),
                               [&](absl::StatusOr<Reply>) { ended = true; });
  absl::StatusOr<Reply> refused = Add();
  ASSERT_TRUE(WaitUntil([&] {
    refused = Add();
    return !refused.ok();
  }));
  EXPECT_THAT(refused, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(std::string(refused.status().message()), StartsWith("BUSY"));
  EXPECT_EQ(server_.Ask({"FUNCTION", "KILL"}), "OK");
  EXPECT_TRUE(WaitUntil([&] { return ended.load(); }));
  EXPECT_TRUE(WaitUntil([&] { return Add().ok(); }));
}

}  // namespace
}  // namespace prismatic::redis
