// A request as a client would send it, tried by an operator.

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/admin/account_endpoints.h"
#include "gateway/admin/body_reader.h"
#include "services/admin_json/words.h"
#include "services/common/status/status_macros.h"
#include "services/common/trace/trace_context.h"

namespace prismatic::gateway::admin {
namespace {

// As long as the public port takes them.
constexpr size_t kApiKeySizeMax = 512;

// What of the public answer's headers tells an operator something.
bool IsShown(absl::string_view name) {
  for (absl::string_view shown : {"x-request-id", "x-should-retry", "retry-after", "retry-after-ms"}) {
    if (name == shown) return true;
  }
  return absl::StartsWith(name, "x-prismatic-") || absl::StartsWith(name, "x-ratelimit-");
}

// The request of the public port. Its key is checked there, as is every field of the body.
absl::StatusOr<std::shared_ptr<http::Request>> ReadPublicRequest(const AdminCall& call) {
  BodyReader body(call.body->root());
  std::string api_key = body.Text("api_key");
  if (api_key.size() > kApiKeySizeMax) body.Fail("api_key", "must have at most 512 characters.");
  const json::Value* wish = body.OptionalObject("request");
  if (wish == nullptr) body.Fail("request", "must be an object.");
  RETURN_IF_ERROR(body.Done());
  auto request = std::make_shared<http::Request>();
  request->method = "POST";
  request->path = request->raw_path = "/v1/images/generations";
  request->headers = {{"Authorization", absl::StrCat("Bearer ", api_key)},
                      {"Content-Type", "application/json"},
                      {kTraceparentKey, call.context.trace.traceparent()},
                      {kTracestateKey, call.context.trace.tracestate()}};
  request->body = std::string(wish->raw());
  request->cancellation = call.context.cancellation;
  return request;
}

// Everything but the body, which comes last and goes in as it is: it may hold 40 MiB of pictures.
std::string AnswersHead(const http::Response& response, absl::Duration duration,
                        const openai::Api::ServedBy& served_by) {
  json::Writer writer;
  writer.BeginObject().Key("status").Int(response.status);
  writer.Key("headers").BeginObject();
  for (const auto& [name, value] : response.headers) {
    std::string lower = absl::AsciiStrToLower(name);
    if (IsShown(lower)) writer.Key(lower).String(value);
  }
  writer.EndObject();
  writer.Key("duration_ms").Int(absl::ToInt64Milliseconds(duration));
  admin_json::WriteText(writer, "provider", served_by.provider);
  admin_json::WriteText(writer, "upstream_model", served_by.upstream_model);
  writer.Key("body");
  return writer.Take();
}

Task<Answer> Generate(AdminParts parts, CallPtr call) {
  absl::StatusOr<std::shared_ptr<http::Request>> request = ReadPublicRequest(*call);
  if (!request.ok()) co_return request.status();
  auto served_by = std::make_shared<openai::Api::ServedBy>();
  absl::Time started = absl::Now();
  auto asking = parts.api->Handle(*std::move(request), served_by);
  http::Response asked = co_await asking;
  std::string head = AnswersHead(asked, absl::Now() - started, *served_by);
  http::Response response;
  response.share = std::move(asked.share);
  // The public answer has some room to spare, so that it is moved by a few bytes and not copied.
  response.body = std::move(asked.body);
  response.body.insert(0, head);
  response.body += '}';
  co_return response;
}

}  // namespace

Endpoints PlaygroundEndpoints() {
  return {{"POST", "/admin/v1/playground", Access::kOperator, BodyKind::kLargeObject, Generate}};
}

}  // namespace prismatic::gateway::admin
