#ifndef PRISMATIC_GATEWAY_ADMIN_CALLERS_TERMS_H_
#define PRISMATIC_GATEWAY_ADMIN_CALLERS_TERMS_H_

#include "absl/status/status.h"
#include "gateway/admin/endpoint.h"

namespace prismatic::gateway::admin {

// A service's refusal in terms of the call of ours that it is the answer to. What stands in the path and can
// be no name at all is the name of nothing, so that *_NOT_FOUND is all that a caller has to look for; and
// where the service's message has another name for a field than our body, `param` is the body's.
absl::Status InCallersTerms(const Endpoint& endpoint, const absl::Status& refusal);

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_CALLERS_TERMS_H_
