#ifndef PRISMATIC_TESTS_SUPPORT_REDIS_SENTINELS_H_
#define PRISMATIC_TESTS_SUPPORT_REDIS_SENTINELS_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/support/redis_server.h"

namespace prismatic::testing {

// Real Redis as it stands in production: two servers, one the replica of the other, and three sentinels
// that agree by two. A master that is silent for half a second is replaced; that takes about two seconds.
class RedisSentinels {
 public:
  // Returns when all know one another. `server` applies to both servers but for replica_of.
  RedisSentinels() : RedisSentinels(RedisServer::Options{.cluster = false}) {}
  explicit RedisSentinels(RedisServer::Options server);
  RedisSentinels(const RedisSentinels&) = delete;

  // `options` without the `?`: "wait=1".
  std::string url(const std::string& options = "") const;
  // As they were at the start.
  RedisServer& first_master() { return *servers_[0]; }
  RedisServer& first_replica() { return *servers_[1]; }
  RedisServer& sentinel(size_t index) { return *sentinels_[index]; }

  // The port of the master on which the sentinels that live agree; 0 when they do not.
  int MasterPort() const;

 private:
  void AwaitAgreement() const;

  std::vector<std::unique_ptr<RedisServer>> servers_;
  std::vector<std::unique_ptr<RedisServer>> sentinels_;
};

// Waits until `master` has `count` replicas that have all its data.
bool AwaitReplicas(const RedisServer& master, int count);

}  // namespace prismatic::testing

#endif  // PRISMATIC_TESTS_SUPPORT_REDIS_SENTINELS_H_
