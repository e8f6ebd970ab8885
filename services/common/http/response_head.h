#ifndef PRISMATIC_SERVICES_COMMON_HTTP_RESPONSE_HEAD_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_RESPONSE_HEAD_H_

#include <string>

#include "services/common/http/message.h"

namespace prismatic::http {

// What the connection and the request add to an answer.
struct Framing {
  bool close = false;
  // The client speaks HTTP/1.0, where staying open must be said.
  bool http10 = false;
  // A HEAD request: the length is told, the body is not sent.
  bool head_only = false;
};

// Whether the body is sent; 204 and 304 have none.
bool HasBody(const Response& response, Framing framing);

// Status line and fields, the empty line included. A control character in a value becomes a space: it could
// begin a field of its own.
std::string ResponseHead(const Response& response, Framing framing);

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_RESPONSE_HEAD_H_
