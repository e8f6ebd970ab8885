#ifndef PRISMATIC_GATEWAY_OPENAI_REQUEST_HEADERS_H_
#define PRISMATIC_GATEWAY_OPENAI_REQUEST_HEADERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "services/common/http/message.h"
#include "services/common/trace/trace_context.h"

namespace prismatic::gateway::openai {

// What the edge reads from a request's headers. A header that may be there once and is there twice is
// refused: a proxy in front may have looked at the other one.

// `Authorization: Bearer KEY`. INVALID_API_KEY when it is absent or malformed; whether the key exists is
// billing's to say.
absl::StatusOr<std::string> ReadApiKey(const http::Request& request);

// 1 to 255 printable ASCII characters; empty when the client sent none, or an empty one. INVALID_VALUE
// with `param` Idempotency-Key.
absl::StatusOr<std::string> ReadIdempotencyKey(const http::Request& request);

// `application/json`, in UTF-8. UNSUPPORTED_MEDIA_TYPE.
absl::Status CheckContentType(const http::Request& request);

// The client's trace, or a new one; tracing refuses nothing.
TraceContext ReadTrace(const http::Request& request);

absl::Status UnsupportedMediaType(absl::string_view message);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_REQUEST_HEADERS_H_
