#include "gateway/openai/gate_refusals.h"

#include "gateway/generation/generation_errors.h"
#include "gateway/openai/error_mapping.h"
#include "gateway/openai/request_headers.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::openai {
namespace {

// What any path of ours may be asked with.
constexpr char kKnownMethods[] = "GET, HEAD, POST";

absl::Status TooLarge(absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_REQUEST_TOO_LARGE, message);
}

absl::Status RefusalOf(int status) {
  switch (status) {
    case 400:
      return InvalidValue("", "The request is malformed.");
    case 405:
      return Error(absl::StatusCode::kUnimplemented, common::v1::ERROR_REASON_METHOD_NOT_ALLOWED,
                   "No such method is known here.")
          .With("allow", kKnownMethods);
    case 408:
      return Error(absl::StatusCode::kDeadlineExceeded, common::v1::ERROR_REASON_REQUEST_TIMEOUT,
                   "The request did not arrive in time.");
    case 413:
      return TooLarge("The body of the request is too large.");
    case 414:
      return TooLarge("The URL is too long.");
    case 431:
      return TooLarge("The headers of the request are too large or too many.");
    case 415:
      return UnsupportedMediaType("The body must be plain application/json, without a Content-Encoding.");
    case 417:
      return InvalidValue("Expect", "The only expectation known here is 100-continue.");
    case 501:
      return UnsupportedMediaType("The only Transfer-Encoding known here is chunked.");
    case 503:
      return error::ServerIsOverloaded();
    case 505:
      return InvalidValue("", "The HTTP version must be 1.0 or 1.1.");
    default:
      return InternalError("");
  }
}

// HTTP has a status of its own for these; the code is the contract's.
bool KeepsItsStatus(int status) { return status == 414 || status == 417 || status == 431 || status == 505; }

}  // namespace

http::Response GateRefusal(int status) {
  http::Response response = ErrorResponse(RefusalOf(status));
  if (KeepsItsStatus(status)) response.status = status;
  return response;
}

}  // namespace prismatic::gateway::openai
