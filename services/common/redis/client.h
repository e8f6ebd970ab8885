#ifndef PRISMATIC_SERVICES_COMMON_REDIS_CLIENT_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/reply.h"
#include "services/common/task/task.h"

namespace prismatic::redis {

// The two connections of a client. What is slow on one does not delay the other.
enum class Lane {
  // Reservations, and what callers that serve somebody ask.
  kFast,
  // Writes that must last: settle, top-up, revoke, catalog. And what people ask, which may be much and has
  // more
  // time.
  kLasting,
};

struct Options {
  // One of the forms of ParseUrl (url.h, docs/how-to/redis.md).
  std::string url;
  // How long an answer may take before the caller is told so, per lane.
  absl::Duration fast_deadline = absl::Milliseconds(100);
  absl::Duration lasting_deadline = absl::Seconds(2);
  // Commands on the way per lane; beyond, UNAVAILABLE at once.
  int pending_max = 10'000;
  // A connection whose oldest answer is later than this is given up and made anew.
  absl::Duration stall_max = absl::Seconds(3);
  // So many calls in a row without an answer in time, and a lane refuses calls at once until a probe of its
  // own is answered.
  int breaker_misses = 3;
};

// Which history the lasting lane's server has.
struct Replication {
  // Empty before the first connection, and where INFO is forbidden.
  std::string id;
  // How often another ID than the one before was met, since the client was made: after each, writes that
  // were `unconfirmed` may be lost. (A master that was restarted has a new ID too, with nothing lost.)
  uint64_t changes = 0;
};

// A Redis Function library. Its name carries the contract's version and a hash of the source, so that
// two versions live side by side and loading never replaces.
struct FunctionLibrary {
  // `billing_1_ab12cd34`; also the prefix of every function in it.
  std::string name;
  // Complete Lua source, beginning with `#!lua name=<name>`.
  std::string source;

  // Builds a library: `prefix` "billing_1" and a body in which every `@LIBRARY@` is replaced by the
  // name; the 8 digits are the start of the body's SHA-256.
  static FunctionLibrary FromSource(absl::string_view prefix, absl::string_view body);
};

// Talks to one Redis master over two pipelined connections that live on `loop` and reconnect by themselves
// with backoff (20 ms to 1 s), to the master that the sentinels name where there are some. Both go to the
// same server, and never to a replica. Thread-safe. Coroutines resume on the loop's thread.
//
// Errors: UNAVAILABLE when the command was certainly not executed (not connected, too many pending, the
// breaker is open, or Redis refused to begin: refusals.h);
// DEADLINE_EXCEEDED or ABORTED when it may have been (no answer in time, connection lost);
// FAILED_PRECONDITION with Redis' own text when Redis answered with another error.
class Client {
 public:
  // Starts connecting. Fails on a malformed URL only; Redis itself may come later.
  static absl::StatusOr<std::unique_ptr<Client>> Create(loop::Loop& loop, metrics::Registry& metrics,
                                                        Options options);
  // Pending commands end with ABORTED. Waits for the loop, which must still run, to close the connections.
  virtual ~Client() = default;

  virtual Task<absl::StatusOr<Reply>> Command(Lane lane, std::vector<std::string> words) = 0;

  // Commands sent back to back on one lane; the answers come in the same order. An error that Redis
  // answers to one of them is its Reply. The whole fails with UNAVAILABLE when none was sent, and with
  // DEADLINE_EXCEEDED or ABORTED when an answer is missing.
  virtual Task<absl::StatusOr<std::vector<Reply>>> Pipeline(
      Lane lane, std::vector<std::vector<std::string>> commands) = 0;

  // FCALL <library.name>_<function>. When the node lacks the library, loads it (never replacing one)
  // and calls again, once. All keys belong to one hash slot. `library` outlives the call.
  virtual Task<absl::StatusOr<Reply>> Call(Lane lane, const FunctionLibrary& library, std::string function,
                                           std::vector<std::string> keys,
                                           std::vector<std::string> arguments) = 0;

  // Both lanes are connected and answered their greeting. Thread-safe.
  virtual bool connected() const = 0;
  // Thread-safe.
  virtual Replication replication() const = 0;
  // How many replicas the lasting lane waits for (`?wait=N`); 0: Reply::unconfirmed is always false.
  virtual int wait_replicas() const = 0;
  // Resolves when connected, or DEADLINE_EXCEEDED.
  virtual Task<absl::Status> WaitUntilConnected(absl::Duration timeout) = 0;
};

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_CLIENT_H_
