#include "services/admin_json/registry_json.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "services/admin_json/changes_json.h"
#include "services/admin_json/words.h"

namespace prismatic::admin_json {
namespace {

namespace pb = model_registry::v1;
namespace cpb = catalog::v1;

constexpr int kTimeoutSecondsDefault = 295;

using Texts = google::protobuf::RepeatedPtrField<std::string>;

void WriteOverride(json::Writer& writer, const cpb::Provider& provider) {
  writer.Key("images_override");
  if (!provider.has_images_override()) {
    writer.Null();
    return;
  }
  const cpb::ImagesOverride& flipped = provider.images_override();
  writer.BeginObject().Key("enabled").Bool(flipped.enabled()).Key("actor").String(flipped.actor());
  WriteTime(writer, "time", flipped.time_unix_ms() * 1000);
  writer.Key("file_enabled").Bool(flipped.file_enabled()).EndObject();
}

void WriteRoute(json::Writer& writer, const cpb::Route& route) {
  writer.BeginObject().Key("provider").String(route.provider());
  writer.Key("upstream_model").String(route.upstream_model());
  writer.Key("priority").Int(route.priority()).Key("weight").Int(route.weight());
  writer.Key("max_images_per_call").Int(route.max_images_per_call());
  cpb::ReferenceImages references = route.reference_images();
  // A catalog that says nothing takes none.
  if (references == cpb::REFERENCE_IMAGES_UNSPECIFIED) references = cpb::REFERENCE_IMAGES_NONE;
  writer.Key("reference_images")
      .String(EnumWord(cpb::ReferenceImages_Name(references), "REFERENCE_IMAGES_", references));
  writer.Key("disabled").Bool(route.disabled()).Key("retry_safe").Bool(route.retry_safe());
  WriteTexts(writer, "supported_parameters", route.supported_parameters());
  writer.EndObject();
}

// The one row that there is today.
void WritePrice(json::Writer& writer, const cpb::Model& model) {
  if (model.prices().empty()) {
    writer.Key("retail_generation_usd").Null().Key("retail_generation_nano_usd").Null();
  } else {
    WriteUsd(writer, "retail_generation", model.prices(0).retail_generation_nano_usd());
  }
}

}  // namespace

std::string WireFormatWord(cpb::WireFormat format) {
  return EnumWord(cpb::WireFormat_Name(format), "WIRE_FORMAT_", format);
}

std::string JobMappingWord(cpb::JobMapping mapping) {
  return EnumWord(cpb::JobMapping_Name(mapping), "JOB_MAPPING_", mapping);
}

int ProviderTimeoutSeconds(const cpb::Provider& provider) {
  return provider.timeout_seconds() > 0 ? provider.timeout_seconds() : kTimeoutSecondsDefault;
}

std::string ChangeKindWord(pb::CatalogChangeKind kind) {
  return EnumWord(pb::CatalogChangeKind_Name(kind), "CATALOG_CHANGE_KIND_", kind);
}

std::string RoleWord(pb::Role role) {
  if (role == pb::ROLE_UNSPECIFIED) return "";
  return EnumWord(pb::Role_Name(role), "ROLE_", role);
}

pb::Role RoleOf(absl::string_view word) {
  for (int i = 1; i < pb::Role_ARRAYSIZE; ++i) {
    auto role = static_cast<pb::Role>(i);
    if (RoleWord(role) == word) return role;
  }
  return pb::ROLE_UNSPECIFIED;
}

void WriteProviderMembers(json::Writer& writer, const cpb::Provider& provider) {
  writer.Key("name").String(provider.name());
  writer.Key("wire_format").String(WireFormatWord(provider.wire_format()));
  writer.Key("base_url").String(provider.base_url());
  WriteTexts(writer, "credentials", provider.credentials());
  writer.Key("images_enabled").Bool(provider.images_enabled());
  WriteOverride(writer, provider);
  writer.Key("max_concurrent").Int(provider.max_concurrent());
  writer.Key("timeout_seconds").Int(ProviderTimeoutSeconds(provider));
  WriteText(writer, "egress_proxy", provider.egress_proxy());
  bool jobs = provider.job_mapping() != cpb::JOB_MAPPING_UNSPECIFIED;
  WriteText(writer, "job_mapping", jobs ? JobMappingWord(provider.job_mapping()) : "");
}

void WriteModelMembers(json::Writer& writer, const cpb::Model& model) {
  writer.Key("name").String(model.name());
  WriteTexts(writer, "public_ids", model.public_ids());
  WriteText(writer, "owned_by", model.owned_by());
  WriteTime(writer, "create_time", model.created() * 1'000'000);
  writer.Key("capabilities").BeginArray();
  for (int capability : model.capabilities()) {
    auto known = static_cast<cpb::Capability>(capability);
    writer.String(EnumWord(cpb::Capability_Name(known), "CAPABILITY_", capability));
  }
  writer.EndArray();
  WritePrice(writer, model);
  writer.Key("quota_units_per_image").Int(model.quota_units_per_image());
  writer.Key("routes").BeginArray();
  for (const cpb::Route& route : model.routes()) WriteRoute(writer, route);
  writer.EndArray();
}

void WriteChanges(json::Writer& writer,
                  const google::protobuf::RepeatedPtrField<pb::CatalogChange>& changes) {
  WriteChangeList(writer, changes);
}

void WriteCatalogVersion(json::Writer& writer, const pb::CatalogVersion& version) {
  writer.BeginObject().Key("version").Int(version.version());
  writer.Key("content_version").Int(version.content_version());
  writer.Key("kind").String(ChangeKindWord(version.kind())).Key("actor").String(version.actor());
  WriteTime(writer, "time", version.time_unix_ms() * 1000);
  writer.Key("note").String(version.note()).Key("sha256").String(version.sha256());
  writer.Key("change_count").Int(version.change_count());
  writer.Key("replaced_version").Int(version.replaced_version()).EndObject();
}

void WriteAppliedMembers(json::Writer& writer, const pb::ApplyCatalogResponse& applied) {
  writer.Key("catalog_version").Int(applied.catalog_version()).Key("changed").Bool(applied.changed());
  writer.Key("changes");
  WriteChangeList(writer, applied.changes());
  WriteTexts(writer, "kept_overrides", applied.kept_overrides());
  WriteText(writer, "conflict", applied.conflict());
  WriteText(writer, "not_allowed", applied.not_allowed());
}

void WriteCatalogErrors(json::Writer& writer, const Texts& errors) {
  writer.BeginArray();
  for (const std::string& error : errors) {
    std::vector<std::string> parts = absl::StrSplit(error, absl::MaxSplits(": ", 2));
    parts.resize(3);
    std::pair<std::string, std::string> place = absl::StrSplit(parts[0], absl::MaxSplits(':', 1));
    int line = 0, column = 0;
    // Of another form than promised: as a whole, without a place.
    bool known = absl::SimpleAtoi(place.first, &line) && absl::SimpleAtoi(place.second, &column);
    writer.BeginObject().Key("line").Int(line).Key("column").Int(column);
    writer.Key("path").String(known ? parts[1] : "");
    writer.Key("message").String(known ? parts[2] : error).EndObject();
  }
  writer.EndArray();
}

void WriteExportMembers(json::Writer& writer, const pb::ExportCatalogResponse& exported) {
  writer.Key("yaml").String(exported.yaml());
  writer.Key("catalog_version").Int(exported.catalog_version());
  writer.Key("content_version").Int(exported.content_version());
  writer.Key("overrides").BeginArray();
  for (const cpb::Provider& provider : exported.overridden()) {
    const cpb::ImagesOverride& flipped = provider.images_override();
    writer.BeginObject().Key("provider").String(provider.name());
    writer.Key("enabled").Bool(flipped.enabled()).Key("actor").String(flipped.actor());
    WriteTime(writer, "time", flipped.time_unix_ms() * 1000);
    writer.EndObject();
  }
  writer.EndArray();
}

void WriteOperator(json::Writer& writer, const pb::Operator& person) {
  writer.BeginObject().Key("name").String(person.name()).Key("role").String(RoleWord(person.role()));
  writer.Key("disabled").Bool(person.disabled());
  WriteTime(writer, "create_time", person.create_time_us());
  WriteTime(writer, "login_time", person.login_time_us());
  writer.Key("password_is_initial").Bool(person.password_is_initial()).EndObject();
}

void WriteAuditEntry(json::Writer& writer, const pb::AuditEntry& entry) {
  writer.BeginObject();
  WriteTime(writer, "time", entry.time_us());
  writer.Key("actor").String(entry.actor()).Key("source").String("registry");
  writer.Key("action").String(entry.action()).Key("account").Null();
  writer.Key("target").String(entry.target()).Key("changes");
  WriteChangeList(writer, entry.changes());
  writer.Key("note").String(entry.note()).EndObject();
}

}  // namespace prismatic::admin_json
