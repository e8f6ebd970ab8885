#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/redis/client.h"
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
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Adds to two keys at once and says which version did it.
constexpr char kBody[] = R"lua(
redis.register_function('@LIBRARY@_add', function(keys, args)
  redis.call('INCRBY', keys[1], args[1])
  return {'VERSION', redis.call('INCRBY', keys[2], args[1])}
end)
)lua";

FunctionLibrary Version(const std::string& version) {
  return FunctionLibrary::FromSource("test_1", absl::StrCat(kBody, "-- ", version, "\n"));
}

class RedisFunctionsTest : public ::testing::Test {
 protected:
  RedisFunctionsTest() : server_(RedisServer::Shared()) {
    server_.Flush();
    Options options{.url = server_.url(), .fast_deadline = kPatience, .lasting_deadline = kPatience};
    absl::StatusOr<std::unique_ptr<Client>> created = Client::Create(loop_, metrics_, options);
    if (!created.ok() || !Wait((*created)->WaitUntilConnected(kPatience)).ok()) abort();
    client_ = *std::move(created);
  }

  absl::StatusOr<Reply> Add(const FunctionLibrary& library, std::vector<std::string> keys,
                            std::string amount) {
    return Wait(client_->Call(Lane::kFast, library, "add", std::move(keys), {std::move(amount)}));
  }
  int Libraries() {
    absl::StatusOr<Reply> list = Wait(client_->Command(Lane::kFast, {"FUNCTION", "LIST"}));
    return list.ok() ? static_cast<int>(list->elements.size()) : -1;
  }
  // How often FUNCTION LOAD was executed since the server's statistics were reset.
  std::string LoadStatistics() {
    std::string all = server_.Ask({"INFO", "commandstats"});
    size_t at = all.find("cmdstat_function|load:");
    return at == std::string::npos ? "" : all.substr(at, all.find(",", at) - at);
  }

  RedisServer& server_;
  metrics::Registry metrics_;
  loop::Loop loop_{"redis-test"};
  std::unique_ptr<Client> client_;
};

TEST(FunctionLibraryTest, TheNameCarriesTheHashOfTheBody) {
  FunctionLibrary library = FunctionLibrary::FromSource("billing_1", "return '@LIBRARY@', '@LIBRARY@_x'");
  EXPECT_EQ(library.name.size(), std::string("billing_1_").size() + 8);
  EXPECT_THAT(library.name, StartsWith("billing_1_"));
  EXPECT_EQ(library.source, absl::StrCat("#!lua name=", library.name, "\nreturn '", library.name, "', '",
                                         library.name, "_x'"));
  EXPECT_EQ(FunctionLibrary::FromSource("billing_1", "return '@LIBRARY@', '@LIBRARY@_x'").name, library.name);
  EXPECT_NE(FunctionLibrary::FromSource("billing_1", "return '@LIBRARY@', '@LIBRARY@_y'").name, library.name);
}

TEST_F(RedisFunctionsTest, AMissingLibraryIsLoadedByTheCall) {
  FunctionLibrary library = Version("1");
  absl::StatusOr<Reply> reply = Add(library, {"{tag}a", "{tag}b"}, "5");
  ASSERT_THAT(reply, IsOk());
  ASSERT_EQ(reply->elements.size(), 2u);
  EXPECT_EQ(reply->elements[1].integer, 5);
  EXPECT_EQ(Libraries(), 1);
  EXPECT_EQ(server_.Ask({"GET", "{tag}a"}), "5");
}

TEST_F(RedisFunctionsTest, ALibraryThatIsLostIsLoadedAgainAndEachCallRunsOnce) {
  FunctionLibrary library = Version("1");
  for (int i = 1; i <= 3; ++i) {
    absl::StatusOr<Reply> reply = Add(library, {"{tag}a", "{tag}b"}, "1");
    ASSERT_THAT(reply, IsOk());
    EXPECT_EQ(reply->elements[1].integer, i);
    server_.Ask({"FUNCTION", "FLUSH"});
  }
}

TEST_F(RedisFunctionsTest, ALibraryThatSomebodyElseLoadedIsFine) {
  FunctionLibrary library = Version("1");
  ASSERT_EQ(server_.Ask({"FUNCTION", "LOAD", library.source}), library.name);
  server_.Ask({"CONFIG", "RESETSTAT"});
  EXPECT_THAT(Add(library, {"{tag}a", "{tag}b"}, "1"), IsOk());
  EXPECT_EQ(LoadStatistics(), "");
}

TEST_F(RedisFunctionsTest, ManyCallsAtOnceLoadOnce) {
  server_.Ask({"CONFIG", "RESETSTAT"});
  FunctionLibrary library = Version("1");
  std::atomic<int> ok{0};
  std::atomic<int> ended{0};
  for (int i = 0; i < 500; ++i) {
    Start<absl::StatusOr<Reply>>(client_->Call(Lane::kFast, library, "add", {"{tag}a", "{tag}b"}, {"1"}),
                                 [&](absl::StatusOr<Reply> reply) {
                                   if (reply.ok()) ++ok;
                                   ++ended;
                                 });
  }
  ASSERT_TRUE(WaitUntil([&] { return ended == 500; }));
  EXPECT_EQ(ok, 500);
  EXPECT_EQ(server_.Ask({"GET", "{tag}b"}), "500");
  EXPECT_EQ(LoadStatistics(), "cmdstat_function|load:calls=1");
}

TEST_F(RedisFunctionsTest, TwoVersionsLiveSideBySide) {
  FunctionLibrary old_version = Version("1");
  FunctionLibrary new_version = Version("2");
  ASSERT_NE(old_version.name, new_version.name);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Add(old_version, {"{tag}a", "{tag}b"}, "1"), IsOk());
    EXPECT_THAT(Add(new_version, {"{tag}a", "{tag}b"}, "1"), IsOk());
  }
  EXPECT_EQ(Libraries(), 2);
  EXPECT_EQ(server_.Ask({"GET", "{tag}b"}), "6");
}

TEST_F(RedisFunctionsTest, KeysOfDifferentSlotsAreRefused) {
  FunctionLibrary library = Version("1");
  ASSERT_THAT(Add(library, {"{tag}a", "{tag}b"}, "1"), IsOk());
  absl::StatusOr<Reply> reply = Add(library, {"{one}a", "{two}b"}, "1");
  EXPECT_THAT(reply, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(reply.status().message()), StartsWith("CROSSSLOT"));
  EXPECT_EQ(server_.Ask({"EXISTS", "{one}a"}), "0");
}

TEST_F(RedisFunctionsTest, AnErrorInsideAFunctionIsItsText) {
  FunctionLibrary library = Version("1");
  absl::StatusOr<Reply> reply = Add(library, {"{tag}a", "{tag}b"}, "many");
  EXPECT_THAT(reply, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("not an integer"));
}

TEST_F(RedisFunctionsTest, ALibraryThatDoesNotCompileSaysWhy) {
  FunctionLibrary broken = FunctionLibrary::FromSource("test_1", "this is no Lua");
  absl::StatusOr<Reply> reply = Add(broken, {"{tag}a", "{tag}b"}, "1");
  EXPECT_THAT(reply, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("compiling function"));
}

TEST_F(RedisFunctionsTest, AFunctionThatTheLibraryLacksIsNotFound) {
  FunctionLibrary library = Version("1");
  absl::StatusOr<Reply> reply = Wait(client_->Call(Lane::kFast, library, "subtract", {"a"}, {}));
  EXPECT_THAT(reply, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("Function not found"));
}

TEST_F(RedisFunctionsTest, TheLastingLaneLoadsForItself) {
  FunctionLibrary library = Version("1");
  ASSERT_THAT(Add(library, {"{tag}a", "{tag}b"}, "1"), IsOk());
  server_.Ask({"FUNCTION", "FLUSH"});
  EXPECT_THAT(Wait(client_->Call(Lane::kLasting, library, "add", {"{tag}a", "{tag}b"}, {"1"})), IsOk());
}

}  // namespace
}  // namespace prismatic::redis
