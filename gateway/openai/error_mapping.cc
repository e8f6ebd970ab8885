#include "gateway/openai/error_mapping.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gateway/openai/limit_headers.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::openai {
namespace {

using namespace common::v1;  // NOLINT: the reasons are what this file is about

struct EdgeRule {
  ErrorReason reason;
  int status;
  const char* type;
  const char* code;
  bool should_retry;
};

constexpr char kInvalidRequest[] = "invalid_request_error";
constexpr char kServerError[] = "server_error";
constexpr char kQuota[] = "insufficient_quota";

// The table of the public contract, row by row. The code is the reason in lower case.
constexpr EdgeRule kEdgeRules[] = {
    {ERROR_REASON_INVALID_VALUE, 400, kInvalidRequest, "invalid_value", false},
    {ERROR_REASON_MISSING_REQUIRED_PARAMETER, 400, kInvalidRequest, "missing_required_parameter", false},
    {ERROR_REASON_UNSUPPORTED_PARAMETER, 400, kInvalidRequest, "unsupported_parameter", false},
    {ERROR_REASON_INVALID_API_KEY, 401, kInvalidRequest, "invalid_api_key", false},
    {ERROR_REASON_ACCOUNT_SUSPENDED, 403, kInvalidRequest, "account_suspended", false},
    {ERROR_REASON_MODEL_NOT_ALLOWED, 403, kInvalidRequest, "model_not_allowed", false},
    {ERROR_REASON_MODEL_NOT_FOUND, 404, kInvalidRequest, "model_not_found", false},
    {ERROR_REASON_UNKNOWN_URL, 404, kInvalidRequest, "unknown_url", false},
    {ERROR_REASON_METHOD_NOT_ALLOWED, 405, kInvalidRequest, "method_not_allowed", false},
    {ERROR_REASON_REQUEST_TOO_LARGE, 413, kInvalidRequest, "request_too_large", false},
    {ERROR_REASON_UNSUPPORTED_MEDIA_TYPE, 415, kInvalidRequest, "unsupported_media_type", false},
    {ERROR_REASON_REQUEST_TIMEOUT, 408, kInvalidRequest, "request_timeout", true},
    {ERROR_REASON_MODEL_DOES_NOT_SUPPORT_IMAGES, 400, kInvalidRequest, "model_does_not_support_images",
     false},
    {ERROR_REASON_IMAGE_COUNT_TOO_LARGE, 400, kInvalidRequest, "image_count_too_large", false},
    {ERROR_REASON_IDEMPOTENCY_KEY_IN_USE, 409, kInvalidRequest, "idempotency_key_in_use", true},
    {ERROR_REASON_IDEMPOTENCY_KEY_COMPLETED, 409, kInvalidRequest, "idempotency_key_completed", false},
    {ERROR_REASON_IDEMPOTENCY_KEY_REUSED, 400, kInvalidRequest, "idempotency_key_reused", false},
    {ERROR_REASON_NO_IMAGE_ROUTE, 503, kServerError, "no_image_route", false},
    {ERROR_REASON_MODEL_OVERLOADED, 503, kServerError, "model_overloaded", true},
    // The type names the metric, see TypeOf.
    {ERROR_REASON_RATE_LIMIT_EXCEEDED, 429, "requests", "rate_limit_exceeded", true},
    {ERROR_REASON_SUBSCRIPTION_QUOTA_EXHAUSTED, 429, kQuota, "subscription_quota_exhausted", false},
    {ERROR_REASON_CREDIT_BALANCE_EXHAUSTED, 429, kQuota, "credit_balance_exhausted", false},
    {ERROR_REASON_ACCOUNT_IN_DEBT, 429, kQuota, "account_in_debt", false},
    {ERROR_REASON_GENERATION_PRICE_MISSING, 503, kServerError, "generation_price_missing", false},
    {ERROR_REASON_MODERATION_BLOCKED, 400, "image_generation_user_error", "moderation_blocked", false},
    {ERROR_REASON_UPSTREAM_ERROR, 502, kServerError, "upstream_error", false},
    {ERROR_REASON_UPSTREAM_TIMEOUT, 504, kServerError, "upstream_timeout", false},
    {ERROR_REASON_BILLING_UNAVAILABLE, 503, kServerError, "billing_unavailable", true},
    {ERROR_REASON_SERVER_IS_OVERLOADED, 503, kServerError, "server_is_overloaded", true},
    {ERROR_REASON_CATALOG_BEHIND, 503, kServerError, "catalog_behind", true},
};
// Faults of ours, whatever their words; x-should-retry false, since the work may have been done.
constexpr EdgeRule kInternal = {ERROR_REASON_INTERNAL_ERROR, 500, kServerError, "internal_error", false};
// A service of ours that could not be reached and gave no reason.
constexpr EdgeRule kUnreachable = {ERROR_REASON_SERVER_IS_OVERLOADED, 503, kServerError,
                                   "server_is_overloaded", true};
// Nobody reads it but the log and the metrics, where a client's leaving must not look like a failure of ours.
constexpr EdgeRule kClientGone = {ERROR_REASON_UNSPECIFIED, 499, kInvalidRequest, "client_closed_request",
                                  false};
constexpr EdgeRule kTooSlow = {ERROR_REASON_UPSTREAM_TIMEOUT, 504, kServerError, "upstream_timeout", false};

// How long to wait when the refusal itself does not say: about what a restart takes.
constexpr absl::Duration kDefaultRetryAfter = absl::Seconds(2);

const EdgeRule& RuleFor(const absl::Status& status) {
  ErrorReason reason = ReasonOf(status);
  for (const EdgeRule& rule : kEdgeRules) {
    if (rule.reason == reason) return rule;
  }
  // RESOURCE_EXHAUSTED without a reason is gRPC's own (a message too large), never a rate limit.
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return kUnreachable;
    case absl::StatusCode::kCancelled:
      return kClientGone;
    case absl::StatusCode::kDeadlineExceeded:
      return kTooSlow;
    default:
      return kInternal;
  }
}

std::string TypeOf(const EdgeRule& rule, const absl::Status& status) {
  if (rule.reason == ERROR_REASON_RATE_LIMIT_EXCEEDED && MetadataOf(status, "metric") == "images")
    return "images";
  return rule.type;
}

// The field that is at fault, where the refusal itself does not name it.
std::string ParamOf(const EdgeRule& rule, const absl::Status& status) {
  std::string param = MetadataOf(status, "param");
  if (!param.empty()) return param;
  switch (rule.reason) {
    case ERROR_REASON_IMAGE_COUNT_TOO_LARGE:
      return "n";
    case ERROR_REASON_MODEL_NOT_FOUND:
    case ERROR_REASON_MODEL_DOES_NOT_SUPPORT_IMAGES:
      return "model";
    default:
      return "";
  }
}

std::string MessageOf(const EdgeRule& rule, const absl::Status& status) {
  if (ReasonOf(status) != ERROR_REASON_UNSPECIFIED && &rule != &kInternal)
    return std::string(status.message());
  if (&rule == &kClientGone)
    return "The connection was closed before the request was carried out. Nothing was charged.";
  if (rule.status == 504)
    return "The request took too long and may have been carried out. It was not charged.";
  if (rule.status == 503) return "The service is restarting or overloaded. Please retry.";
  return "An internal error occurred. The request ID helps to find it.";
}

void AddRetryHeaders(const EdgeRule& rule, const absl::Status& status, http::Response& response) {
  std::optional<absl::Duration> wait = RetryAfterOf(status);
  // A limit that tells no wait can never admit the request.
  bool should_retry = rule.should_retry && (wait || rule.reason != ERROR_REASON_RATE_LIMIT_EXCEEDED);
  response.Header("x-should-retry", should_retry ? "true" : "false");
  bool waiting_helps = should_retry && (wait || rule.status == 503 || rule.status == 409);
  if (!waiting_helps) return;
  int64_t milliseconds = std::max<int64_t>(
      1, absl::ToInt64Milliseconds(absl::Ceil(wait.value_or(kDefaultRetryAfter), absl::Milliseconds(1))));
  response.Header("retry-after-ms", absl::StrCat(milliseconds));
  response.Header("Retry-After", absl::StrCat((milliseconds + 999) / 1000));
}

// How the limits stand, when the refusal tells it: `requests_limit`, `requests_remaining`,
// `requests_reset_us`, and the same of images.
void AddLimits(const absl::Status& status, http::Response& response) {
  for (absl::string_view metric : {"requests", "images"}) {
    billing::v1::RateLimitStatus limit;
    int64_t number = 0;
    auto told = [&](absl::string_view what) {
      return absl::SimpleAtoi(MetadataOf(status, absl::StrCat(metric, what)), &number);
    };
    if (!told("_limit")) continue;
    limit.set_limit(number);
    if (told("_remaining")) limit.set_remaining(number);
    if (told("_reset_us")) limit.set_reset_after_us(number);
    AddLimitHeaders(metric, limit, response);
  }
}

}  // namespace

http::Response ErrorResponse(const absl::Status& status) {
  const EdgeRule& rule = RuleFor(status);
  std::string param = ParamOf(rule, status);

  json::Writer writer;
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("message").String(MessageOf(rule, status));
  writer.Key("type").String(TypeOf(rule, status));
  writer.Key("param");
  if (param.empty()) {
    writer.Null();
  } else {
    writer.String(param);
  }
  writer.Key("code").String(rule.code).EndObject().EndObject();

  http::Response response;
  response.status = rule.status;
  response.body = writer.Take();
  AddRetryHeaders(rule, status, response);
  AddLimits(status, response);
  if (rule.reason == ERROR_REASON_METHOD_NOT_ALLOWED) response.Header("Allow", MetadataOf(status, "allow"));
  return response;
}

}  // namespace prismatic::gateway::openai
