#include "gateway/admin/admin_api.h"

#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/admin/answers.h"
#include "gateway/admin/browser_safety.h"
#include "gateway/admin/callers_terms.h"
#include "gateway/admin/gate_refusals.h"
#include "gateway/admin/openapi_json.h"
#include "gateway/openai/request_headers.h"
#include "services/admin_json/registry_json.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/common/uuid/uuid.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = model_registry::v1;

// What every answer says to browsers, the page's files and errors included.
constexpr std::pair<const char*, const char*> kSafetyHeaders[] = {
    {"x-content-type-options", "nosniff"},
    {"referrer-policy", "no-referrer"},
    {"content-security-policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src "
     "'self'; "
     "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
    {"cross-origin-opener-policy", "same-origin"},
    {"cross-origin-resource-policy", "same-origin"},
};

bool IsRead(absl::string_view method) { return method == "GET" || method == "HEAD"; }

absl::Status UnknownUrl(absl::string_view method, absl::string_view path) {
  return Error(absl::StatusCode::kNotFound, common::v1::ERROR_REASON_UNKNOWN_URL,
               absl::StrCat("There is nothing at ", method, " ", path.substr(0, 200), "."));
}

absl::Status MethodNotAllowed(absl::string_view method, absl::string_view allow) {
  return Error(absl::StatusCode::kUnimplemented, common::v1::ERROR_REASON_METHOD_NOT_ALLOWED,
               absl::StrCat("Not allowed to ", method, " here; use ", allow, "."))
      .With("allow", allow);
}

absl::Status NotSignedIn() {
  return Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY,
               "Sign in, or send `Authorization: Bearer <admin token>`.");
}

pb::Role RoleFor(Access access) {
  switch (access) {
    case Access::kAnyone:
      return pb::ROLE_UNSPECIFIED;
    case Access::kViewer:
      return pb::ROLE_VIEWER;
    case Access::kOperator:
      return pb::ROLE_OPERATOR;
    case Access::kOwner:
      break;
  }
  return pb::ROLE_OWNER;
}

absl::Status RoleNotAllowed(pb::Role needed, pb::Role has) {
  return Error(absl::StatusCode::kPermissionDenied, common::v1::ERROR_REASON_ROLE_NOT_ALLOWED,
               absl::StrCat("This needs the role ", admin_json::RoleWord(needed), "; yours is ",
                            admin_json::RoleWord(has), "."));
}

// The body as the endpoint wants it; null where it wants none.
absl::StatusOr<std::unique_ptr<const json::Document>> ReadBody(BodyKind kind, std::string body) {
  if (kind == BodyKind::kNone && body.empty()) return nullptr;
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(body));
  if (!document.ok())
    return InvalidValue("", absl::StrCat("The body is not JSON: ", document.status().message()));
  if (!document->root().is_object()) return InvalidValue("", "The body must be a JSON object.");
  if (kind == BodyKind::kNone) {
    if (!document->root().members().empty()) return InvalidValue("", "There must be no body here.");
    return nullptr;
  }
  return std::make_unique<const json::Document>(*std::move(document));
}

http::Response Text(int status, absl::string_view text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::string(text);
  return response;
}

http::Response OpenApi() {
  http::Response response;
  response.body = kOpenApiJson;
  return response;
}

http::Response CsrfRefused(absl::string_view request_id) {
  return ErrorAnswer(
      403, "CSRF_REFUSED",
      "The request does not prove that it comes from this page: send the session's X-CSRF-Token, from "
      "the same origin.",
      request_id);
}

}  // namespace

Endpoints AllEndpoints() {
  Endpoints all;
  for (Endpoints (*table)() :
       {SessionEndpoints, OverviewEndpoints, StatusEndpoints, AuditEndpoints, ProviderEndpoints,
        ModelEndpoints, CatalogEndpoints, OperatorEndpoints, AccountEndpoints}) {
    Endpoints endpoints = table();
    all.insert(all.end(), endpoints.begin(), endpoints.end());
  }
  return all;
}

AdminApi::AdminApi(Options options) : options_(options), router_(AllEndpoints()) {}

Task<http::Response> AdminApi::Handle(std::shared_ptr<http::Request> request) {
  auto asked = std::make_shared<Asked>();
  asked->request_id = NewUuidV7();
  asked->trace = openai::ReadTrace(*request);
  asked->method = request->method;
  asked->started = absl::Now();
  auto serving = Serve(asked, std::move(request));
  http::Response response = co_await serving;
  Finish(*asked, response);
  co_return std::move(response);
}

Task<http::Response> AdminApi::Serve(std::shared_ptr<Asked> asked, std::shared_ptr<http::Request> request) {
  std::optional<http::Response> file = Static(*asked, *request);
  if (file) co_return *std::move(file);
  Router::Match match = router_.Find(request->method, request->raw_path);
  if (match.endpoint == nullptr) {
    absl::Status refusal = match.allow.empty() ? UnknownUrl(request->method, request->raw_path)
                                               : MethodNotAllowed(request->method, match.allow);
    co_return ErrorAnswer(refusal, asked->request_id);
  }
  asked->route = match.endpoint->path;
  auto call = std::make_shared<AdminCall>();
  call->context.request_id = asked->request_id;
  call->context.trace = asked->trace;
  call->context.cancellation = request->cancellation;
  call->words = std::move(match.words);
  call->request = request;
  auto answering = ServeEndpoint(asked, call, match.endpoint, request);
  Answer answer = co_await answering;
  if (!answer.ok())
    co_return ErrorAnswer(InCallersTerms(*match.endpoint, answer.status()), asked->request_id);
  co_return *std::move(answer);
}

Task<Answer> AdminApi::ServeEndpoint(std::shared_ptr<Asked> asked, std::shared_ptr<AdminCall> call,
                                     const Endpoint* endpoint, std::shared_ptr<http::Request> request) {
  if (endpoint->body != BodyKind::kNone || !request->body.empty()) {
    absl::Status type = openai::CheckContentType(*request);
    if (!type.ok()) co_return type;
  }
  absl::StatusOr<Credential> credential = ReadCredential(*request);
  bool anyone = endpoint->access == Access::kAnyone;
  if (!anyone && !credential.ok()) co_return credential.status();
  if (!anyone && credential->token.empty()) co_return NotSignedIn();
  if (!IsRead(request->method)) {
    bool proven = anyone                  ? IsSameOrigin(*request)
                  : credential->by_cookie ? ProvesItsPage(*request, credential->token)
                                          : true;
    if (!proven) co_return CsrfRefused(asked->request_id);
  }
  if (!anyone) {
    call->caller.credential = std::move(credential->token);
    call->caller.by_cookie = credential->by_cookie;
    auto admitting = Admit(call, endpoint->access);
    absl::StatusOr<Caller> caller = co_await admitting;
    if (!caller.ok()) co_return caller.status();
    call->caller = *std::move(caller);
    asked->actor = call->caller.actor;
  }
  absl::StatusOr<std::unique_ptr<const json::Document>> body =
      ReadBody(endpoint->body, std::move(request->body));
  if (!body.ok()) co_return body.status();
  call->body = *std::move(body);
  auto handling = endpoint->handle(options_.parts, std::move(call));
  Answer answer = co_await handling;
  co_return std::move(answer);
}

Task<absl::StatusOr<Caller>> AdminApi::Admit(CallPtr call, Access least) {
  auto asking = options_.parts.clients->AskOperators(call, &OperatorMethods::WhoAmI, {});
  absl::StatusOr<pb::WhoAmIResponse> who = co_await asking;
  if (!who.ok()) co_return who.status();
  if (who->role() < RoleFor(least)) co_return RoleNotAllowed(RoleFor(least), who->role());
  Caller caller = call->caller;
  caller.actor = who->actor();
  caller.role = who->role();
  caller.who = *std::move(who);
  co_return caller;
}

std::optional<http::Response> AdminApi::Static(Asked& asked, const http::Request& request) const {
  std::optional<http::Response> found = page_.Find(request.raw_path, request);
  asked.route = "page";
  if (request.raw_path == "/healthz") {
    asked.route = "healthz";
    found = Text(200, "ok\n");
  } else if (request.raw_path == "/openapi.json") {
    asked.route = "openapi";
    found = OpenApi();
  }
  if (!found) {
    asked.route = "unknown";
    return std::nullopt;
  }
  if (IsRead(request.method)) return found;
  return ErrorAnswer(MethodNotAllowed(request.method, "GET, HEAD"), asked.request_id);
}

http::Response AdminApi::Refuse(int status) const {
  Asked asked{.request_id = NewUuidV7(), .route = "refused", .started = absl::Now()};
  http::Response response = GateRefusal(status, asked.request_id);
  Finish(asked, response);
  return response;
}

int64_t AdminApi::BodyBytesMax(const http::Head& head) const {
  if (!head.has_credential) return kBodyBytesMax;
  absl::string_view path = absl::string_view(head.target).substr(0, head.target.find('?'));
  Router::Match match = router_.Find(head.method, path);
  bool large = match.endpoint != nullptr && match.endpoint->body == BodyKind::kLargeObject;
  return large ? kLargeBodyBytesMax : kBodyBytesMax;
}

void AdminApi::Finish(const Asked& asked, http::Response& response) const {
  absl::Duration duration = absl::Now() - asked.started;
  response.Header("x-request-id", asked.request_id);
  if (http::FindHeader(response.headers, "Cache-Control").empty())
    response.Header("Cache-Control", "no-store");
  for (const auto& [name, value] : kSafetyHeaders) response.Header(name, value);
  options_.metrics
      ->GetCounter("prismatic_admin_requests_total", "Requests of the admin port answered.",
                   {{"route", asked.route}, {"code", absl::StrCat(response.status)}})
      .Add();
  options_.metrics
      ->GetHistogram("prismatic_admin_request_duration_seconds",
                     "From the complete request of the admin port to its complete answer.",
                     metrics::SlowBuckets(), {{"route", asked.route}})
      .Observe(duration);
  bool probe = absl::string_view(asked.route) == "healthz";
  log::Write(probe ? log::kDebug : log::kInfo, "admin request",
             {{"request_id", asked.request_id},
              asked.trace,
              {"method", asked.method},
              {"route", asked.route},
              {"actor", asked.actor},
              {"status", response.status},
              {"duration_ms", absl::ToInt64Milliseconds(duration)},
              {"response_bytes", static_cast<uint64_t>(response.body.size())}});
}

}  // namespace prismatic::gateway::admin
