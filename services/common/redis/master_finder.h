#ifndef PRISMATIC_SERVICES_COMMON_REDIS_MASTER_FINDER_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_MASTER_FINDER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/question.h"
#include "services/common/redis/url.h"

namespace prismatic::redis {

// Where the master is: the one server of the URL, or what the sentinels say. They are asked in turn; the
// one that answered is asked first the next time. What a sentinel says may be old, so whoever connects
// asks the server for its ROLE. Belongs to the loop's thread; a shared_ptr holds it.
//
// Nothing subscribes to +switch-master: a lost connection and a READONLY answer tell of nearly every
// failover at once, and Core asks again each second for the rest (a master that was cut off from its
// sentinels but not from us). A subscription would be one more connection per sentinel to keep alive, and
// would still need the asking for when its message is missed.
//
// Metric: prismatic_redis_sentinel_errors_total: questions that a sentinel did not answer.
class MasterFinder : public std::enable_shared_from_this<MasterFinder> {
 public:
  using Found = std::function<void(absl::StatusOr<NodeAddress>)>;

  MasterFinder(loop::Loop& loop, metrics::Registry& registry, const Endpoint& endpoint);

  // Questions at the same time are one. UNAVAILABLE says what the last sentinel asked answered. `found` is
  // called once, never from inside Find, unless Close comes before.
  void Find(Found found);
  // The sentinel asked first said something that proved wrong: it is asked last from now on.
  void Doubt();
  void Close();

 private:
  void AskNext();
  void OnAnswer(absl::StatusOr<Reply> answer);
  void End(absl::StatusOr<NodeAddress> node);

  loop::Loop& loop_;
  const Endpoint endpoint_;
  const metrics::Counter errors_;
  std::vector<NodeAddress> sentinels_;  // in the order of asking
  std::vector<Found> waiting_;
  std::unique_ptr<Question> question_;
  size_t asked_ = 0;  // the place of the sentinel that is being asked
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_MASTER_FINDER_H_
