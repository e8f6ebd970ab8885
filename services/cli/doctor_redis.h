#ifndef PRISMATIC_SERVICES_CLI_DOCTOR_REDIS_H_
#define PRISMATIC_SERVICES_CLI_DOCTOR_REDIS_H_

#include <map>
#include <string>
#include <vector>

#include "services/cli/doctor_checks.h"

namespace prismatic::cli {

// What a service told of its Redis.
struct RedisFacts {
  std::map<std::string, std::string> settings;
  // Why it cannot be used. Empty: it can.
  std::string error;
};

template <typename StatusResponse>
RedisFacts RedisFactsOf(const StatusResponse& response) {
  return {{response.redis_settings().begin(), response.redis_settings().end()}, response.redis_error()};
}

// Whether it can be used, is new enough, and loses nothing: neither in a crash nor for want of memory. Where
// money is kept every write must be on disk before it is answered.
void CheckRedis(const std::string& name, bool keeps_money, const RedisFacts& facts,
                std::vector<Finding>& findings);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_DOCTOR_REDIS_H_
