#ifndef PRISMATIC_TESTS_MODEL_SUBJECT_H_
#define PRISMATIC_TESTS_MODEL_SUBJECT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "services/billing/redis_ledger.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/client.h"
#include "tests/model/mirror.h"
#include "tests/model/operation.h"
#include "tests/support/redis_server.h"

namespace prismatic::billing::model {

// What is compared with the model: RedisLedger with the functions of `library` on a real Redis in cluster
// mode, with a clock that stands until a script moves it.
class Subject {
 public:
  explicit Subject(redis::FunctionLibrary library);

  // An empty Redis, which a billing that was just started uses; the functions stay.
  void Reset();
  // Does it and tells the answer in the model's words.
  Task<std::string> Apply(Operation operation);

  // All that Redis holds.
  Mirror& mirror() { return *mirror_; }

  redis::Client& client() { return *client_; }
  RedisLedger& ledger() { return *ledger_; }
  int64_t now_us() const { return now_us_; }

 private:
  Task<std::string> Admit(Operation operation, bool only_look);
  Task<std::string> Settle(Operation operation);
  Task<std::string> Release(Operation operation);
  Task<std::string> Expire(Operation operation);
  Task<std::string> Sweep();
  Task<std::string> Step(Operation operation);
  Task<std::string> Look(Operation operation);
  Task<std::string> ChangeMoney(Operation operation);
  Task<std::string> Administer(Operation operation);
  Task<std::string> KeepKeys(Operation operation);
  Task<std::string> Spoil(std::string account);
  Task<std::string> KeepBooks(Operation operation);
  // Who asks, where a key or an account can be named.
  Task<absl::StatusOr<Payer>> PayerOf(Operation operation);
  // What no call of billing does: Redis' forgetting.
  Task<std::string> Touch(Operation operation);
  Task<redis::Reply> Ask(std::vector<std::string> words);

  testing::RedisServer& redis_ = testing::RedisServer::Shared();
  const redis::FunctionLibrary library_;
  metrics::Registry metrics_;
  loop::Loop loop_;
  std::unique_ptr<redis::Client> client_;
  int64_t now_us_ = 0;  // only on the thread that applies
  std::optional<RedisLedger> ledger_;
  std::optional<Mirror> mirror_;
};

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_SUBJECT_H_
