// How the catalog is changed.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/model_registry/catalog_text.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/compose.h"
#include "services/model_registry/operators/authority.h"
#include "services/model_registry/registry.h"
#include "services/model_registry/registry_errors.h"

namespace prismatic::model_registry {
namespace {

// A lost race is run again: what speaks against a change is looked at anew. Five lost in a row mean that
// something else is wrong.
constexpr int kAttempts = 5;

// As in model_registry.proto.
constexpr int64_t kPriceNanoUsdMax = 9'000'000'000'000'000;
constexpr int32_t kQuotaUnitsMax = 1'000'000;

absl::Status CheckVersion(const char* field, int64_t version) {
  if (version >= 0) return absl::OkStatus();
  return InvalidValue(field, absl::StrCat("`", field, "` must not be negative."));
}

absl::Status CheckRequest(const Caller& caller, int64_t based_on, absl::string_view note) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_OPERATOR);
  if (!allowed.ok()) return allowed;
  absl::Status version = CheckVersion("based_on", based_on);
  return version.ok() ? CheckNote(note) : version;
}

absl::Status CheckPrice(const v1::ModelPrice& price) {
  int64_t nano_usd = price.retail_generation_nano_usd();
  if (nano_usd < 0 || nano_usd > kPriceNanoUsdMax) {
    return InvalidValue("retail_generation_usd", "the price must be 0 to 9,000,000 dollars");
  }
  if (price.quota_units_per_image() < 0 || price.quota_units_per_image() > kQuotaUnitsMax) {
    return InvalidValue("quota_units_per_image", "the quota units of an image must be 1 to 1,000,000");
  }
  return absl::OkStatus();
}

absl::Status CheckEdit(const v1::EditCatalogRequest& request) {
  if (request.edit_case() == v1::EditCatalogRequest::EDIT_NOT_SET) {
    return InvalidValue("edit", "The call must say what to put or delete.");
  }
  if (request.based_on() == 0 && !request.force()) {
    return InvalidValue("based_on", "`based_on` must name the version that the change is based on.");
  }
  if (request.has_set_price()) return CheckPrice(request.set_price());
  return absl::OkStatus();
}

// The name of the entry that `put` replaces; empty when it is a further one.
template <typename Entries>
std::string Replaced(const Entries& entries, const v1::EditCatalogRequest& request, const std::string& put) {
  if (!request.replace() || !request.name().empty()) return request.name();
  std::string own = NameOfEntry(put);
  bool there =
      std::any_of(entries.begin(), entries.end(), [&](const auto& each) { return each.name() == own; });
  return there ? own : "";
}

absl::StatusOr<CatalogFromYaml> Edited(const catalog::v1::Catalog& present,
                                       const v1::EditCatalogRequest& request) {
  CatalogFromYaml edited;
  std::string name = request.name();
  switch (request.edit_case()) {
    case v1::EditCatalogRequest::kPutProvider:
      name = Replaced(present.providers(), request, request.put_provider());
      edited = ReadCatalogWithProvider(present, name, request.put_provider());
      break;
    case v1::EditCatalogRequest::kPutModel:
      name = Replaced(present.models(), request, request.put_model());
      edited = ReadCatalogWithModel(present, name, request.put_model());
      break;
    case v1::EditCatalogRequest::kDeleteProvider:
      name = request.delete_provider();
      edited = ReadCatalogWithoutProvider(present, name);
      break;
    case v1::EditCatalogRequest::kSetPrice: {
      const v1::ModelPrice& price = request.set_price();
      name = price.model();
      std::optional<int64_t> nano_usd;
      if (price.has_retail_generation_nano_usd()) nano_usd = price.retail_generation_nano_usd();
      edited = CatalogWithPrice(present, name, nano_usd, price.quota_units_per_image());
      break;
    }
    default:
      name = request.delete_model();
      edited = ReadCatalogWithoutModel(present, name);
  }
  if (edited.found) return edited;
  return request.has_put_provider() || request.has_delete_provider() ? error::ProviderNotFound(name)
                                                                     : error::ModelNotFound(name);
}

// Providers that come back, perhaps under the name that they had, come back as they were switched.
void RestoreOverrides(const catalog::v1::Catalog& before, const catalog::v1::Catalog& present,
                      catalog::v1::Catalog& restored) {
  for (catalog::v1::Provider& provider : *restored.mutable_providers()) {
    const catalog::v1::Provider* then = FindProvider(provider.name(), before);
    bool comes_back = FindProvider(provider.name(), present) == nullptr && then != nullptr;
    if (!comes_back || !then->has_images_override()) continue;
    *provider.mutable_images_override() = then->images_override();
    provider.set_images_enabled(then->images_override().enabled());
  }
}

v1::AuditEntry AuditOfSwitch(const Caller& caller, const catalog::v1::Provider& before, bool enabled) {
  v1::AuditEntry entry;
  entry.set_actor(caller.actor);
  entry.set_action("provider.images");
  entry.set_target(before.name());
  v1::AuditChange& change = *entry.add_changes();
  change.set_path("images_enabled");
  change.set_before(before.images_enabled() ? "true" : "false");
  change.set_after(enabled ? "true" : "false");
  return entry;
}

v1::CatalogVersion RecordOfSwitch(const Caller& caller, const StoredCatalog& present) {
  v1::CatalogVersion record;
  record.set_kind(v1::CATALOG_CHANGE_KIND_SWITCH);
  record.set_actor(caller.actor);
  record.set_content_version(present.content_version());
  record.set_replaced_version(present.version());
  record.set_change_count(1);
  return record;
}

}  // namespace

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::ApplyCatalog(Caller caller,
                                                                      v1::ApplyCatalogRequest request) {
  absl::Status good = CheckRequest(caller, request.based_on(), request.note());
  if (!good.ok()) co_return good;
  ResumeOn reader(&reader_);
  co_await reader;
  auto read = std::make_shared<CatalogFromYaml>(ReadCatalogYaml(request.yaml()));
  ResumeOn loop(&loop_);
  co_await loop;
  if (!read->ok()) {
    v1::ApplyCatalogResponse response;
    response.mutable_errors()->Assign(read->errors.begin(), read->errors.end());
    response.set_catalog_version(holder_.Current()->version());
    co_return response;
  }
  ContentChange change;
  change.kind = request.is_edit() ? v1::CATALOG_CHANGE_KIND_EDIT : v1::CATALOG_CHANGE_KIND_APPLY;
  change.from_file = !request.is_edit();
  change.caller = std::move(caller);
  change.content = [read](const catalog::v1::Catalog&) { return *read; };
  change.based_on = request.based_on() > 0 ? request.based_on() : read->based_on;
  change.only_a_files = true;
  change.force = request.force();
  change.drop_overrides = request.drop_overrides();
  change.note = request.note();
  auto done = request.validate_only() ? Check(std::move(change)) : Make(std::move(change));
  absl::StatusOr<v1::ApplyCatalogResponse> response = co_await done;
  co_return response;
}

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::EditCatalog(Caller caller,
                                                                     v1::EditCatalogRequest request) {
  absl::Status good = CheckRequest(caller, request.based_on(), request.note());
  if (good.ok()) good = CheckEdit(request);
  if (!good.ok()) co_return good;
  ContentChange change;
  change.kind = v1::CATALOG_CHANGE_KIND_EDIT;
  change.caller = std::move(caller);
  change.based_on = request.based_on();
  change.force = request.force();
  change.note = request.note();
  bool validate_only = request.validate_only();
  change.content = [request = std::move(request)](const catalog::v1::Catalog& present) {
    return Edited(present, request);
  };
  auto done = validate_only ? Check(std::move(change)) : Make(std::move(change));
  absl::StatusOr<v1::ApplyCatalogResponse> response = co_await done;
  co_return response;
}

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::RollbackCatalog(Caller caller,
                                                                         v1::RollbackCatalogRequest request) {
  absl::Status good = CheckRequest(caller, request.based_on(), request.note());
  if (!good.ok()) co_return good;
  auto find = Find(request.version());
  absl::StatusOr<PastCatalog> past = co_await find;
  if (!past.ok()) co_return past.status();
  ContentChange change;
  change.kind = v1::CATALOG_CHANGE_KIND_ROLLBACK;
  change.caller = std::move(caller);
  change.based_on = request.based_on();
  change.note =
      request.note().empty() ? absl::StrCat("Back to version ", request.version(), ".") : request.note();
  // What was valid when it was put in force may not be any more.
  catalog::v1::Catalog before = past->catalog;
  change.content =
      [before = std::move(before),
       file = AsFile(std::move(past->catalog), past->first_import_ms)](const catalog::v1::Catalog& present) {
        CatalogFromYaml read = ReadCatalogYaml(CatalogYaml(file, 0));
        RestoreOverrides(before, present, read.catalog);
        return read;
      };
  auto done = request.validate_only() ? Check(std::move(change)) : Make(std::move(change));
  absl::StatusOr<v1::ApplyCatalogResponse> response = co_await done;
  co_return response;
}

Task<absl::StatusOr<PreparedChange>> Registry::PrepareOnReader(ContentChange change, StoredCatalog present) {
  ResumeOn reader(&reader_);
  co_await reader;
  absl::StatusOr<PreparedChange> prepared = Prepare(change, present);
  ResumeOn loop(&loop_);
  co_await loop;
  co_return prepared;
}

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::Check(ContentChange change) {
  auto asked = Fresh();
  absl::StatusOr<StoredCatalog> present = co_await asked;
  if (HasReason(present.status(), common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE)) present = Held();
  if (!present.ok()) co_return present.status();
  auto prepare = PrepareOnReader(std::move(change), *std::move(present));
  absl::StatusOr<PreparedChange> prepared = co_await prepare;
  if (!prepared.ok()) co_return prepared.status();
  prepared->response.set_conflict(std::string(prepared->conflict.message()));
  prepared->response.set_not_allowed(std::string(prepared->allowed.message()));
  co_return std::move(prepared->response);
}

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::Make(ContentChange change) {
  for (int attempt = 1;; ++attempt) {
    auto attempted = TryMake(change, &change.content_seen);
    absl::StatusOr<v1::ApplyCatalogResponse> response = co_await attempted;
    if (!error::IsLostRace(response.status()) || attempt == kAttempts) co_return response;
  }
}

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::TryMake(ContentChange change,
                                                                 int64_t* content_seen) {
  auto asked = Fresh();
  absl::StatusOr<StoredCatalog> present = co_await asked;
  if (!present.ok()) co_return present.status();
  if (*content_seen == 0) *content_seen = present->content_version();
  const char* kind = KindName(change.kind);
  if (present->unreadable) {
    if (change.kind == v1::CATALOG_CHANGE_KIND_EDIT) co_return error::StoreUnreadable();
    log::Error("the store holds something that is no catalog, replacing it",
               {{"kind", kind}, {"store_version", present->version()}});
  }
  auto prepare = PrepareOnReader(change, *present);
  absl::StatusOr<PreparedChange> prepared = co_await prepare;
  if (!prepared.ok()) co_return prepared.status();
  if (prepared->response.errors_size() > 0) co_return std::move(prepared->response);
  if (!prepared->response.changed()) {
    bool applied = change.kind == v1::CATALOG_CHANGE_KIND_APPLY && change.from_file;
    auto note = NoteFile(*std::move(present), change.imported_sha256, applied);
    absl::Status noted = co_await note;
    if (!noted.ok()) co_return noted;
    co_return std::move(prepared->response);
  }
  if (!prepared->conflict.ok()) co_return prepared->conflict;
  if (!prepared->allowed.ok()) co_return prepared->allowed;
  auto commit = Commit(kind, present->version(), std::move(prepared->next), std::move(prepared->audit));
  absl::StatusOr<StoredCatalog> committed = co_await commit;
  if (!committed.ok()) co_return committed.status();
  v1::ApplyCatalogResponse& response = prepared->response;
  if (response.kept_overrides_size() > 0) {
    log::Warning("switches flipped at run time stay in force",
                 {{"providers", absl::StrJoin(response.kept_overrides(), ",")}});
  }
  response.set_catalog_version(committed->version());
  co_return std::move(response);
}

// Whatever made the content, a file says it now.
Task<absl::Status> Registry::NoteFile(StoredCatalog present, std::optional<std::string> imported_sha256,
                                      bool applied) {
  v1::CatalogVersion& content = present.content_record;
  // Somebody has looked at it since.
  bool settles = content.kind() == v1::CATALOG_CHANGE_KIND_EDIT ||
                 content.kind() == v1::CATALOG_CHANGE_KIND_ROLLBACK || content.replaced_edits_version() > 0;
  bool imports = imported_sha256.has_value() && *imported_sha256 != present.imported_sha256;
  if (!imports && !(applied && settles)) co_return absl::OkStatus();
  if (imports) present.NoteImported(*imported_sha256);
  content.set_kind(applied ? v1::CATALOG_CHANGE_KIND_APPLY : v1::CATALOG_CHANGE_KIND_IMPORT);
  if (applied) content.clear_replaced_edits_version();
  auto note = store_.NoteImport(present.version(), present);
  absl::Status noted = co_await note;
  if (noted.ok()) Adopt(std::move(present));
  co_return noted;
}

Task<absl::StatusOr<v1::SetProviderImagesResponse>> Registry::SetProviderImages(
    Caller caller, v1::SetProviderImagesRequest request) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_OPERATOR);
  if (!allowed.ok()) co_return allowed;
  for (int attempt = 1;; ++attempt) {
    auto attempted = TrySetProviderImages(caller, request);
    absl::StatusOr<v1::SetProviderImagesResponse> response = co_await attempted;
    if (!error::IsLostRace(response.status()) || attempt == kAttempts) co_return response;
  }
}

Task<absl::StatusOr<v1::SetProviderImagesResponse>> Registry::TrySetProviderImages(
    Caller caller, v1::SetProviderImagesRequest request) {
  auto asked = Fresh();
  absl::StatusOr<StoredCatalog> present = co_await asked;
  if (!present.ok()) co_return present.status();
  if (present->unreadable) co_return error::StoreUnreadable();

  const catalog::v1::Provider* provider = FindProvider(request.provider(), present->catalog);
  if (provider == nullptr) co_return error::ProviderNotFound(request.provider());
  v1::SetProviderImagesResponse response;
  *response.mutable_provider() = *provider;
  response.set_yaml(ProviderYaml(*provider));
  response.set_catalog_version(present->version());
  bool there = provider->has_images_override() && provider->images_override().enabled() == request.enabled();
  if (there) co_return response;

  catalog::v1::ImagesOverride images_override;
  images_override.set_enabled(request.enabled());
  images_override.set_actor(caller.actor);
  images_override.set_time_unix_ms(present->read_ms);
  v1::AuditEntry audit = AuditOfSwitch(caller, *provider, request.enabled());
  int64_t known = present->version();
  StoredCatalog next = *std::move(present);
  next.record = RecordOfSwitch(caller, next);
  OverrideImages(request.provider(), images_override, next);
  auto commit = Commit("switch", known, std::move(next), std::move(audit));
  absl::StatusOr<StoredCatalog> committed = co_await commit;
  if (!committed.ok()) co_return committed.status();
  log::Info("Images switch flipped",
            {{"provider", request.provider()}, {"enabled", request.enabled()}, {"actor", caller.actor}});
  const catalog::v1::Provider* flipped = FindProvider(request.provider(), committed->catalog);
  if (flipped != nullptr) *response.mutable_provider() = *flipped;
  response.set_catalog_version(committed->version());
  co_return response;
}

Task<absl::StatusOr<StoredCatalog>> Registry::Commit(const char* kind, int64_t known, StoredCatalog next,
                                                     std::optional<v1::AuditEntry> audit) {
  auto commit = store_.Commit(known, std::move(next), std::move(audit));
  absl::StatusOr<StoredCatalog> committed = co_await commit;
  if (!committed.ok()) co_return committed.status();
  Adopt(*committed);
  CountChange(kind, committed->version());
  co_return committed;
}

}  // namespace prismatic::model_registry
