#include "services/common/redis/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RedisUrlTest, HostAndPort) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://redis.example:7000");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->host, "redis.example");
  EXPECT_EQ(endpoint->port, 7000);
  EXPECT_EQ(endpoint->password, "");
  EXPECT_EQ(endpoint->Name(), "redis.example:7000");
}

TEST(RedisUrlTest, ThePortIs6379WhenAbsent) {
  for (const char* url : {"redis://localhost", "redis://localhost/", "redis://localhost/0"}) {
    absl::StatusOr<Endpoint> endpoint = ParseUrl(url);
    ASSERT_THAT(endpoint, IsOk()) << url;
    EXPECT_EQ(endpoint->host, "localhost");
    EXPECT_EQ(endpoint->port, 6379);
  }
}

TEST(RedisUrlTest, Ipv6InBrackets) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://[::1]:7000");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->host, "::1");
  EXPECT_EQ(endpoint->port, 7000);
  EXPECT_EQ(endpoint->Name(), "[::1]:7000");
}

TEST(RedisUrlTest, CredentialsAreDecodedAndNeverNamed) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://bil%6Cing:p%40ss:w/o%2frd@host");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->user, "billing");
  EXPECT_EQ(endpoint->password, "p@ss:w/o/rd");
  EXPECT_EQ(endpoint->Name(), "host:6379");
}

TEST(RedisUrlTest, APasswordWithoutAUserIsTheDefaultUsers) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("redis://:secret@host");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->user, "");
  EXPECT_EQ(endpoint->password, "secret");
}

TEST(RedisUrlTest, AUnixSocket) {
  absl::StatusOr<Endpoint> endpoint = ParseUrl("unix:///run/redis.sock");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->unix_path, "/run/redis.sock");
  EXPECT_EQ(endpoint->Name(), "unix:///run/redis.sock");
}

TEST(RedisUrlTest, WhatDoesNotExistYetSaysSo) {
  EXPECT_THAT(ParseUrl("rediss://host").status().message(), HasSubstr("TLS is not supported yet"));
  EXPECT_THAT(ParseUrl("redis+sentinel://a,b/x").status().message(),
              HasSubstr("Sentinel is not supported yet"));
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
