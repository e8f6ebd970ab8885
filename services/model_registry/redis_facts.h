#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_REDIS_FACTS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_REDIS_FACTS_H_

#include <cstdint>
#include <map>
#include <string>

#include "services/common/redis/client.h"
#include "services/common/task/task.h"

namespace prismatic::model_registry {

// How Redis stands, for diagnosis.
struct RedisFacts {
  // Unix microseconds of this process and of Redis, of the same instant but for half a round trip; Redis' 0:
  // it did not answer.
  int64_t process_time_us = 0;
  int64_t redis_time_us = 0;
  // `appendfsync`, `maxmemory-policy`, `appendonly`, `redis_version`; what the user of the connection may not
  // ask is missing.
  std::map<std::string, std::string> settings;
  // Why it did not answer. Empty: it did.
  std::string error;
};

// Takes at most twice the fast lane's deadline.
Task<RedisFacts> AskRedis(redis::Client& redis);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_REDIS_FACTS_H_
