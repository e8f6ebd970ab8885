#include "services/common/redis/durability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/common/redis/client_fixture.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_sentinels.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::AwaitReplicas;
using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::RedisServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RedisDurabilityTest : public ::testing::Test {
 protected:
  // Warnings begin with W, errors with E.
  std::vector<std::string> Findings(const std::string& url) {
    Fixture f(Patient(url));
    EXPECT_THAT(f.AwaitConnected(), IsOk());
    absl::StatusOr<std::vector<DurabilityFinding>> findings = Wait(CheckDurability(*f.client));
    EXPECT_THAT(findings, IsOk());
    std::vector<std::string> texts;
    if (!findings.ok()) return texts;
    for (const DurabilityFinding& finding : *findings) {
      bool error = finding.severity == DurabilityFinding::Severity::kError;
      texts.push_back(absl::StrCat(error ? "E " : "W ", finding.text));
    }
    return texts;
  }
  void Set(const std::string& name, const std::string& value) {
    ASSERT_EQ(server_.Ask({"CONFIG", "SET", name, value}), "OK");
  }

  RedisServer server_{{.cluster = false, .append_only = true}};
};

TEST_F(RedisDurabilityTest, TheRecommendedSettingsAreFine) {
  EXPECT_THAT(Findings(server_.url()), IsEmpty());
}

TEST_F(RedisDurabilityTest, EachWeakSettingSaysWhatItCosts) {
  Set("appendfsync", "everysec");
  EXPECT_THAT(Findings(server_.url()), ElementsAre(StartsWith("W appendfsync is everysec: a host that")));
  Set("appendfsync", "no");
  EXPECT_THAT(Findings(server_.url()), ElementsAre(StartsWith("W appendfsync is no:")));
  Set("appendonly", "no");
  EXPECT_THAT(Findings(server_.url()), ElementsAre(StartsWith("W appendonly is no:")));
  Set("appendonly", "yes");
  Set("appendfsync", "always");
  Set("maxmemory-policy", "allkeys-lru");
  EXPECT_THAT(Findings(server_.url()), ElementsAre(StartsWith("E maxmemory-policy is allkeys-lru:")));
  Set("maxmemory-policy", "noeviction");
  Set("min-replicas-to-write", "1");
  EXPECT_THAT(Findings(server_.url()), ElementsAre(StartsWith("W min-replicas-to-write is 1:")));
}

TEST_F(RedisDurabilityTest, ReplicasAndWaitingForThemBelongTogether) {
  EXPECT_THAT(Findings(server_.url() + "?wait=1"), ElementsAre(HasSubstr("wait=1, but 0 replicas")));
  RedisServer replica({.cluster = false, .replica_of = server_.port()});
  ASSERT_TRUE(AwaitReplicas(server_, 1));
  EXPECT_THAT(Findings(server_.url()), ElementsAre(HasSubstr("add ?wait=1")));
  EXPECT_THAT(Findings(server_.url() + "?wait=1"), IsEmpty());
}

TEST_F(RedisDurabilityTest, WhoMayNotLookIsToldSo) {
  ASSERT_EQ(server_.Ask({"ACL", "SETUSER", "blind", "on", ">blind-password", "~*", "+@all", "-config"}),
            "OK");
  EXPECT_THAT(Findings(absl::StrCat("redis://blind:blind-password@127.0.0.1:", server_.port())),
              ElementsAre(HasSubstr("cannot be checked")));
}

TEST_F(RedisDurabilityTest, WithoutAConnectionItIsUnavailable) {
  Fixture f(Patient(server_.url()));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server_.Stop();
  ASSERT_TRUE(prismatic::testing::WaitUntil([&] { return !f.client->connected(); }));
  EXPECT_THAT(Wait(CheckDurability(*f.client)), HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace prismatic::redis
