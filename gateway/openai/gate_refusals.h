#ifndef PRISMATIC_GATEWAY_OPENAI_GATE_REFUSALS_H_
#define PRISMATIC_GATEWAY_OPENAI_GATE_REFUSALS_H_

#include "services/common/http/message.h"

namespace prismatic::gateway::openai {

// OpenAI's error object for what the HTTP server refuses before a handler sees a request: 400 malformed,
// 405 no such method, 408 too slow, 413 body, 414 path and 431 head too large, 415 Content-Encoding,
// 417 unknown expectation, 501 transfer coding (answered as 415), 503 full or draining, 505 HTTP version.
// Any other status is a fault of ours, 500.
http::Response GateRefusal(int status);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_GATE_REFUSALS_H_
