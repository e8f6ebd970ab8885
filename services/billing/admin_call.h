#ifndef PRISMATIC_SERVICES_BILLING_ADMIN_CALL_H_
#define PRISMATIC_SERVICES_BILLING_ADMIN_CALL_H_

#include <string>

namespace prismatic::billing {

// What is known of a change by hand besides the request.
struct AdminCall {
  // Who makes it, for the audit log: as the holder of the admin token says, or nobody but that holder. 1 to
  // 128 printable characters.
  std::string actor = "admin-token";
};

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_ADMIN_CALL_H_
