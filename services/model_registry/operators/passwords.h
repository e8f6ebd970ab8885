#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_PASSWORDS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_PASSWORDS_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "services/common/task/task.h"
#include "services/common/task/workers.h"

namespace prismatic::model_registry {

// Makes and checks hashes of passwords: argon2id, 64 MiB and a good part of a tenth of a second each, one at
// a time on a thread of its own. Few may wait: a flood of logins takes one core and 64 MiB, and no more.
// Thread-safe. What was awaited resumes on that thread. The destructor waits for what has begun.
class Passwords {
 public:
  // Who waits. They are counted apart, so that strangers cannot keep an owner from resetting a password.
  enum class Caller { kStranger, kKnown };
  // Of each.
  static constexpr int kWaitingMax = 8;

  Passwords();

  // Fails with LOGIN_RATE_LIMITED (a stranger) or SERVER_IS_OVERLOADED when too many wait.
  Task<absl::StatusOr<std::string>> Hash(Caller caller, std::string password);
  // Whether the hash is this password's. False for an empty hash, after the same work. Fails as Hash does.
  Task<absl::StatusOr<bool>> Verify(Caller caller, std::string password, std::string hash);

  // 24 characters, 120 random bits, without those that are easily confused.
  static std::string Random();

 private:
  // One of those who wait or are worked for.
  class Place;

  std::atomic<int> strangers_ = 0;
  std::atomic<int> known_ = 0;
  Workers worker_{1};
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_PASSWORDS_H_
