#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_STORE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/common/redis/client.h"
#include "services/common/task/task.h"
#include "services/model_registry/operators/operator_record.h"

namespace prismatic::model_registry {

// How long things last, and how often one may fail.
struct OperatorRules {
  absl::Duration session_lifetime = absl::Hours(12);
  absl::Duration session_idle = absl::Hours(1);
  // An idle time that would grow by less is not written.
  absl::Duration renewal_min = absl::Seconds(30);
  absl::Duration failure_window = absl::Minutes(5);
  int failures_of_name_max = 10;
  int failures_of_address_max = 30;
};

// Whose logins are counted together. An IPv6 address stands for its /64, of which one host has all.
struct LoginSource {
  std::string name;
  // Empty: the name alone is counted.
  std::string address;
};

// A password that is being looked at. It counts as a failure until it ends in CountFailure, OpenSession or
// GiveBack.
struct LoginAttempt {
  LoginSource source;
  // Unix microseconds, as the store has it.
  std::string made_at;
};

// What the store says before a password is looked at.
struct LoginCandidate {
  // nullopt: no such operator.
  std::optional<StoredOperator> found;
  // How long no password may be tried; zero: now, and the attempt is counted.
  absl::Duration wait;
  LoginAttempt attempt;
};

struct StoredSession {
  StoredOperator of;
  int64_t expire_time_us = 0;
  int64_t idle_expire_time_us = 0;
};

// A change of one operator, from what is known of it.
struct OperatorChange {
  // Its record is empty for a new one.
  StoredOperator known;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  bool disabled = false;
  bool password_is_initial = false;
  std::string password_hash;
  enum class Sessions { kKeep, kEndAll, kEndOthers };
  Sessions sessions = Sessions::kKeep;
  // The session that stays with kEndOthers.
  std::string kept_session_sha256;
  v1::AuditEntry entry;
  // The operator's own doing, which everybody may: it stands among the sessions in the audit log, and pushes
  // out no owner's change.
  bool is_own = false;
};

// Operators, sessions, failed logins and the audit log in Redis. Every change is one Redis Function and
// writes its audit entry in the same step. Thread-safe; coroutines resume on the client's loop. Every method
// can fail with REGISTRY_UNAVAILABLE.
class OperatorStore {
 public:
  explicit OperatorStore(redis::Client& redis, OperatorRules rules = {});

  // Counts before the password is looked at, so that many who guess at once are no more than one after the
  // other.
  Task<absl::StatusOr<LoginCandidate>> BeginLogin(LoginSource source);
  // The password was wrong. Of this and of what follows at most one entry a minute of the same action and
  // target is written.
  Task<absl::Status> CountFailure(LoginAttempt attempt, v1::AuditEntry entry);
  // The password was not looked at, or was right and opens no session.
  Task<absl::Status> GiveBack(LoginAttempt attempt);
  // Forgets the name's failures. nullopt when `known` has another password by now, or is disabled: the
  // attempt has not ended.
  Task<absl::StatusOr<std::optional<StoredSession>>> OpenSession(StoredOperator known, std::string sha256,
                                                                 LoginAttempt attempt, v1::AuditEntry entry);
  // Whose session it is, whose idle time begins anew. nullopt when there is none.
  Task<absl::StatusOr<std::optional<StoredSession>>> FindSession(std::string sha256);
  Task<absl::Status> CloseSession(std::string name, std::string sha256, v1::AuditEntry entry);

  // nullopt: no such operator.
  Task<absl::StatusOr<std::optional<StoredOperator>>> Find(std::string name);
  // In order of name.
  Task<absl::StatusOr<std::vector<StoredOperator>>> List();
  // The operator after the change; nullopt when `known` is out of date. LAST_OWNER; INVALID_VALUE when there
  // are too many.
  Task<absl::StatusOr<std::optional<StoredOperator>>> Put(OperatorChange change);
  // Whether there is any operator.
  Task<absl::StatusOr<bool>> HasOperators();
  // Makes the first operator, an owner with a random password. True when it is, or was by an earlier call,
  // made with this hash; false when there are others.
  Task<absl::StatusOr<bool>> PutFirst(std::string name, std::string password_hash, v1::AuditEntry entry);

  // Newest first, entries before `before_id` (empty: from the newest), at most `count`.
  Task<absl::StatusOr<std::vector<v1::AuditEntry>>> ListAudit(std::string before_id, int count);

 private:
  Task<absl::StatusOr<redis::Reply>> Call(std::string function, std::vector<std::string> keys,
                                          std::vector<std::string> arguments);
  Task<absl::StatusOr<redis::Reply>> Command(std::vector<std::string> words);

  redis::Client& redis_;
  const OperatorRules rules_;
  const redis::FunctionLibrary library_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_OPERATOR_STORE_H_
