#include "gateway/admin/answers.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

using namespace common::v1;  // NOLINT: the reasons are what this file is about

struct EdgeRule {
  ErrorReason reason;
  int status;
};

constexpr EdgeRule kEdgeRules[] = {
    {ERROR_REASON_INVALID_VALUE, 400},
    {ERROR_REASON_MISSING_REQUIRED_PARAMETER, 400},
    {ERROR_REASON_UNSUPPORTED_PARAMETER, 400},
    {ERROR_REASON_CATALOG_INVALID, 400},
    {ERROR_REASON_INVALID_API_KEY, 401},
    {ERROR_REASON_LOGIN_REFUSED, 401},
    {ERROR_REASON_ROLE_NOT_ALLOWED, 403},
    {ERROR_REASON_CALLER_NOT_ALLOWED, 403},
    {ERROR_REASON_UNKNOWN_URL, 404},
    {ERROR_REASON_ACCOUNT_NOT_FOUND, 404},
    {ERROR_REASON_KEY_NOT_FOUND, 404},
    {ERROR_REASON_PROVIDER_NOT_FOUND, 404},
    {ERROR_REASON_MODEL_NOT_FOUND, 404},
    {ERROR_REASON_OPERATOR_NOT_FOUND, 404},
    {ERROR_REASON_CATALOG_VERSION_NOT_FOUND, 404},
    {ERROR_REASON_RESERVATION_FORGOTTEN, 404},
    {ERROR_REASON_METHOD_NOT_ALLOWED, 405},
    {ERROR_REASON_REQUEST_TIMEOUT, 408},
    {ERROR_REASON_ACCOUNT_EXISTS, 409},
    {ERROR_REASON_KEY_EXISTS, 409},
    {ERROR_REASON_OPERATOR_EXISTS, 409},
    {ERROR_REASON_CATALOG_CONFLICT, 409},
    {ERROR_REASON_LAST_OWNER, 409},
    {ERROR_REASON_IDEMPOTENCY_KEY_REUSED, 409},
    {ERROR_REASON_CREDIT_BALANCE_EXHAUSTED, 409},
    {ERROR_REASON_REQUEST_TOO_LARGE, 413},
    {ERROR_REASON_UNSUPPORTED_MEDIA_TYPE, 415},
    {ERROR_REASON_LOGIN_RATE_LIMITED, 429},
    {ERROR_REASON_BILLING_UNAVAILABLE, 503},
    {ERROR_REASON_REGISTRY_UNAVAILABLE, 503},
    {ERROR_REASON_CATALOG_BEHIND, 503},
    {ERROR_REASON_SERVER_IS_OVERLOADED, 503},
};
constexpr EdgeRule kInternal = {ERROR_REASON_INTERNAL_ERROR, 500};
constexpr EdgeRule kUnreachable = {ERROR_REASON_SERVER_IS_OVERLOADED, 503};

// Where the refusal itself does not say how long; about what a restart takes.
constexpr absl::Duration kDefaultRetryAfter = absl::Seconds(2);

EdgeRule RuleFor(const absl::Status& status) {
  ErrorReason reason = ReasonOf(status);
  for (const EdgeRule& rule : kEdgeRules) {
    if (rule.reason == reason) return rule;
  }
  bool unreachable =
      status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded;
  return unreachable ? kUnreachable : kInternal;
}

// What we did not write ourselves is not shown.
std::string MessageOf(const EdgeRule& rule, const absl::Status& status) {
  if (ReasonOf(status) == rule.reason) return std::string(status.message());
  if (rule.status == 503) return "A service is restarting or overloaded. Please retry.";
  return "An internal error occurred. The request ID helps to find it.";
}

void WriteTextOrNull(json::Writer& writer, absl::string_view key, absl::string_view text) {
  writer.Key(key);
  if (text.empty()) {
    writer.Null();
  } else {
    writer.String(text);
  }
}

// Opens `error` and leaves it open.
void BeginError(json::Writer& writer, absl::string_view code, absl::string_view message,
                absl::string_view param, absl::string_view request_id) {
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("code").String(code);
  writer.Key("message").String(message);
  WriteTextOrNull(writer, "param", param);
  writer.Key("request_id").String(request_id);
}

void AddRetryAfter(int http_status, const absl::Status& status, http::Response& response) {
  if (http_status != 503 && http_status != 429) return;
  absl::Duration wait = RetryAfterOf(status).value_or(kDefaultRetryAfter);
  int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1))));
  response.Header("Retry-After", absl::StrCat(seconds));
}

// `12:3: models[0].name: words` in its parts, of which the first and the second may be missing.
struct CatalogError {
  int line = 0;
  int column = 0;
  absl::string_view path;
  absl::string_view message;
};

CatalogError PartsOf(absl::string_view text) {
  CatalogError error;
  std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 2));
  bool placed = parts.size() == 3 && absl::SimpleAtoi(parts[0], &error.line) &&
                absl::SimpleAtoi(parts[1], &error.column);
  if (!placed) error.line = error.column = 0;
  error.message = placed ? absl::StripLeadingAsciiWhitespace(parts[2]) : text;
  // A path has no blanks; where the text as a whole is wrong there is none.
  size_t colon = error.message.find(": ");
  if (colon == absl::string_view::npos || absl::StrContains(error.message.substr(0, colon), ' '))
    return error;
  error.path = error.message.substr(0, colon);
  error.message.remove_prefix(colon + 2);
  return error;
}

// Null where the error is of no line.
void WritePlace(json::Writer& writer, absl::string_view key, int number) {
  writer.Key(key);
  if (number > 0) {
    writer.Int(number);
  } else {
    writer.Null();
  }
}

}  // namespace

http::Response JsonAnswer(json::Writer writer, int status) {
  http::Response response;
  response.status = status;
  response.body = writer.Take();
  return response;
}

http::Response NoContent() {
  http::Response response;
  response.status = 204;
  return response;
}

http::Response ErrorAnswer(const absl::Status& status, absl::string_view request_id) {
  EdgeRule rule = RuleFor(status);
  json::Writer writer;
  BeginError(writer, ReasonName(rule.reason), MessageOf(rule, status), MetadataOf(status, "param"),
             request_id);
  writer.EndObject().EndObject();
  http::Response response = JsonAnswer(std::move(writer), rule.status);
  AddRetryAfter(rule.status, status, response);
  if (rule.status == 405) response.Header("Allow", MetadataOf(status, "allow"));
  return response;
}

http::Response ErrorAnswer(int status, absl::string_view code, absl::string_view message,
                           absl::string_view request_id) {
  json::Writer writer;
  BeginError(writer, code, message, "", request_id);
  writer.EndObject().EndObject();
  return JsonAnswer(std::move(writer), status);
}

http::Response CatalogErrors(const google::protobuf::RepeatedPtrField<std::string>& errors,
                             absl::string_view param, absl::string_view request_id) {
  json::Writer writer;
  std::string summary = errors.size() == 1 ? "The catalog has an error."
                                           : absl::StrCat("The catalog has ", errors.size(), " errors.");
  BeginError(writer, ReasonName(ERROR_REASON_CATALOG_INVALID), summary, param, request_id);
  writer.Key("errors").BeginArray();
  for (const std::string& text : errors) {
    CatalogError error = PartsOf(text);
    writer.BeginObject();
    WritePlace(writer, "line", error.line);
    WritePlace(writer, "column", error.column);
    writer.Key("path").String(error.path);
    writer.Key("message").String(error.message).EndObject();
  }
  writer.EndArray().EndObject().EndObject();
  return JsonAnswer(std::move(writer), 400);
}

}  // namespace prismatic::gateway::admin
