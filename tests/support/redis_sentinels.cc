#include "tests/support/redis_sentinels.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/wait.h"

namespace prismatic::testing {
namespace {

constexpr size_t kSentinels = 3;
constexpr absl::string_view kAddress = "address=127.0.0.1:";

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "RedisSentinels: %s\n", what);
  std::abort();
}

}  // namespace

bool AwaitReplicas(const RedisServer& master, int count) {
  return WaitUntil([&] {
    // Something to acknowledge that changes no data.
    master.Ask({"PUBLISH", "replicas", "awaited"});
    std::string info = master.Ask({"INFO", "replication"});
    // Before its first acknowledgement a replica is "online" at offset 0, and has nothing yet.
    int online = 0;
    for (absl::string_view line : absl::StrSplit(info, '\n')) {
      online += absl::StrContains(line, "state=online") && !absl::StrContains(line, "offset=0,");
    }
    return online >= count;
  });
}

RedisSentinels::RedisSentinels(RedisServer::Options server) {
  servers_.push_back(std::make_unique<RedisServer>(server));
  server.replica_of = servers_[0]->port();
  servers_.push_back(std::make_unique<RedisServer>(server));
  if (!AwaitReplicas(*servers_[0], 1)) Die("the replica does not come");
  std::string config =
      absl::StrCat("sentinel monitor main 127.0.0.1 ", servers_[0]->port(), " 2\n",
                   "sentinel down-after-milliseconds main 500\n", "sentinel failover-timeout main 2000\n");
  if (!server.password.empty()) absl::StrAppend(&config, "sentinel auth-pass main ", server.password, "\n");
  for (size_t i = 0; i < kSentinels; ++i) {
    sentinels_.push_back(
        std::make_unique<RedisServer>(RedisServer::Options{.cluster = false, .sentinel = config}));
  }
  AwaitAgreement();
}

void RedisSentinels::AwaitAgreement() const {
  bool agreed = WaitUntil([this] {
    for (const auto& sentinel : sentinels_) {
      std::string info = sentinel->Ask({"INFO", "sentinel"});
      if (!absl::StrContains(info, absl::StrCat("status=ok,", kAddress)) ||
          !absl::StrContains(info, absl::StrCat("slaves=1,sentinels=", kSentinels))) {
        return false;
      }
    }
    return true;
  });
  if (!agreed) Die("the sentinels do not find one another");
}

std::string RedisSentinels::url(const std::string& options) const {
  std::string nodes;
  for (const auto& sentinel : sentinels_) {
    absl::StrAppend(&nodes, nodes.empty() ? "" : ",", "127.0.0.1:", sentinel->port());
  }
  return absl::StrCat("redis+sentinel://", nodes, "/main", options.empty() ? "" : "?", options);
}

int RedisSentinels::MasterPort() const {
  int agreed = 0;
  for (const auto& sentinel : sentinels_) {
    std::string info = sentinel->Ask({"INFO", "sentinel"});
    size_t at = info.find(std::string(kAddress));
    if (at == std::string::npos) continue;  // it does not live
    at += kAddress.size();
    int port = 0;
    if (!absl::SimpleAtoi(info.substr(at, info.find(',', at) - at), &port)) return 0;
    if (agreed != 0 && port != agreed) return 0;
    agreed = port;
  }
  return agreed;
}

}  // namespace prismatic::testing
