#include <optional>
#include <utility>

#include "gateway/admin/answers.h"
#include "gateway/admin/body_reader.h"
#include "gateway/admin/browser_safety.h"
#include "gateway/admin/endpoint.h"
#include "services/admin_json/registry_json.h"
#include "services/admin_json/words.h"

// Sign in, sign out, and who one is.

namespace prismatic::gateway::admin {
namespace {

namespace pb = model_registry::v1;

// operators.proto's.
constexpr size_t kNameBytesMax = 40;

struct Session {
  std::string actor;
  pb::Role role;
  // Empty for machines, which need none.
  std::string csrf_token;
  int64_t expire_time_us;
  int64_t idle_expire_time_us;
  // Null with the admin token.
  const pb::Operator* person;
};

http::Response SessionAnswer(const Session& session) {
  json::Writer writer;
  writer.BeginObject().Key("actor").String(session.actor);
  writer.Key("role").String(admin_json::RoleWord(session.role));
  admin_json::WriteText(writer, "csrf_token", session.csrf_token);
  admin_json::WriteTime(writer, "expire_time", session.expire_time_us);
  admin_json::WriteTime(writer, "idle_expire_time", session.idle_expire_time_us);
  writer.Key("operator");
  if (session.person != nullptr) {
    admin_json::WriteOperator(writer, *session.person);
  } else {
    writer.Null();
  }
  writer.EndObject();
  return JsonAnswer(std::move(writer));
}

Task<Answer> LogIn(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::LoginRequest request;
  request.set_name(body.Text("name"));
  if (request.name().size() > kNameBytesMax) body.Fail("name", "must have at most 40 characters.");
  request.set_password(body.Text("password"));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  request.set_address(parts.proxies->ClientOf(*call->request));
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::Login, std::move(request));
  absl::StatusOr<pb::LoginResponse> login = co_await asking;
  if (!login.ok()) co_return login.status();
  http::Response response = SessionAnswer({.actor = login->operator_().name(),
                                           .role = login->operator_().role(),
                                           .csrf_token = CsrfTokenOf(login->session_token()),
                                           .expire_time_us = login->expire_time_us(),
                                           .idle_expire_time_us = login->idle_expire_time_us(),
                                           .person = &login->operator_()});
  response.Header("Set-Cookie", SetSessionCookie(login->session_token()));
  co_return response;
}

Task<Answer> ShowSession(AdminParts, CallPtr call) {
  const pb::WhoAmIResponse& who = call->caller.who;
  co_return SessionAnswer({.actor = who.actor(),
                           .role = who.role(),
                           .csrf_token = call->caller.by_cookie ? CsrfTokenOf(call->caller.credential) : "",
                           .expire_time_us = who.expire_time_us(),
                           .idle_expire_time_us = who.idle_expire_time_us(),
                           .person = who.has_operator_() ? &who.operator_() : nullptr});
}

Task<Answer> LogOut(AdminParts parts, CallPtr call) {
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::Logout, {});
  absl::StatusOr<pb::LogoutResponse> ended = co_await asking;
  if (!ended.ok()) co_return ended.status();
  http::Response response = NoContent();
  if (call->caller.by_cookie) response.Header("Set-Cookie", ClearSessionCookie());
  co_return response;
}

Task<Answer> ChangePassword(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::ChangePasswordRequest request;
  request.set_old_password(body.Text("old_password"));
  request.set_new_password(body.Text("new_password"));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::ChangePassword, std::move(request));
  absl::StatusOr<pb::ChangePasswordResponse> changed = co_await asking;
  if (!changed.ok()) co_return changed.status();
  co_return NoContent();
}

}  // namespace

Endpoints SessionEndpoints() {
  return {
      {"POST", "/admin/v1/session", Access::kAnyone, BodyKind::kObject, LogIn},
      {"GET", "/admin/v1/session", Access::kViewer, BodyKind::kNone, ShowSession},
      {"DELETE", "/admin/v1/session", Access::kViewer, BodyKind::kNone, LogOut},
      {"POST", "/admin/v1/password", Access::kViewer, BodyKind::kObject, ChangePassword},
  };
}

}  // namespace prismatic::gateway::admin
