#ifndef PRISMATIC_SERVICES_BILLING_LOSSY_CLIENT_H_
#define PRISMATIC_SERVICES_BILLING_LOSSY_CLIENT_H_

#include <functional>
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

  // The next calls of this function, or "pipeline", but for the first `skipped`.
  void LoseAnswerOf(const std::string& function, int times = 1, int skipped = 0) {
    std::lock_guard<std::mutex> lock(mutex_);
    to_lose_ = function;
    times_ = times;
    skipped_ = skipped;
  }
  // How many of these have not been made yet.
  int left_to_lose() {
    std::lock_guard<std::mutex> lock(mutex_);
    return times_;
  }
  // What is done before each call of a function, of which it is told the name.
  void DoBeforeCalls(std::function<void(const std::string&)> what) { before_ = std::move(what); }
  const std::vector<std::vector<std::string>>& keys_of_calls() const { return keys_of_calls_; }
  const std::set<std::string>& functions() const { return functions_; }

  Task<absl::StatusOr<redis::Reply>> Command(redis::Lane lane, std::vector<std::string> words) override {
    return real_.Command(lane, std::move(words));
  }
  Task<absl::StatusOr<std::vector<redis::Reply>>> Pipeline(
      redis::Lane lane, std::vector<std::vector<std::string>> commands) override {
    bool lose = Lose("pipeline");
    auto pipeline = real_.Pipeline(lane, std::move(commands));
    absl::StatusOr<std::vector<redis::Reply>> replies = co_await pipeline;
    if (lose) co_return absl::AbortedError("the answers were lost");
    co_return replies;
  }
  Task<absl::StatusOr<redis::Reply>> Call(redis::Lane lane, const redis::FunctionLibrary& library,
                                          std::string function, std::vector<std::string> keys,
                                          std::vector<std::string> arguments) override {
    Note(function, keys);
    if (before_) before_(function);
    bool lose = Lose(function);
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
  void Note(const std::string& function, const std::vector<std::string>& keys) {
    std::lock_guard<std::mutex> lock(mutex_);
    functions_.insert(function);
    keys_of_calls_.push_back(keys);
  }
  bool Lose(const std::string& name) {
    std::lock_guard<std::mutex> lock(mutex_);
    bool lose = name == to_lose_ && times_ > 0 && skipped_-- <= 0;
    if (lose) --times_;
    return lose;
  }

  redis::Client& real_;
  std::mutex mutex_;
  std::string to_lose_;
  int times_ = 0;
  int skipped_ = 0;
  std::function<void(const std::string&)> before_;
  std::vector<std::vector<std::string>> keys_of_calls_;
  std::set<std::string> functions_;
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_LOSSY_CLIENT_H_
