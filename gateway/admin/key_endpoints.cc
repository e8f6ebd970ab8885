// API keys.

#include <optional>
#include <string>
#include <utility>

#include "gateway/admin/account_endpoints.h"
#include "gateway/admin/answers.h"
#include "gateway/admin/billing_fields.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/billing_json.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::gateway::admin {
namespace {

namespace pb = billing::v1;

void WriteKey(json::Writer& writer, const pb::Key& key) {
  writer.BeginObject();
  admin_json::WriteKeyMembers(writer, key);
  writer.EndObject();
}

http::Response KeyAnswer(const pb::Key& key) {
  json::Writer writer;
  WriteKey(writer, key);
  return JsonAnswer(std::move(writer));
}

Task<Answer> ListKeys(AdminParts parts, CallPtr call) {
  if (absl::Status read = QueryReader(*call->request).Done(); !read.ok()) co_return read;
  pb::ListKeysRequest request;
  request.set_account(call->words[0]);
  auto asking = parts.clients->AskBilling(call, &BillingMethods::ListKeys, std::move(request));
  absl::StatusOr<pb::ListKeysResponse> list = co_await asking;
  if (!list.ok()) co_return list.status();
  json::Writer writer;
  writer.BeginObject().Key("keys").BeginArray();
  for (const pb::Key& key : list->keys()) WriteKey(writer, key);
  writer.EndArray().EndObject();
  co_return JsonAnswer(std::move(writer));
}

absl::StatusOr<pb::CreateKeyRequest> ReadNewKey(const AdminCall& call) {
  BodyReader body(call.body->root());
  pb::CreateKeyRequest request;
  request.set_account(call.words[0]);
  *request.mutable_limits() = ReadLimits(body);
  request.set_expires_in_seconds(ReadKeyLife(body).value_or(0));
  if (auto models = ReadModels(body))
    request.mutable_allowed_models()->Assign(models->begin(), models->end());
  RETURN_IF_ERROR(body.Done());
  return request;
}

Task<Answer> CreateKey(AdminParts parts, CallPtr call) {
  absl::StatusOr<pb::CreateKeyRequest> request = ReadNewKey(*call);
  if (!request.ok()) co_return request.status();
  auto asking = parts.clients->AskBilling(call, &BillingMethods::CreateKey, *std::move(request));
  absl::StatusOr<pb::CreateKeyResponse> made = co_await asking;
  if (!made.ok()) co_return made.status();
  json::Writer writer;
  writer.BeginObject().Key("key");
  WriteKey(writer, made->key());
  writer.Key("api_key").String(made->api_key()).EndObject();
  co_return JsonAnswer(std::move(writer), 201);
}

absl::StatusOr<pb::UpdateKeyRequest> ReadChange(const AdminCall& call) {
  BodyReader body(call.body->root());
  pb::UpdateKeyRequest request;
  pb::LimitsChange limits = ReadLimitsChange(body);
  if (!IsEmpty(limits)) *request.mutable_limits() = std::move(limits);
  // Null allows all, as an empty list does.
  if (body.IsNull("models")) request.mutable_allowed_models();
  if (auto models = ReadModels(body)) {
    request.mutable_allowed_models()->mutable_models()->Assign(models->begin(), models->end());
  }
  if (body.IsNull("expires_in_seconds")) request.set_expires_in_seconds(0);
  if (std::optional<int64_t> life = ReadKeyLife(body)) request.set_expires_in_seconds(*life);
  RETURN_IF_ERROR(body.Done());
  if (request.ByteSizeLong() == 0) return InvalidValue("", "There is nothing to change.");
  request.set_key_id(call.words[0]);
  return request;
}

Task<Answer> ChangeKey(AdminParts parts, CallPtr call) {
  absl::StatusOr<pb::UpdateKeyRequest> request = ReadChange(*call);
  if (!request.ok()) co_return request.status();
  auto asking = parts.clients->AskBilling(call, &BillingMethods::UpdateKey, *std::move(request));
  absl::StatusOr<pb::UpdateKeyResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return KeyAnswer(response->key());
}

Task<Answer> RevokeKey(AdminParts parts, CallPtr call) {
  pb::RevokeKeyRequest request;
  request.set_key_id(call->words[0]);
  auto asking = parts.clients->AskBilling(call, &BillingMethods::RevokeKey, std::move(request));
  absl::StatusOr<pb::RevokeKeyResponse> response = co_await asking;
  if (!response.ok()) co_return response.status();
  co_return KeyAnswer(response->key());
}

}  // namespace

Endpoints KeyEndpoints() {
  return {
      {"GET", "/admin/v1/accounts/{name}/keys", Access::kViewer, BodyKind::kNone, ListKeys},
      {"POST", "/admin/v1/accounts/{name}/keys", Access::kOwner, BodyKind::kObject, CreateKey},
      {"PATCH", "/admin/v1/keys/{id}", Access::kOwner, BodyKind::kObject, ChangeKey},
      {"POST", "/admin/v1/keys/{id}/revoke", Access::kOperator, BodyKind::kNone, RevokeKey},
  };
}

}  // namespace prismatic::gateway::admin
