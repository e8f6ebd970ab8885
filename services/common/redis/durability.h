#ifndef PRISMATIC_SERVICES_COMMON_REDIS_DURABILITY_H_
#define PRISMATIC_SERVICES_COMMON_REDIS_DURABILITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/common/redis/client.h"
#include "services/common/task/task.h"

namespace prismatic::redis {

struct DurabilityFinding {
  enum class Severity {
    // Something may be lost or stopped; the operator should know.
    kWarning,
    // Records may vanish in normal operation: not to be run with.
    kError,
  };
  Severity severity = Severity::kWarning;
  // A sentence for the operator: the setting, what it means, what it should be.
  std::string text;
};

// Compares the connected server's settings with what is promised of records that must last
// (docs/how-to/redis.md). Empty: nothing to say. When its user may not read the settings, one warning says
// so. Other errors are the client's, of an ended or lost connection. For the start of a service, once it
// is connected; it looks, and changes nothing.
Task<absl::StatusOr<std::vector<DurabilityFinding>>> CheckDurability(Client& client);

// Each finding as a line of the log, by its severity.
void LogFindings(const std::vector<DurabilityFinding>& findings);

}  // namespace prismatic::redis

#endif  // PRISMATIC_SERVICES_COMMON_REDIS_DURABILITY_H_
