#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_AUDIT_ENTRIES_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_AUDIT_ENTRIES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/common/redis/reply.h"

// Entries of the audit log, without id and time: those are the stream's.

namespace prismatic::model_registry {

// What an entry names where nobody has proven who it is, or there is no such operator.
inline constexpr char kNobody[] = "?";

v1::AuditEntry MakeAuditEntry(absl::string_view actor, absl::string_view action, absl::string_view target,
                              absl::string_view note = "");
void AddChange(v1::AuditEntry& entry, absl::string_view path, absl::string_view before,
               absl::string_view after);

// `size_max` bytes of what somebody sent, printable, for the log.
std::string Printable(absl::string_view text, size_t size_max);

// One element of XREVRANGE. What is no entry of ours has an id and a time, and says so.
v1::AuditEntry ReadAuditEntry(const redis::Reply& element);
// `milliseconds-number`, as a stream has them.
bool IsAuditId(absl::string_view id);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_AUDIT_ENTRIES_H_
