#ifndef PRISMATIC_GATEWAY_ADMIN_STATUS_H_
#define PRISMATIC_GATEWAY_ADMIN_STATUS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace prismatic::gateway::admin {

// How a service stands, as this gateway reaches it: one replica of it.
struct ServiceStatus {
  const char* name;
  // OK: it answered.
  absl::Status answered;
  int64_t catalog_version = 0;
  // Of its process; 0: unknown.
  int64_t process_time_us = 0;
  // When it was asked, and had answered.
  absl::Time asked;
  absl::Time received;
  // Where it has a Redis: what that said, and why it cannot be used.
  std::optional<std::map<std::string, std::string>> redis_settings;
  std::string redis_error;
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_STATUS_H_
