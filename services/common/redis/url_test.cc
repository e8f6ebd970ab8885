#include "services/common/redis/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <utility>

#include "tests/support/matchers.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::IsOkAnd;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RedisUrlTest, HostAndPort) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://redis.example:7000");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->nodes[0].host, "redis.example");
  EXPECT_EQ(endpoint->nodes[0].port, 7000);
  EXPECT_EQ(endpoint->credentials.password, "");
  EXPECT_EQ(endpoint->Name(), "redis.example:7000");
}

TEST(RedisUrlTest, ThePortIs6379WhenAbsent) {
  for (const char* url : {"redis://localhost", "redis://localhost/", "redis://localhost/0"}) {
    absl::StatusOr<Endpoint> endpoint = ParseUrl(url);
    ASSERT_THAT(endpoint, IsOk()) << url;
    EXPECT_EQ(endpoint->nodes[0].host, "localhost");
    EXPECT_EQ(endpoint->nodes[0].port, 6379);
  }
}

TEST(RedisUrlTest, Ipv6InBrackets) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://[::1]:7000");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->nodes[0].host, "::1");
  EXPECT_EQ(endpoint->nodes[0].port, 7000);
  EXPECT_EQ(endpoint->Name(), "[::1]:7000");
}

TEST(RedisUrlTest, CredentialsAreDecodedAndNeverNamed) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://bil%6Cing:p%40ss:w/o%2frd@host");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->credentials.user, "billing");
  EXPECT_EQ(endpoint->credentials.password, "p@ss:w/o/rd");
  EXPECT_EQ(endpoint->Name(), "host:6379");
}

TEST(RedisUrlTest, APasswordWithoutAUserIsTheDefaultUsers) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://:secret@host");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->credentials.user, "");
  EXPECT_EQ(endpoint->credentials.password, "secret");
}

TEST(RedisUrlTest, AUnixSocket) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("unix:///run/redis.sock");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->nodes[0].unix_path, "/run/redis.sock");
  EXPECT_EQ(endpoint->Name(), "unix:///run/redis.sock");
}

TEST(RedisUrlTest, TheUnixSocketHasCredentialsAndOptionsToo) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("unix://billing:secret@/run/a%3Fb.sock?wait=2");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->nodes[0].unix_path, "/run/a?b.sock");
  EXPECT_EQ(endpoint->credentials.user, "billing");
  EXPECT_EQ(endpoint->credentials.password, "secret");
  EXPECT_EQ(endpoint->wait_replicas, 2);
}

TEST(RedisUrlTest, TlsWithTheSystemsAuthoritiesOrAFile) {
  absl::StatusOr<Endpoint> system = ParseUrl("rediss://redis.example");
  ASSERT_THAT(system, IsOk());
  ASSERT_TRUE(system->tls.has_value());
  EXPECT_EQ(system->tls->ca_file, "");
  absl::StatusOr<Endpoint> own =
      ParseUrl("rediss://redis.example:7000/0?ca_file=/etc/ca%20one.pem&cert_file=/c.pem&key_file=/k.pem");
  ASSERT_THAT(own, IsOk());
  EXPECT_EQ(own->tls->ca_file, "/etc/ca one.pem");
  EXPECT_EQ(own->tls->cert_file, "/c.pem");
  EXPECT_EQ(own->tls->key_file, "/k.pem");
  EXPECT_EQ(own->nodes[0].port, 7000);
  EXPECT_FALSE(ParseUrl("redis://redis.example")->tls.has_value());
}

TEST(RedisUrlTest, SentinelsAndTheMastersName) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl(
      "redis+sentinel://billing:s%40cret@one.example,two.example:7001,[::1]:7002/the-master?wait=1"
      "&sentinel_user=asker&sentinel_password=also%20secret");
  ASSERT_THAT(endpoint, IsOk());
  ASSERT_EQ(endpoint->nodes.size(), 3u);
  EXPECT_EQ(endpoint->nodes[0].Name(), "one.example:26379");
  EXPECT_EQ(endpoint->nodes[2].Name(), "[::1]:7002");
  EXPECT_TRUE(endpoint->sentinel());
  EXPECT_EQ(endpoint->master_name, "the-master");
  EXPECT_EQ(endpoint->credentials.password, "s@cret");
  EXPECT_EQ(endpoint->sentinel_credentials.user, "asker");
  EXPECT_EQ(endpoint->sentinel_credentials.password, "also secret");
  EXPECT_EQ(endpoint->wait_replicas, 1);
  EXPECT_FALSE(endpoint->tls.has_value());
  EXPECT_EQ(endpoint->Name(), "one.example:26379,two.example:7001,[::1]:7002/the-master");
  EXPECT_TRUE(ParseUrl("rediss+sentinel://one/m/0?ca_file=/ca.pem")->tls.has_value());
}

TEST(RedisUrlTest, APasswordFileIsReadEachTimeAndItsLastNewlineDoesNotCount) {
  std::string path = ::testing::TempDir() + "/redis-password";
  std::ofstream(path) << "first-password\n";
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://billing@host?password_file=" + path);
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->credentials.user, "billing");
  EXPECT_THAT(endpoint->credentials.Password(), IsOkAnd(Eq("first-password")));
  std::ofstream(path) << "second-password";
  EXPECT_THAT(endpoint->credentials.Password(), IsOkAnd(Eq("second-password")));
  std::ofstream(path).flush();
  EXPECT_THAT(endpoint->credentials.Password(), HasCode(absl::StatusCode::kUnavailable));
  std::remove(path.c_str());
  EXPECT_THAT(endpoint->credentials.Password(), HasCode(absl::StatusCode::kUnavailable));
}

TEST(RedisUrlTest, WhatIsWrongWithAnOptionIsSaid) {
  const std::pair<const char*, const char*> cases[] = {
      {"redis://host?wait=many", "option wait that is no number"},
      {"redis://host?wait=-1", "option wait that is no number"},
      {"redis://host?wait=17", "option wait that is no number"},
      {"redis://host?wait=", "empty option wait"},
      {"redis://host?wait=1&wait=1", "two options wait"},
      {"redis://host?ca_file=/ca.pem", "none of those of its scheme"},
      {"redis://host?sentinel_user=a", "none of those of its scheme"},
      {"redis://:hunter2@host?password_file=/p", "both a password and a password file"},
      {"redis://billing@host", "user without a password"},
      {"rediss://host?cert_file=/c.pem", "one of cert_file and key_file"},
      {"rediss://host?ca_file=%zz", "malformed %-escape in its option ca_file"},
      {"redis+sentinel://host", "names no master"},
      {"redis+sentinel://host/", "names no master"},
      {"redis+sentinel:///m", "names no host"},
      {"redis+sentinel://a,,b/m", "names no host"},
      {"redis+sentinel://a/m/1", "or a database"},
      {"redis+sentinel://a/m?sentinel_user=u", "user without a password for its sentinels"},
      {"redis://host/1", "only database 0"},
      {"redis://host#x", "has a `#`"},
  };
  for (const auto& [url, what] : cases) {
    absl::Status status = ParseUrl(url).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(what)) << url;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2"))) << url;
  }
}

TEST(RedisUrlTest, MalformedUrlsAreRefusedWithoutRepeatingThem) {
  std::string long_path(200, 'p');
  for (const std::string& url : {std::string(""),
                                 std::string("host:6379"),
                                 std::string("http://hunter2"),
                                 std::string("redis://"),
                                 std::string("redis://:6379"),
                                 std::string("redis://host:"),
                                 std::string("redis://host:0"),
                                 std::string("redis://host:65536"),
                                 std::string("redis://host:6x"),
                                 std::string("redis://host:99999999999"),
                                 std::string("redis://::1"),
                                 std::string("redis://[::1"),
                                 std::string("redis://[::1]7"),
                                 std::string("redis://host/3"),
                                 std::string("redis://host?x=1"),
                                 std::string("redis://us?hunter2"),
                                 std::string("redis+sentinel://user:hunter2@"),
                                 std::string("rediss://user:hunter2@host/2"),
                                 std::string("redis://hunter2@host"),
                                 std::string("redis://user:@host"),
                                 std::string("redis://user:hunter2%4@host"),
                                 std::string("redis://user:hunter2%zz@host"),
                                 std::string("redis://user:hunter2@"),
                                 std::string("redis://a b"),
                                 std::string("unix://relative"),
                                 std::string("unix://"),
                                 "unix:///" + long_path}) {
    absl::Status status = ParseUrl(url).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2"))) << url;
    EXPECT_THAT(std::string(status.message()), HasSubstr("expected redis://")) << url;
  }
}

}  // namespace
}  // namespace prismatic::redis
