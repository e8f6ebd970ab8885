#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_ERRORS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_ERRORS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "services/common/http/message.h"

// How the vendors write their errors.

namespace prismatic::sandbox {

struct ErrorWords {
  int status = 400;
  std::string message;
  // In OpenAI's vocabulary; empty: what usually goes with the status.
  std::string code;
  // The field that is wrong; empty: none.
  std::string field;
};

// JSON with a status.
http::Response JsonResponse(std::string body, int status = 200);

// {"error":{"message","type","param","code"}}
http::Response OpenAiError(const ErrorWords& words);
// {"error":{"code":429,"message":"..."}}
http::Response OpenRouterError(const ErrorWords& words);
// {"error":{"code":429,"message":"...","status":"RESOURCE_EXHAUSTED"}}
http::Response GoogleError(const ErrorWords& words);
// {"detail":"..."}, and with 422 {"detail":[{"loc":["body","n"],"msg":"...","type":"..."}]}
http::Response DetailError(const ErrorWords& words);
// {"title","detail","status"}
http::Response ReplicateError(const ErrorWords& words);
// DetailError, and from 500 {"error":"RuntimeError","detail":"","body":"","errors":"..."}
http::Response AutomaticError(const ErrorWords& words);

// The first word of a message between backticks or single quotes: the field that it speaks of.
std::string FieldOf(absl::string_view message);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_ERRORS_H_
