#include "gateway/admin/catalog_edits.h"

#include <utility>

#include "gateway/admin/answers.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/registry_json.h"

namespace prismatic::gateway::admin {

namespace pb = model_registry::v1;

Answer AppliedAnswer(const CallPtr& call, const absl::StatusOr<pb::ApplyCatalogResponse>& applied) {
  if (!applied.ok()) return applied.status();
  if (!applied->errors().empty()) {
    bool has_text = call->body != nullptr && call->body->root().Find("yaml") != nullptr;
    return CatalogErrors(applied->errors(), has_text ? "yaml" : "", call->request_id());
  }
  json::Writer writer;
  writer.BeginObject();
  admin_json::WriteAppliedMembers(writer, *applied);
  writer.EndObject();
  return JsonAnswer(std::move(writer));
}

Task<Answer> Edit(AdminParts parts, CallPtr call, pb::EditCatalogRequest request) {
  auto asking =
      parts.clients->AskRegistry(call, &RegistryMethods::EditCatalog, std::move(request), kCatalogTime);
  absl::StatusOr<pb::ApplyCatalogResponse> applied = co_await asking;
  co_return AppliedAnswer(call, applied);
}

absl::Status ReadQueryTerms(const CallPtr& call, pb::EditCatalogRequest& request) {
  QueryReader query(*call->request);
  request.set_based_on(query.Int("based_on", kVersions).value_or(0));
  request.set_note(query.Text("note").value_or(""));
  return query.Done();
}

}  // namespace prismatic::gateway::admin
