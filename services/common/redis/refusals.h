#ifndef PRISMATIC_SERVICES_COMMON_REDIS_REFUSALS_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_REFUSALS_H_

#include "absl/strings/string_view.h"

// What Redis' errors mean, by their first word.

namespace prismatic::redis {

// A Redis that answers so has not begun to execute the command: it is loading its data, is a replica, is
// busy with a script, its cluster is down or moves the slot, or it must not write now (no memory, no disk,
// too few replicas).
bool NothingWasDone(absl::string_view error);

// The server is no longer what we connected to: a master that was demoted, or one that has forgotten us.
// Only a new connection, made with all its checks, helps.
bool NeedsNewConnection(absl::string_view error);

// The user's rights are too narrow, or its password is wrong: a person has to act.
bool IsForbidden(absl::string_view error);

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_REFUSALS_H_
