#include <utility>

#include "gateway/admin/answers.h"
#include "gateway/admin/body_reader.h"
#include "gateway/admin/catalog_edits.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_reader.h"
#include "services/admin_json/registry_json.h"
#include "services/admin_json/words.h"

// The catalog as a file, and its history.

namespace prismatic::gateway::admin {
namespace {

namespace pb = model_registry::v1;

constexpr int64_t kVersionPageMax = 100;
constexpr int64_t kVersionPageDefault = 20;

void WriteOverrides(json::Writer& writer, const pb::ExportCatalogResponse& exported) {
  writer.Key("overrides").BeginArray();
  for (const catalog::v1::Provider& provider : exported.overridden()) {
    const catalog::v1::ImagesOverride& flipped = provider.images_override();
    writer.BeginObject().Key("provider").String(provider.name());
    writer.Key("enabled").Bool(flipped.enabled()).Key("actor").String(flipped.actor());
    admin_json::WriteTime(writer, "time", flipped.time_unix_ms() * 1000);
    writer.EndObject();
  }
  writer.EndArray();
}

Task<Answer> ShowCatalog(AdminParts parts, CallPtr call) {
  QueryReader query(*call->request);
  pb::ExportCatalogRequest request;
  request.set_version(query.Int("version", kVersions).value_or(0));
  absl::Status read = query.Done();
  if (!read.ok()) co_return read;
  auto asking =
      parts.clients->AskRegistry(call, &RegistryMethods::ExportCatalog, std::move(request), kCatalogTime);
  absl::StatusOr<pb::ExportCatalogResponse> exported = co_await asking;
  if (!exported.ok()) co_return exported.status();
  json::Writer writer(exported->yaml().size() + 1024);
  writer.BeginObject().Key("yaml").String(exported->yaml());
  writer.Key("catalog_version").Int(exported->catalog_version());
  writer.Key("content_version").Int(exported->content_version());
  WriteOverrides(writer, *exported);
  writer.EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> ApplyCatalog(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::ApplyCatalogRequest request;
  request.set_yaml(body.Text("yaml"));
  request.set_drop_overrides(body.OptionalBool("drop_overrides", false));
  request.set_is_edit(!body.OptionalBool("from_file", false));
  ReadEditTerms(body, request);
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto asking =
      parts.clients->AskRegistry(call, &RegistryMethods::ApplyCatalog, std::move(request), kCatalogTime);
  absl::StatusOr<pb::ApplyCatalogResponse> applied = co_await asking;
  co_return AppliedAnswer(call, applied);
}

Task<Answer> ListVersions(AdminParts parts, CallPtr call) {
  QueryReader query(*call->request);
  pb::ListCatalogVersionsRequest request;
  request.set_page_size(
      static_cast<int32_t>(query.Int("page_size", {1, kVersionPageMax}).value_or(kVersionPageDefault)));
  request.set_before_version(query.Int("before_version", kVersions).value_or(0));
  absl::Status read = query.Done();
  if (!read.ok()) co_return read;
  auto asking = parts.clients->AskRegistry(call, &RegistryMethods::ListCatalogVersions, std::move(request));
  absl::StatusOr<pb::ListCatalogVersionsResponse> listed = co_await asking;
  if (!listed.ok()) co_return listed.status();
  json::Writer writer;
  writer.BeginObject().Key("versions").BeginArray();
  for (const pb::CatalogVersion& version : listed->versions())
    admin_json::WriteCatalogVersion(writer, version);
  writer.EndArray().Key("more").Bool(listed->more()).EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> CompareVersions(AdminParts parts, CallPtr call) {
  QueryReader query(*call->request);
  pb::CompareCatalogsRequest request;
  request.set_from(query.Int("from", kVersions).value_or(0));
  request.set_to(query.Int("to", kVersions).value_or(0));
  absl::Status read = query.Done();
  if (!read.ok()) co_return read;
  auto asking =
      parts.clients->AskRegistry(call, &RegistryMethods::CompareCatalogs, std::move(request), kCatalogTime);
  absl::StatusOr<pb::CompareCatalogsResponse> compared = co_await asking;
  if (!compared.ok()) co_return compared.status();
  json::Writer writer;
  writer.BeginObject().Key("changes");
  admin_json::WriteChanges(writer, compared->changes());
  writer.Key("from").Int(compared->from()).Key("to").Int(compared->to()).EndObject();
  co_return JsonAnswer(std::move(writer));
}

Task<Answer> RollBack(AdminParts parts, CallPtr call) {
  BodyReader body(call->body->root());
  pb::RollbackCatalogRequest request;
  request.set_version(body.Int("version", kVersions));
  request.set_based_on(body.OptionalInt("based_on", kVersions).value_or(0));
  request.set_note(body.OptionalText("note").value_or(""));
  request.set_validate_only(body.OptionalBool("validate_only", false));
  absl::Status read = body.Done();
  if (!read.ok()) co_return read;
  auto asking =
      parts.clients->AskRegistry(call, &RegistryMethods::RollbackCatalog, std::move(request), kCatalogTime);
  absl::StatusOr<pb::ApplyCatalogResponse> applied = co_await asking;
  co_return AppliedAnswer(call, applied);
}

}  // namespace

Endpoints CatalogEndpoints() {
  return {
      {"GET", "/admin/v1/catalog", Access::kViewer, BodyKind::kNone, ShowCatalog},
      // The registry asks for more where a change is an owner's.
      {"POST", "/admin/v1/catalog", Access::kOperator, BodyKind::kLargeObject, ApplyCatalog},
      {"GET", "/admin/v1/catalog/versions", Access::kViewer, BodyKind::kNone, ListVersions},
      {"GET", "/admin/v1/catalog/changes", Access::kViewer, BodyKind::kNone, CompareVersions},
      {"POST", "/admin/v1/catalog/rollback", Access::kOperator, BodyKind::kObject, RollBack},
  };
}

}  // namespace prismatic::gateway::admin
