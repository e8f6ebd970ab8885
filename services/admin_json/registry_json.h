#ifndef PRISMATIC_SERVICES_ADMIN_JSON_REGISTRY_JSON_H_
#define PRISMATIC_SERVICES_ADMIN_JSON_REGISTRY_JSON_H_

#include <string>

#include "google/protobuf/repeated_field.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/common/json/json.h"

// What the registry administers, as JSON objects; `...Members` write into an object that is open.

namespace prismatic::admin_json {

void WriteProviderMembers(json::Writer& writer, const catalog::v1::Provider& provider);
void WriteModelMembers(json::Writer& writer, const catalog::v1::Model& model);
// [{"path", "before", "after"}]
void WriteChanges(json::Writer& writer,
                  const google::protobuf::RepeatedPtrField<model_registry::v1::CatalogChange>& changes);
void WriteCatalogVersion(json::Writer& writer, const model_registry::v1::CatalogVersion& version);
// The members that every change of the catalog is answered with: catalog_version, changed, changes,
// kept_overrides, conflict.
void WriteAppliedMembers(json::Writer& writer, const model_registry::v1::ApplyCatalogResponse& applied);
// [{"line", "column", "path", "message"}] of `ApplyCatalogResponse.errors`.
void WriteCatalogErrors(json::Writer& writer, const google::protobuf::RepeatedPtrField<std::string>& errors);
// An exported catalog: yaml, catalog_version, content_version, overrides [{"provider", "enabled", "actor",
// "time"}].
void WriteExportMembers(json::Writer& writer, const model_registry::v1::ExportCatalogResponse& exported);
void WriteOperator(json::Writer& writer, const model_registry::v1::Operator& person);
// `source` "registry".
void WriteAuditEntry(json::Writer& writer, const model_registry::v1::AuditEntry& entry);

// "async_job", "fal".
std::string WireFormatWord(catalog::v1::WireFormat format);
std::string JobMappingWord(catalog::v1::JobMapping mapping);
// What one call may take where the provider says nothing (an older catalog): catalog.proto's default.
int ProviderTimeoutSeconds(const catalog::v1::Provider& provider);
// "rollback".
std::string ChangeKindWord(model_registry::v1::CatalogChangeKind kind);
// "owner"; empty when unspecified.
std::string RoleWord(model_registry::v1::Role role);
// The opposite; UNSPECIFIED for anything else.
model_registry::v1::Role RoleOf(absl::string_view word);

}  // namespace prismatic::admin_json

#endif  // PRISMATIC_SERVICES_ADMIN_JSON_REGISTRY_JSON_H_
