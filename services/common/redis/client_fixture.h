#ifndef PRISMATIC_SERVICES_COMMON_REDIS_CLIENT_FIXTURE_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_CLIENT_FIXTURE_H_

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/common/redis/client.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait.h"

// For the tests of the Redis client.

namespace prismatic::redis {

// Deadlines that no busy machine misses, for tests about other things.
inline Options Patient(const std::string& url) {
  using ::prismatic::testing::kPatience;
  return {.url = url, .fast_deadline = kPatience, .lasting_deadline = kPatience, .stall_max = 2 * kPatience};
}

// A loop and a client on it, which ends first.
class Fixture {
 public:
  explicit Fixture(Options options) {
    absl::StatusOr<std::unique_ptr<Client>> created = Client::Create(loop, metrics, std::move(options));
    if (!created.ok()) abort();
    client = *std::move(created);
  }

  absl::Status AwaitConnected() { return Wait(client->WaitUntilConnected(prismatic::testing::kPatience)); }
  absl::StatusOr<Reply> Fast(std::vector<std::string> words) {
    return Wait(client->Command(Lane::kFast, std::move(words)));
  }
  absl::StatusOr<Reply> Lasting(std::vector<std::string> words) {
    return Wait(client->Command(Lane::kLasting, std::move(words)));
  }
  absl::StatusOr<Reply> Call(const FunctionLibrary& library, std::string function,
                             std::vector<std::string> keys, std::vector<std::string> arguments) {
    return Wait(
        client->Call(Lane::kFast, library, std::move(function), std::move(keys), std::move(arguments)));
  }
  double Errors(const std::string& lane, const std::string& kind) {
    return metrics.GetCounter("prismatic_redis_errors_total", "", {{"lane", lane}, {"kind", kind}}).value();
  }
  double Pending(const std::string& lane) {
    return metrics.GetGauge("prismatic_redis_pending", "", {{"lane", lane}}).value();
  }

  metrics::Registry metrics;
  loop::Loop loop{"redis-test"};
  std::unique_ptr<Client> client;
};

// A server that the test may stop, pause or kill; without cluster mode it starts at once.
inline prismatic::testing::RedisServer::Options Standalone() { return {.cluster = false}; }

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_CLIENT_FIXTURE_H_
