#include "gateway/admin/gate_refusals.h"

#include <algorithm>
#include <iterator>

#include "gateway/admin/answers.h"

namespace prismatic::gateway::admin {
namespace {

struct Refusal {
  int status;
  int answered;
  const char* code;
  const char* message;
};

constexpr Refusal kRefusals[] = {
    {400, 400, "INVALID_VALUE", "The request is malformed."},
    {405, 405, "METHOD_NOT_ALLOWED", "No such method is known here."},
    {408, 408, "REQUEST_TIMEOUT", "The request did not arrive in time."},
    {413, 413, "REQUEST_TOO_LARGE",
     "The body of the request is too large: 16 KiB at most; 9 MiB for the catalog, its providers and models, "
     "and the playground, with a credential in the request's head."},
    {414, 414, "REQUEST_TOO_LARGE", "The URL is too long."},
    {415, 415, "UNSUPPORTED_MEDIA_TYPE",
     "The body must be plain application/json, without a Content-Encoding."},
    {417, 417, "INVALID_VALUE", "The only expectation known here is 100-continue."},
    {431, 431, "REQUEST_TOO_LARGE", "The headers of the request are too large or too many."},
    {501, 415, "UNSUPPORTED_MEDIA_TYPE", "The only Transfer-Encoding known here is chunked."},
    {503, 503, "SERVER_IS_OVERLOADED", "Too much is being worked on. Please retry."},
    {505, 505, "INVALID_VALUE", "The HTTP version must be 1.0 or 1.1."},
};
constexpr Refusal kFault = {500, 500, "INTERNAL_ERROR",
                            "An internal error occurred. The request ID helps to find it."};

}  // namespace

http::Response GateRefusal(int status, absl::string_view request_id) {
  const Refusal* found = std::find_if(std::begin(kRefusals), std::end(kRefusals),
                                      [&](const Refusal& refusal) { return refusal.status == status; });
  const Refusal& refusal = found == std::end(kRefusals) ? kFault : *found;
  http::Response response = ErrorAnswer(refusal.answered, refusal.code, refusal.message, request_id);
  if (status == 503) response.Header("Retry-After", "2");
  if (status == 405) response.Header("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE");
  return response;
}

}  // namespace prismatic::gateway::admin
