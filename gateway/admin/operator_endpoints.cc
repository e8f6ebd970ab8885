#include <optional>
#include <utility>

#include "gateway/admin/answers.h"
#include "gateway/admin/body_reader.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/registry_json.h"

// The people who operate the suite.

namespace prismatic::gateway::admin {
namespace {

namespace pb = model_registry::v1;

// The word's role; what is no role is told to `body`.
pb::Role ReadRole(BodyReader& body, const std::optional<std::string>& word) {
  if (!word) return pb::ROLE_UNSPECIFIED;
  pb::Role role = admin_json::RoleOf(*word);
  if (role == pb::ROLE_UNSPECIFIED) body.Fail("role", "must be viewer, operator or owner.");
  return role;
}

http::Response OperatorAnswer(const pb::Operator& person) {
  json::Writer writer;
  admin_json::WriteOperator(writer, person);
  return JsonAnswer(std::move(writer));
}

http::Response PasswordAnswer(const pb::Operator& person, absl::string_view password, int status) {
  json::Writer writer;
  writer.BeginObject().Key("operator");
  admin_json::WriteOperator(writer, person);
  writer.Key("password").String(password).EndObject();
  return JsonAnswer(std::move(writer), status);
}

Task<Answer> ListOperators(AdminParts parts, CallPtr call) {
  absl::Status read = QueryReader(*call->request).Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::ListOperators, {});
  absl::StatusOr<pb::ListOperatorsResponse> listed = co_await asking;
  if (!listed.ok()) co_return listed.status();
  json::Writer writer;
  writer.BeginObject().Key("operators").BeginArray();
  for (const pb::Operator& person : listed->operators()) admin_json::WriteOperator(writer, person);
  writer.EndArray().EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> CreateOperator(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::CreateOperatorRequest request;
  request.set_name(body.Text("name"));
  request.set_role(ReadRole(body, body.Text("role")));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::CreateOperator, std::move(request));
  absl::StatusOr<pb::CreateOperatorResponse> created = co_await asking;
  if (!created.ok()) co_return created.status();
  co_return PasswordAnswer(created->operator_(), created->password(), 201);
}

Task<Answer> UpdateOperator(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::UpdateOperatorRequest request;
  request.set_name(call->words[0]);
  request.set_role(ReadRole(body, body.OptionalText("role")));
  if (body.OptionalValue("disabled") != nullptr) request.set_disabled(body.Bool("disabled"));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::UpdateOperator, std::move(request));
  absl::StatusOr<pb::UpdateOperatorResponse> updated = co_await asking;
  if (!updated.ok()) co_return updated.status();
  co_return OperatorAnswer(updated->operator_());
}

Task<Answer> ResetPassword(AdminParts parts, CallPtr call) {
  pb::ResetPasswordRequest request;
  request.set_name(call->words[0]);
  auto asking = parts.clients->AskOperators(call, &OperatorMethods::ResetPassword, std::move(request));
  absl::StatusOr<pb::ResetPasswordResponse> reset = co_await asking;
  if (!reset.ok()) co_return reset.status();
  co_return PasswordAnswer(reset->operator_(), reset->password(), 200);
}

}  // namespace

Endpoints OperatorEndpoints() {
  return {
      {"GET", "/admin/v1/operators", Access::kViewer, BodyKind::kNone, ListOperators},
      {"POST", "/admin/v1/operators", Access::kOwner, BodyKind::kObject, CreateOperator},
      {"PATCH", "/admin/v1/operators/{name}", Access::kOwner, BodyKind::kObject, UpdateOperator},
      {"POST", "/admin/v1/operators/{name}/reset-password", Access::kOwner, BodyKind::kNone, ResetPassword},
  };
}

}  // namespace prismatic::gateway::admin
