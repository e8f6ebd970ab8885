#ifndef PRISMATIC_GATEWAY_ADMIN_AUDIT_H_
#define PRISMATIC_GATEWAY_ADMIN_AUDIT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace prismatic::gateway::admin {

struct AuditLine {
  int64_t time_us = 0;
  // The entry as a JSON object.
  std::string json;
};

// A page of an audit log, newest first.
struct AuditSource {
  std::vector<AuditLine> lines;
  // There are older entries.
  bool more = false;
};

// The newest entries of two logs as one page, from pages of each that begin at the same time and have at most
// `page_size` entries. Going on before the page's last time loses nothing and repeats nothing: the page has
// some more or fewer entries where several happened in one instant. Pure.
AuditSource MergeAudit(AuditSource a, AuditSource b, size_t page_size);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_AUDIT_H_
