#ifndef PRISMATIC_SERVICES_BILLING_LOSSY_CLIENT_H_
#define PRISMATIC_SERVICES_BILLING_LOSSY_CLIENT_H_

#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "services/common/redis/client.h"

namespace prismatic::billing {

// For tests: the real client, of which single calls are executed and their answers lost, and which notes the
// keys of every call. What it noted is looked at when no call is under way.
class LossyClient : public redis::Client {
 public:
  explicit LossyClient(redis::Client& real) : real_(real) {}

  // The next call of this function.
  void LoseAnswerOf(const std::string& function) {
    std::lock_guard<std::mutex> lock(mutex_);
    to_lose_ = function;
  }
  const std::vector<std::vector<std::string>>& keys_of_calls() const { return keys_of_calls_; }
  const std::set<std::string>& functions() const { return functions_; }

  Task<absl::StatusOr<redis::Reply>> Command(redis::Lane lane, std::vector<std::string> words) override {
    return real_.Command(lane, std::move(words));
  }
  Task<absl::StatusOr<std::vector<redis::Reply>>> Pipeline(
      redis::Lane lane, std::vector<std::vector<std::string>> commands) override {
    return real_.Pipeline(lane, std::move(commands));
  }
  Task<absl::StatusOr<redis::Reply>> Call(redis::Lane lane, const redis::FunctionLibrary& library,
                                          std::string function, std::vector<std::string> keys,
                                          std::vector<std::string> arguments) override {
    bool lose = Note(function, keys);
    auto call = real_.Call(lane, library, std::move(function), std::move(keys), std::move(arguments));
    absl::StatusOr<redis::Reply> reply = co_await call;
    if (lose) co_return absl::AbortedError("the answer was lost");
    co_return reply;
  }
  bool connected() const override { return real_.connected(); }
  redis::Replication replication() const override { return real_.replication(); }
  int wait_replicas() const override { return real_.wait_replicas(); }
  Task<absl::Status> WaitUntilConnected(absl::Duration timeout) override {
    return real_.WaitUntilConnected(timeout);
  }

 private:
  // Calls come from the tests and, when one follows another, from the loop.
  bool Note(const std::string& function, const std::vector<std::string>& keys) {
    std::lock_guard<std::mutex> lock(mutex_);
    functions_.insert(function);
    keys_of_calls_.push_back(keys);
    bool lose = function == to_lose_;
    if (lose) to_lose_.clear();
    return lose;
  }

  redis::Client& real_;
  std::mutex mutex_;
  std::string to_lose_;
  std::vector<std::vector<std::string>> keys_of_calls_;
  std::set<std::string> functions_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_LOSSY_CLIENT_H_
