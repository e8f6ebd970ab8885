// What is asked of the catalog: the one in force from what is held, earlier ones from the store.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"
#include "services/model_registry/catalog_text.h"
#include "services/model_registry/compose.h"
#include "services/model_registry/operators/authority.h"
#include "services/model_registry/redis_facts.h"
#include "services/model_registry/registry.h"
#include "services/model_registry/registry_errors.h"

namespace prismatic::model_registry {
namespace {

using catalog_watch::Snapshot;

constexpr int kPageSize = 20;
constexpr int kPageSizeMax = 100;
constexpr int kChangesAnswered = 1'000;

void AddPublicModels(const Snapshot& snapshot, const catalog::v1::Model& model,
                     v1::ListModelsResponse& response) {
  bool available = !snapshot.ActiveRoutes(model).empty();
  for (const std::string& public_id : model.public_ids()) {
    v1::ListModelsResponse::PublicModel& listed = *response.add_models();
    listed.set_public_id(public_id);
    listed.set_model(model.name());
    listed.set_owned_by(model.owned_by());
    listed.set_created(model.created());
    listed.set_available(available);
    if (model.prices_size() > 0) {
      listed.set_retail_generation_nano_usd(model.prices(0).retail_generation_nano_usd());
    }
  }
}

bool MakesImages(const catalog::v1::Model& model) {
  return std::find(model.capabilities().begin(), model.capabilities().end(),
                   catalog::v1::CAPABILITY_IMAGE_GENERATION) != model.capabilities().end();
}

void AddGaps(const Snapshot& snapshot, v1::GetRegistryStatusResponse& response) {
  for (const catalog::v1::Model& model : snapshot.catalog().models()) {
    if (!MakesImages(model)) continue;
    if (model.prices_size() == 0) response.add_models_without_price(model.name());
    if (snapshot.ActiveRoutes(model).empty()) response.add_models_without_route(model.name());
  }
}

v1::ListCanonicalModelsResponse CanonicalModels(const StoredCatalog& held) {
  v1::ListCanonicalModelsResponse response;
  Snapshot snapshot(held.catalog);
  catalog::v1::Catalog unstamped = Unstamped(held.catalog, held.first_import_ms);
  for (int i = 0; i < held.catalog.models_size(); ++i) {
    const catalog::v1::Model& model = held.catalog.models(i);
    v1::ListCanonicalModelsResponse::Entry& entry = *response.add_models();
    *entry.mutable_model() = model;
    entry.set_yaml(ModelYaml(unstamped.models(i), unstamped));
    entry.set_available(!snapshot.ActiveRoutes(model).empty());
  }
  response.set_catalog_version(held.version());
  response.set_content_version(held.content_version());
  return response;
}

v1::ExportCatalogResponse Export(const PastCatalog& past) {
  v1::ExportCatalogResponse response;
  // Of what the text holds, so that a switch that is flipped leaves the text as it was.
  int64_t content_version = past.record.content_version();
  response.set_yaml(CatalogYaml(AsFile(past.catalog, past.first_import_ms), content_version));
  response.set_catalog_version(past.catalog.version());
  response.set_content_version(content_version);
  for (const catalog::v1::Provider& provider : past.catalog.providers()) {
    if (provider.has_images_override()) *response.add_overridden() = provider;
  }
  return response;
}

v1::CompareCatalogsResponse Compare(const PastCatalog& from, const PastCatalog& to) {
  v1::CompareCatalogsResponse response;
  response.set_from(from.catalog.version());
  response.set_to(to.catalog.version());
  for (v1::CatalogChange& change : AllChanges(from.catalog, to.catalog, to.first_import_ms)) {
    if (response.changes_size() == kChangesAnswered) break;
    *response.add_changes() = std::move(change);
  }
  return response;
}

}  // namespace

// --- the callers' port ---

absl::StatusOr<std::shared_ptr<const Snapshot>> Registry::Loaded() const {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!loaded_) return error::NotLoadedYet();
  }
  return holder_.Current();
}

Task<absl::StatusOr<v1::ResolveModelResponse>> Registry::ResolveModel(v1::ResolveModelRequest request) {
  absl::StatusOr<std::shared_ptr<const Snapshot>> snapshot = Loaded();
  if (!snapshot.ok()) co_return snapshot.status();
  const catalog::v1::Model* model = (*snapshot)->FindByPublicId(request.public_id());
  if (model == nullptr) co_return error::ModelNotFound(request.public_id());
  v1::ResolveModelResponse response;
  *response.mutable_model() = *model;
  response.set_catalog_version((*snapshot)->version());
  co_return response;
}

Task<absl::StatusOr<v1::ListModelsResponse>> Registry::ListModels(v1::ListModelsRequest request) {
  absl::StatusOr<std::shared_ptr<const Snapshot>> snapshot = Loaded();
  if (!snapshot.ok()) co_return snapshot.status();
  v1::ListModelsResponse response;
  for (const catalog::v1::Model& model : (*snapshot)->catalog().models()) {
    AddPublicModels(**snapshot, model, response);
  }
  response.set_catalog_version((*snapshot)->version());
  co_return response;
}

Task<absl::StatusOr<v1::GetModelResponse>> Registry::GetModel(v1::GetModelRequest request) {
  absl::StatusOr<std::shared_ptr<const Snapshot>> snapshot = Loaded();
  if (!snapshot.ok()) co_return snapshot.status();
  const catalog::v1::Model* model = (*snapshot)->FindModel(request.name());
  if (model == nullptr) co_return error::ModelNotFound(request.name());
  v1::GetModelResponse response;
  *response.mutable_model() = *model;
  response.set_catalog_version((*snapshot)->version());
  co_return response;
}

// --- the admin port ---

absl::StatusOr<StoredCatalog> Registry::Held() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!loaded_) return error::NotLoadedYet();
  return held_;
}

Task<absl::StatusOr<PastCatalog>> Registry::Find(int64_t version) {
  absl::StatusOr<StoredCatalog> held = Held();
  if (!held.ok()) co_return held.status();
  if (version == 0 || version == held->version()) {
    co_return PastCatalog{std::move(held->catalog), std::move(held->record), held->first_import_ms};
  }
  if (version < 0) co_return error::CatalogVersionNotFound(version);
  auto load = store_.LoadVersion(version);
  absl::StatusOr<PastCatalog> past = co_await load;
  co_return past;
}

Task<absl::StatusOr<v1::ListProvidersResponse>> Registry::ListProviders(Caller caller,
                                                                        v1::ListProvidersRequest) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_VIEWER);
  if (!allowed.ok()) co_return allowed;
  absl::StatusOr<StoredCatalog> held = Held();
  if (!held.ok()) co_return held.status();
  v1::ListProvidersResponse response;
  *response.mutable_providers() = held->catalog.providers();
  for (const catalog::v1::Provider& provider : held->catalog.providers()) {
    response.add_yamls(ProviderYaml(provider));
  }
  response.set_catalog_version(held->version());
  response.set_content_version(held->content_version());
  co_return response;
}

Task<absl::StatusOr<v1::ListCanonicalModelsResponse>> Registry::ListCanonicalModels(
    Caller caller, v1::ListCanonicalModelsRequest) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_VIEWER);
  if (!allowed.ok()) co_return allowed;
  absl::StatusOr<StoredCatalog> held = Held();
  if (!held.ok()) co_return held.status();
  ResumeOn reader(&reader_);
  co_await reader;
  v1::ListCanonicalModelsResponse response = CanonicalModels(*held);
  ResumeOn loop(&loop_);
  co_await loop;
  co_return response;
}

Task<absl::StatusOr<v1::ExportCatalogResponse>> Registry::ExportCatalog(Caller caller,
                                                                        v1::ExportCatalogRequest request) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_VIEWER);
  if (!allowed.ok()) co_return allowed;
  auto find = Find(request.version());
  absl::StatusOr<PastCatalog> past = co_await find;
  if (!past.ok()) co_return past.status();
  ResumeOn reader(&reader_);
  co_await reader;
  v1::ExportCatalogResponse response = Export(*past);
  ResumeOn loop(&loop_);
  co_await loop;
  co_return response;
}

Task<absl::StatusOr<v1::CompareCatalogsResponse>> Registry::CompareCatalogs(
    Caller caller, v1::CompareCatalogsRequest request) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_VIEWER);
  if (!allowed.ok()) co_return allowed;
  auto find_to = Find(request.to());
  absl::StatusOr<PastCatalog> to = co_await find_to;
  if (!to.ok()) co_return to.status();
  PastCatalog from;
  int64_t from_version = request.from() != 0 ? request.from() : to->record.replaced_version();
  bool known = to->record.kind() != v1::CATALOG_CHANGE_KIND_UNSPECIFIED;
  if (from_version == 0 && !known) co_return error::CatalogVersionNotFound(0);
  // The first version replaced none: all of it is new.
  if (from_version != 0) {
    auto find_from = Find(from_version);
    absl::StatusOr<PastCatalog> found = co_await find_from;
    if (!found.ok()) co_return found.status();
    from = *std::move(found);
  }
  ResumeOn reader(&reader_);
  co_await reader;
  v1::CompareCatalogsResponse response = Compare(from, *to);
  ResumeOn loop(&loop_);
  co_await loop;
  co_return response;
}

Task<absl::StatusOr<v1::ListCatalogVersionsResponse>> Registry::ListCatalogVersions(
    Caller caller, v1::ListCatalogVersionsRequest request) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_VIEWER);
  if (!allowed.ok()) co_return allowed;
  if (request.page_size() < 0 || request.page_size() > kPageSizeMax) {
    co_return InvalidValue("page_size", absl::StrCat("`page_size` must be 1 to ", kPageSizeMax, "."));
  }
  int page_size = request.page_size() == 0 ? kPageSize : request.page_size();
  auto ask = store_.History();
  absl::StatusOr<std::vector<v1::CatalogVersion>> history = co_await ask;
  if (!history.ok()) co_return history.status();
  v1::ListCatalogVersionsResponse response;
  for (v1::CatalogVersion& version : *history) {
    if (request.before_version() > 0 && version.version() >= request.before_version()) continue;
    if (response.versions_size() == page_size) {
      response.set_more(true);
      break;
    }
    *response.add_versions() = std::move(version);
  }
  co_return response;
}

Task<absl::StatusOr<v1::GetRegistryStatusResponse>> Registry::GetRegistryStatus(
    Caller caller, v1::GetRegistryStatusRequest) {
  absl::Status allowed = RequireRole(caller, v1::ROLE_VIEWER);
  if (!allowed.ok()) co_return allowed;
  auto ask = AskRedis(redis_);
  RedisFacts facts = co_await ask;
  std::shared_ptr<const Snapshot> snapshot = holder_.Current();
  v1::GetRegistryStatusResponse response;
  response.set_catalog_version(snapshot->version());
  response.set_process_time_us(facts.process_time_us);
  response.set_redis_time_us(facts.redis_time_us);
  response.mutable_redis_settings()->insert(facts.settings.begin(), facts.settings.end());
  response.set_redis_error(facts.error);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    // It answers, and yet the catalog's store may be of no use.
    if (facts.error.empty()) response.set_redis_error(trouble_);
    response.set_import_replaced_version(held_.content_record.replaced_edits_version());
  }
  AddGaps(*snapshot, response);
  co_return response;
}

}  // namespace prismatic::model_registry
