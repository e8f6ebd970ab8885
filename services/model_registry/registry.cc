#include "services/model_registry/registry.h"

#include <fstream>
#include <future>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/compose.h"
#include "services/model_registry/registry_errors.h"

namespace prismatic::model_registry {
namespace {

using catalog_watch::Snapshot;

// Until Redis has answered once, and after an outage: a registry that starts is soon of use.
constexpr absl::Duration kRetryInterval = absl::Milliseconds(50);

// A lost race is run again: what was asked for does not depend on what the others changed. Five lost in
// a row mean that something else is wrong.
constexpr int kAttempts = 5;
constexpr size_t kActorBytesMax = 64;

bool LostRace(const absl::Status& status) {
  return HasReason(status, common::v1::ERROR_REASON_CATALOG_CONFLICT);
}

std::string Overridden(const catalog::v1::Catalog& catalog) {
  std::string names;
  for (const catalog::v1::Provider& provider : catalog.providers()) {
    if (provider.has_images_override()) absl::StrAppend(&names, names.empty() ? "" : ",", provider.name());
  }
  return names;
}

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

}  // namespace

absl::StatusOr<CatalogFile> ReadCatalogFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat("cannot read the catalog file ", path));
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  CatalogFromYaml read = ReadCatalogYaml(text);
  for (std::string& line : read.errors) line = absl::StrCat(path, ":", line);
  if (!read.ok()) return error::CatalogInvalid(read.errors);
  return CatalogFile{std::move(read.catalog), crypto::Sha256Hex(text)};
}

Registry::Registry(loop::Loop& loop, metrics::Registry& metrics, redis::Client& redis,
                   std::optional<CatalogFile> file)
    : loop_(loop), metrics_(metrics), store_(redis), holder_(loop, metrics), file_(std::move(file)) {}

Registry::~Registry() { Stop(); }

void Registry::Stop() {
  auto told = std::make_shared<std::promise<void>>();
  loop_.Post([this, told] {
    stopping_ = true;
    timer_.reset();
    if (!ticking_) EndTick();
    told->set_value();
  });
  told->get_future().wait();
  std::unique_lock<std::mutex> lock(mutex_);
  stopped_.wait(lock, [this] { return at_rest_; });
}

void Registry::Start(std::function<void(bool)> ready) {
  loop_.Post([this, ready = std::move(ready)] {
    on_ready_ = ready;
    last_answer_ = std::chrono::steady_clock::now();
    Tick();
  });
}

// --- reads ---

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

Task<absl::StatusOr<v1::ListProvidersResponse>> Registry::ListProviders(v1::ListProvidersRequest request) {
  absl::StatusOr<std::shared_ptr<const Snapshot>> snapshot = Loaded();
  if (!snapshot.ok()) co_return snapshot.status();
  v1::ListProvidersResponse response;
  *response.mutable_providers() = (*snapshot)->catalog().providers();
  response.set_catalog_version((*snapshot)->version());
  co_return response;
}

// --- changes ---

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::ApplyCatalog(v1::ApplyCatalogRequest request) {
  ResumeOn reader(&reader_);
  co_await reader;
  CatalogFromYaml read = ReadCatalogYaml(request.yaml());
  ResumeOn loop(&loop_);
  co_await loop;
  if (!read.ok()) {
    v1::ApplyCatalogResponse response;
    response.mutable_errors()->Assign(read.errors.begin(), read.errors.end());
    response.set_catalog_version(holder_.Current()->version());
    co_return response;
  }
  if (request.validate_only()) {
    std::lock_guard<std::mutex> lock(mutex_);
    StoredCatalog next = Compose(std::move(read.catalog), held_, request.drop_overrides());
    v1::ApplyCatalogResponse response;
    response.set_catalog_version(held_.version());
    response.set_changed(next.catalog.sha256() != held_.catalog.sha256());
    co_return response;
  }
  auto replace = Replace(
      {.kind = "apply", .catalog = std::move(read.catalog), .drop_overrides = request.drop_overrides()});
  absl::StatusOr<v1::ApplyCatalogResponse> response = co_await replace;
  co_return response;
}

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::Replace(Replacement replacement) {
  for (int attempt = 1;; ++attempt) {
    auto attempted = TryReplace(replacement);
    absl::StatusOr<v1::ApplyCatalogResponse> response = co_await attempted;
    if (!LostRace(response.status()) || attempt == kAttempts) co_return response;
  }
}

Task<absl::StatusOr<v1::ApplyCatalogResponse>> Registry::TryReplace(Replacement replacement) {
  auto asked = Fresh();
  absl::StatusOr<StoredCatalog> present = co_await asked;
  if (!present.ok()) co_return present.status();
  StoredCatalog next = Compose(std::move(replacement.catalog), *present, replacement.drop_overrides);
  v1::ApplyCatalogResponse response;
  response.set_catalog_version(present->version());
  if (present->unreadable) {
    log::Error("the store holds something that is no catalog, replacing it",
               {{"kind", replacement.kind}, {"store_version", present->version()}});
  }
  if (replacement.imported_sha256.has_value()) next.imported_sha256 = *replacement.imported_sha256;

  if (present->version() > 0 && next.catalog.sha256() == present->catalog.sha256()) {
    if (next.imported_sha256 == present->imported_sha256) co_return response;
    auto note = store_.NoteImport(present->version(), next.imported_sha256);
    absl::Status noted = co_await note;
    if (!noted.ok()) co_return noted;
    Adopt(std::move(next));
    co_return response;
  }
  auto commit = Commit(replacement.kind, present->version(), std::move(next));
  absl::StatusOr<StoredCatalog> committed = co_await commit;
  if (!committed.ok()) co_return committed.status();
  std::string overrides = Overridden(committed->catalog);
  if (!overrides.empty())
    log::Warning("switches flipped at run time stay in force", {{"providers", overrides}});
  response.set_catalog_version(committed->version());
  response.set_changed(true);
  co_return response;
}

Task<absl::StatusOr<v1::SetProviderImagesResponse>> Registry::SetProviderImages(
    v1::SetProviderImagesRequest request) {
  if (request.actor().empty()) request.set_actor("admin");
  if (request.actor().size() > kActorBytesMax) {
    co_return InvalidValue("actor",
                           absl::StrCat("`actor` must have at most ", kActorBytesMax, " characters."));
  }
  for (int attempt = 1;; ++attempt) {
    auto attempted = TrySetProviderImages(request);
    absl::StatusOr<v1::SetProviderImagesResponse> response = co_await attempted;
    if (!LostRace(response.status()) || attempt == kAttempts) co_return response;
  }
}

Task<absl::StatusOr<v1::SetProviderImagesResponse>> Registry::TrySetProviderImages(
    v1::SetProviderImagesRequest request) {
  auto asked = Fresh();
  absl::StatusOr<StoredCatalog> present = co_await asked;
  if (!present.ok()) co_return present.status();
  if (present->unreadable) co_return error::StoreUnreadable();

  catalog::v1::ImagesOverride images_override;
  images_override.set_enabled(request.enabled());
  images_override.set_actor(request.actor());
  images_override.set_time_unix_ms(present->read_ms);
  Snapshot before(present->catalog);
  const catalog::v1::Provider* provider = before.FindProvider(request.provider());
  if (provider == nullptr) co_return error::ProviderNotFound(request.provider());

  v1::SetProviderImagesResponse response;
  *response.mutable_provider() = *provider;
  response.set_catalog_version(present->version());
  bool there = provider->has_images_override() && provider->images_override().enabled() == request.enabled();
  if (there) co_return response;

  int64_t known = present->version();
  StoredCatalog next = *std::move(present);
  OverrideImages(request.provider(), images_override, next);
  auto commit = Commit("switch", known, std::move(next));
  absl::StatusOr<StoredCatalog> committed = co_await commit;
  if (!committed.ok()) co_return committed.status();
  log::Info("Images switch flipped",
            {{"provider", request.provider()}, {"enabled", request.enabled()}, {"actor", request.actor()}});
  response.mutable_provider()->set_images_enabled(request.enabled());
  *response.mutable_provider()->mutable_images_override() = images_override;
  response.set_catalog_version(committed->version());
  co_return response;
}

Task<absl::StatusOr<StoredCatalog>> Registry::Commit(const char* kind, int64_t known, StoredCatalog next) {
  auto commit = store_.Commit(known, next);
  absl::StatusOr<int64_t> version = co_await commit;
  if (!version.ok()) co_return version.status();
  next.catalog.set_version(*version);
  Adopt(next);
  CountChange(kind, *version);
  co_return next;
}

// --- following the store ---

Task<absl::StatusOr<StoredCatalog>> Registry::Fresh() {
  for (int attempt = 1;; ++attempt) {
    auto load = store_.Load();
    absl::StatusOr<StoredCatalog> stored = co_await load;
    if (!stored.ok()) co_return stored.status();
    StoredCatalog held;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      held = held_;
    }
    if (stored->unreadable) {
      if (held.version() == 0) co_return stored;
      log::Error("the store holds something that is no catalog, writing back what is held",
                 {{"version", held.version()}, {"store_version", stored->version()}});
      held.read_ms = stored->read_ms;
      auto repair = Commit("repair", stored->version(), std::move(held));
      absl::StatusOr<StoredCatalog> repaired = co_await repair;
      if (!LostRace(repaired.status()) || attempt == kAttempts) co_return repaired;
      continue;
    }
    if (stored->version() >= held.version()) {
      Adopt(*stored);
      co_return stored;
    }
    held.read_ms = stored->read_ms;
    auto write = store_.WriteBack(held);
    absl::StatusOr<bool> written = co_await write;
    if (!written.ok()) co_return written.status();
    if (*written) {
      log::Warning("the store had lost the catalog, wrote it back",
                   {{"version", held.version()}, {"store_version", stored->version()}});
      CountChange("write_back", held.version());
      co_return held;
    }
    if (attempt == kAttempts) co_return error::CatalogConflict();
  }
}

void Registry::Adopt(StoredCatalog stored) {
  catalog::v1::Catalog catalog;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    loaded_ = true;
    if (stored.version() < held_.version()) return;
    bool newer = stored.version() > held_.version();
    held_ = std::move(stored);
    if (!newer) return;
    catalog = held_.catalog;
  }
  ShowProviders(catalog);
  holder_.Set(std::move(catalog));
}

void Registry::ShowProviders(const catalog::v1::Catalog& catalog) {
  auto show = [this](const std::string& provider, bool enabled) {
    metrics_.GetGauge("prismatic_provider_enabled", "The provider's Images switch.", {{"provider", provider}})
        .Set(enabled ? 1 : 0);
  };
  // Those that are gone stay as off until the process ends.
  for (const catalog::v1::Provider& provider : holder_.Current()->catalog().providers())
    show(provider.name(), false);
  for (const catalog::v1::Provider& provider : catalog.providers())
    show(provider.name(), provider.images_enabled());
}

void Registry::CountChange(const char* kind, int64_t version) {
  metrics_
      .GetCounter("prismatic_catalog_changes_total", "Changes of the catalog made by this process.",
                  {{"kind", kind}})
      .Add();
  log::Info("catalog changed", {{"kind", kind}, {"version", version}});
}

void Registry::Tick() {
  if (stopping_) return;
  ticking_ = true;
  prismatic::Start<absl::Status>(Poll(), [this](absl::Status status) {
    NotePoll(status);
    EndTick();
  });
}

void Registry::EndTick() {
  ticking_ = false;
  if (!stopping_) {
    timer_ = loop_.After(ready_ ? kPollInterval : kRetryInterval, [this] { Tick(); });
    return;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  at_rest_ = true;
  stopped_.notify_all();
}

Task<absl::Status> Registry::Poll() {
  int64_t held = holder_.Current()->version();
  auto ask = store_.Version(held);
  absl::StatusOr<int64_t> version = co_await ask;
  if (!version.ok()) co_return version.status();
  bool same = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    same = loaded_ && *version == held_.version();
  }
  if (!same) {
    auto load = Fresh();
    absl::StatusOr<StoredCatalog> fresh = co_await load;
    if (!fresh.ok()) co_return fresh.status();
    if (fresh->unreadable && !file_.has_value()) co_return error::StoreUnreadable();
  }
  if (!file_.has_value()) co_return absl::OkStatus();

  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (held_.version() > 0 && held_.imported_sha256 == file_->sha256) file_.reset();
  }
  if (!file_.has_value()) co_return absl::OkStatus();
  auto replace = Replace({.kind = "import", .catalog = file_->catalog, .imported_sha256 = file_->sha256});
  absl::StatusOr<v1::ApplyCatalogResponse> imported = co_await replace;
  if (!imported.ok()) co_return imported.status();
  file_.reset();
  co_return absl::OkStatus();
}

void Registry::NotePoll(const absl::Status& status) {
  auto now = std::chrono::steady_clock::now();
  if (status.ok()) last_answer_ = now;
  bool silent = absl::FromChrono(now - last_answer_) >= kSilenceMax;
  if (silent && !std::exchange(failing_, true)) {
    log::Warning("cannot follow the store, going on with what is here", {{"error", status.message()}});
  }
  if (status.ok() && std::exchange(failing_, false)) log::Info("following the store again");
  bool ready = status.ok() || (ready_ && !silent);
  if (ready == ready_) return;
  ready_ = ready;
  if (on_ready_ && !stopping_) on_ready_(ready);
}

}  // namespace prismatic::model_registry
