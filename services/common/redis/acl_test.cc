#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/redis/client_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_sentinels.h"

// The rights that docs/how-to/redis.md gives, applied as they stand there.

namespace prismatic::redis {
namespace {

using ::prismatic::testing::AwaitReplicas;
using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::RedisServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::filesystem::path Tree() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
}

std::string Content(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) ADD_FAILURE() << "cannot read " << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

using Words = std::vector<std::string>;

// The page's `ACL SETUSER` commands by user.
std::map<std::string, Words> DocumentedUsers() {
  std::map<std::string, Words> users;
  for (absl::string_view line : absl::StrSplit(Content(Tree() / "docs/how-to/redis.md"), '\n')) {
    if (!absl::StartsWith(line, "ACL SETUSER ")) continue;
    Words words = absl::StrSplit(line, ' ');
    users[words[2]] = words;
  }
  return users;
}

std::string PasswordOf(const Words& user) {
  for (const std::string& word : user) {
    if (word[0] == '>') return word.substr(1);
  }
  return "";
}

std::string UrlAs(const RedisServer& server, const Words& user) {
  return absl::StrCat("redis://", user[2], ":", PasswordOf(user), "@127.0.0.1:", server.port());
}

// What a service's functions call, in lower case.
std::set<std::string> CommandsOfFunctions(const std::string& service) {
  std::set<std::string> commands;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Tree() / "services" / service)) {
    if (entry.path().extension() != ".lua") continue;
    std::vector<std::string> calls = absl::StrSplit(Content(entry.path()), "call(");
    for (size_t i = 1; i < calls.size(); ++i) {
      if (calls[i][0] != '\'' && calls[i][0] != '"')
        continue;  // a function of Lua's, or a name in a variable
      std::string command = calls[i].substr(1, calls[i].find(calls[i][0], 1) - 1);
      commands.insert(absl::AsciiStrToLower(command));
    }
  }
  return commands;
}

class RedisAclTest : public ::testing::Test {
 protected:
  RedisAclTest() : users_(DocumentedUsers()) {
    for (const auto& [name, words] : users_) {
      if (name == "prismatic-asker") continue;  // of the sentinels
      EXPECT_EQ(server_.Ask(words), "OK") << name;
    }
  }

  // Everything that the user may call.
  std::set<std::string> Granted(Fixture& admin, const Words& user) {
    std::set<std::string> granted;
    for (absl::string_view word : user) {
      if (absl::ConsumePrefix(&word, "+@")) {
        absl::StatusOr<Reply> list = admin.Fast({"COMMAND", "LIST", "FILTERBY", "ACLCAT", std::string(word)});
        EXPECT_THAT(list, IsOk());
        for (const Reply& command : list->elements) granted.insert(command.text);
      } else if (absl::ConsumePrefix(&word, "+")) {
        granted.insert(std::string(word));
      }
    }
    return granted;
  }

  RedisServer server_{Standalone()};
  const std::map<std::string, Words> users_;
};

TEST_F(RedisAclTest, EachServiceMayCallWhatItsFunctionsCall) {
  Fixture admin(Patient(server_.url()));
  ASSERT_THAT(admin.AwaitConnected(), IsOk());
  for (const auto& [service, user] : std::map<std::string, std::string>{
           {"billing", "prismatic-billing"}, {"model_registry", "prismatic-registry"}}) {
    std::set<std::string> needed = CommandsOfFunctions(service);
    EXPECT_GE(needed.size(), 5u) << service;
    std::set<std::string> granted = Granted(admin, users_.at(user));
    std::set<std::string> missing;
    for (const std::string& command : needed) {
      if (granted.count(command) == 0) missing.insert(command);
    }
    EXPECT_THAT(missing, IsEmpty()) << "docs/how-to/redis.md does not grant them to " << user;
  }
}

TEST_F(RedisAclTest, TheClientDoesItsWorkWithThoseRightsOnItsOwnKeys) {
  const std::pair<const char*, const char*> cases[] = {{"prismatic-billing", "{b007}:acct:a"},
                                                       {"prismatic-registry", "{catalog}:version"}};
  RedisServer replica({.cluster = false, .replica_of = server_.port()});
  ASSERT_TRUE(AwaitReplicas(server_, 1));
  FunctionLibrary library = FunctionLibrary::FromSource("test_1", R"lua(
redis.register_function('@LIBRARY@_put', function(keys, args)
  redis.call('HSET', keys[1], 'at', redis.call('TIME')[1], 'value', args[1])
  return redis.call('HGET', keys[1], 'value')
end)
)lua");
  for (const auto& [user, key] : cases) {
    server_.Flush();
    Fixture f(Patient(absl::StrCat(UrlAs(server_, users_.at(user)), "?wait=1")));
    ASSERT_THAT(f.AwaitConnected(), IsOk()) << user;
    EXPECT_EQ(f.client->replication().id.size(), 40u) << user;
    absl::StatusOr<Reply> put = Wait(f.client->Call(Lane::kLasting, library, "put", {key}, {"v"}));
    ASSERT_THAT(put, IsOk()) << user;
    EXPECT_EQ(put->text, "v");
    EXPECT_FALSE(put->unconfirmed);
  }
}

TEST_F(RedisAclTest, NobodyElsesKeysAndNothingDangerous) {
  for (const char* user : {"prismatic-billing", "prismatic-registry"}) {
    Fixture f(Patient(UrlAs(server_, users_.at(user))));
    ASSERT_THAT(f.AwaitConnected(), IsOk());
    std::string others = absl::StartsWith(user, "prismatic-b") ? "{catalog}:version" : "{b007}:acct:a";
    for (const Words& words : std::vector<Words>{{"GET", others},
                                                 {"SET", "anything", "1"},
                                                 {"FLUSHALL"},
                                                 {"KEYS", "*"},
                                                 {"CONFIG", "GET", "*"},
                                                 {"EVAL", "return 1", "0"},
                                                 {"FUNCTION", "FLUSH"},
                                                 {"FUNCTION", "DELETE", "billing"},
                                                 {"ACL", "LIST"},
                                                 {"REPLICAOF", "NO", "ONE"},
                                                 {"SHUTDOWN"},
                                                 {"MONITOR"}}) {
      absl::StatusOr<Reply> reply = f.Fast(words);
      EXPECT_THAT(reply, HasCode(absl::StatusCode::kFailedPrecondition)) << user << " " << words[0];
      EXPECT_THAT(std::string(reply.status().message()), HasSubstr("NOPERM")) << user << " " << words[0];
    }
  }
}

TEST(RedisSentinelAclTest, TheAskersRightsAreEnough) {
  Words asker = DocumentedUsers().at("prismatic-asker");
  RedisServer server({.cluster = false, .password = "servers-own-password"});
  RedisServer sentinel({.cluster = false,
                        .sentinel = absl::StrCat("sentinel monitor main 127.0.0.1 ", server.port(),
                                                 " 1\nsentinel auth-pass main servers-own-password\n")});
  ASSERT_EQ(sentinel.Ask(asker), "OK");
  ASSERT_EQ(sentinel.Ask({"ACL", "SETUSER", "default", "resetpass", ">sentinels-own-password"}), "OK");
  std::string url =
      absl::StrCat("redis+sentinel://:servers-own-password@127.0.0.1:", sentinel.port(), "/main");
  Fixture without(Patient(url));
  EXPECT_TRUE(prismatic::testing::WaitUntil(
      [&] { return absl::StrContains(without.Fast({"PING"}).status().message(), "NOAUTH"); }));
  Fixture with(
      Patient(absl::StrCat(url, "?sentinel_user=", asker[2], "&sentinel_password=", PasswordOf(asker))));
  ASSERT_THAT(with.AwaitConnected(), IsOk());
  EXPECT_THAT(with.Lasting({"SET", "a", "1"}), IsOk());
}

TEST(RedisPasswordFileTest, AChangedPasswordIsUsedFromTheNextConnectionOn) {
  RedisServer server(Standalone());
  std::string path = ::testing::TempDir() + "/redis-rotated-password";
  std::ofstream(path) << "the-first-password\n";
  auto set = [&](const std::string& password) {
    return server.Ask({"ACL", "SETUSER", "rotated", "reset", "on", ">" + password, "~*", "+@all"});
  };
  ASSERT_EQ(set("the-first-password"), "OK");
  Fixture f(Patient(absl::StrCat("redis://rotated@127.0.0.1:", server.port(), "?password_file=", path)));
  ASSERT_THAT(f.AwaitConnected(), IsOk());

  std::ofstream(path) << "the-second-password\n";
  ASSERT_EQ(server.Ask({"ACL", "DELUSER", "rotated"}), "1");  // ends the connections, too
  ASSERT_TRUE(prismatic::testing::WaitUntil(
      [&] { return absl::StrContains(f.Fast({"PING"}).status().message(), "WRONGPASS"); }));
  ASSERT_EQ(set("the-second-password"), "OK");
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(f.Fast({"PING"}), IsOk());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace prismatic::redis
