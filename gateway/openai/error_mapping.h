#ifndef PRISMATIC_GATEWAY_OPENAI_ERROR_MAPPING_H_
#define PRISMATIC_GATEWAY_OPENAI_ERROR_MAPPING_H_

#include "absl/status/status.h"
#include "services/common/http/message.h"

namespace prismatic::gateway::openai {

// What a client sees of an error: status, `{"error":{message,type,param,code}}` with all four keys,
// x-should-retry, where waiting helps Retry-After with retry-after-ms, and the rate limits when the
// status tells them. By reason first, by gRPC code as fallback. Our words only.
http::Response ErrorResponse(const absl::Status& status);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_ERROR_MAPPING_H_
