#ifndef PRISMATIC_SERVICES_COMMON_REDIS_CORE_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_CORE_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/client.h"
#include "services/common/redis/connection.h"
#include "services/common/redis/master_finder.h"
#include "services/common/redis/url.h"

namespace prismatic::redis {

using PipelineDone = std::function<void(absl::StatusOr<std::vector<Reply>>)>;

// A client's connections and what they share; it lives on the loop. Posted work holds it too, so that it
// may outlive the client. Its methods may be called from any thread.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(loop::Loop& loop, metrics::Registry& registry, const Options& options, const Endpoint& endpoint);

  void Open();
  // Returns when the connections are closed.
  void Close();

  void Send(Lane lane, std::string bytes, ReplyDone done);
  void SendAll(Lane lane, std::vector<std::string> commands, PipelineDone done);
  void Call(Lane lane, const FunctionLibrary* library, std::string bytes, ReplyDone done);
  void WaitUntilConnected(absl::Duration timeout, std::function<void(absl::Status)> done);

  bool connected() const { return fast_.connection->connected() && lasting_.connection->connected(); }
  Replication replication() const;
  int wait_replicas() const { return endpoint_.wait_replicas; }

 private:
  struct LaneState {
    std::shared_ptr<Connection> connection;
    // By library: the number of the newest command that loads it.
    std::map<std::string, uint64_t> loads;
  };
  struct Waiter {
    std::unique_ptr<loop::Loop::Timer> timer;
    std::function<void(absl::Status)> done;
  };

  std::shared_ptr<Connection> MakeConnection(metrics::Registry& registry, const Options& options, Lane lane);
  void OnLoop(std::function<void()> work);
  LaneState& Of(Lane lane) { return lane == Lane::kFast ? fast_ : lasting_; }
  void LoadAndRepeat(Lane lane, const FunctionLibrary* library, uint64_t number, const std::string& bytes,
                     ReplyDone done);
  void OnConnected(Lane lane, const std::string& replication_info);
  void OnDemoted();
  void NoteReplication(const std::string& info);
  void AskAgainLater();
  void OnMasterNamed(const absl::StatusOr<NodeAddress>& node);
  void GiveUpWaiting(int id);
  void CloseOnLoop();

  loop::Loop& loop_;
  const Endpoint endpoint_;
  const metrics::Counter replication_changes_;
  std::shared_ptr<MasterFinder> finder_;
  LaneState fast_;
  LaneState lasting_;
  std::map<int, Waiter> waiters_;
  int next_waiter_ = 0;
  std::unique_ptr<loop::Loop::Timer> ask_again_;
  int named_another_ = 0;  // times in a row that the sentinels named another master than ours
  bool closed_ = false;

  mutable std::mutex mutex_;
  Replication replication_;  // guarded by mutex_
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_CORE_H_
