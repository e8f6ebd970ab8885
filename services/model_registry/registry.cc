#include "services/model_registry/registry.h"

#include <algorithm>
#include <fstream>
#include <future>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/common/crypto/crypto.h"
#include "services/common/log/log.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/registry_errors.h"

namespace prismatic::model_registry {
namespace {

using catalog_watch::Snapshot;

// Until Redis has answered once, and after an outage: a registry that starts is soon of use.
constexpr absl::Duration kRetryInterval = absl::Milliseconds(50);

constexpr char kRegistryActor[] = "registry";

// A race that was lost again and again means that something else is wrong.
constexpr int kAttempts = 5;

// A version is the time at which it was made, so that one so far ahead was made by no registry.
constexpr absl::Duration kAheadMax = absl::Hours(24);

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
    : loop_(loop),
      metrics_(metrics),
      redis_(redis),
      store_(redis),
      holder_(loop, metrics),
      line_(holder_, loop, metrics),
      file_(std::move(file)) {}

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
      auto repair = Repair(*std::move(stored));
      absl::StatusOr<StoredCatalog> repaired = co_await repair;
      if (!error::IsLostRace(repaired.status()) || attempt == kAttempts) co_return repaired;
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
    if (attempt == kAttempts) co_return error::LostRace();
  }
}

void Registry::NoteAhead(int64_t version) {
  if (version > absl::ToUnixMillis(absl::Now() + kAheadMax)) return;
  loop_.Post([this, version] { ahead_ = std::max(ahead_, version); });
}

Task<absl::Status> Registry::Overtake(int64_t version) {
  auto load = Fresh();
  absl::StatusOr<StoredCatalog> present = co_await load;
  if (!present.ok()) co_return present.status();
  if (present->unreadable || present->version() == 0 || present->version() >= version)
    co_return absl::OkStatus();
  log::Warning("somebody holds a version that the store has lost; what is in force gets a newer one",
               {{"version", present->version()}, {"held_elsewhere", version}});
  StoredCatalog next = *std::move(present);
  int64_t known = next.version();
  next.record.Clear();
  next.record.set_kind(v1::CATALOG_CHANGE_KIND_IMPORT);
  next.record.set_actor(kRegistryActor);
  next.record.set_note("The store was put back to an older version; this one is above all that are held.");
  next.record.set_content_version(next.content_version());
  next.record.set_replaced_version(known);
  next.catalog.set_version(version);
  auto commit = Commit("overtake", known, std::move(next), std::nullopt);
  absl::StatusOr<StoredCatalog> committed = co_await commit;
  co_return error::IsLostRace(committed.status()) ? absl::OkStatus() : committed.status();
}

Task<absl::StatusOr<StoredCatalog>> Registry::Repair(StoredCatalog unreadable) {
  StoredCatalog held;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    held = held_;
  }
  log::Error("the store holds something that is no catalog, writing back what is held",
             {{"version", held.version()}, {"store_version", unreadable.version()}});
  held.read_ms = unreadable.read_ms;
  v1::CatalogVersion& record = held.record;
  record.Clear();
  record.set_kind(v1::CATALOG_CHANGE_KIND_IMPORT);
  record.set_actor(kRegistryActor);
  record.set_note("Put back: the store held something that is no catalog.");
  record.set_content_version(held.content_version());
  record.set_replaced_version(held.version());
  auto commit = Commit("repair", unreadable.version(), std::move(held), std::nullopt);
  absl::StatusOr<StoredCatalog> repaired = co_await commit;
  co_return repaired;
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
  if (int64_t ahead = std::exchange(ahead_, 0); ahead > holder_.Current()->version()) {
    auto overtake = Overtake(ahead);
    absl::Status overtaken = co_await overtake;
    if (!overtaken.ok()) {
      ahead_ = std::max(ahead_, ahead);
      co_return overtaken;
    }
  }
  if (!file_.has_value()) co_return absl::OkStatus();

  auto import = Import();
  absl::Status imported = co_await import;
  co_return imported;
}

Task<absl::Status> Registry::Import() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (held_.version() > 0 && held_.imported_sha256 == file_->sha256) file_.reset();
  }
  if (!file_.has_value()) co_return absl::OkStatus();
  ContentChange change;
  change.kind = v1::CATALOG_CHANGE_KIND_IMPORT;
  change.caller = {.actor = kRegistryActor, .role = v1::ROLE_OWNER, .session_sha256 = ""};
  // The file is what people keep: it counts whatever was changed in the store since.
  change.force = true;
  change.imported_sha256 = file_->sha256;
  change.content = [catalog = file_->catalog](const catalog::v1::Catalog&) {
    CatalogFromYaml file;
    file.catalog = catalog;
    return file;
  };
  auto make = Make(std::move(change));
  absl::StatusOr<v1::ApplyCatalogResponse> imported = co_await make;
  if (!imported.ok()) co_return imported.status();
  v1::CatalogVersion content;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    content = held_.content_record;
  }
  bool is_of_this = content.version() == imported->catalog_version();
  if (imported->changed() && is_of_this && content.replaced_edits_version() > 0) {
    log::Warning("the catalog file was imported over what it did not know; the history keeps that",
                 {{"version", content.version()},
                  {"replaced_version", content.replaced_edits_version()},
                  {"note", content.note()}});
  }
  file_.reset();
  co_return absl::OkStatus();
}

void Registry::NotePoll(const absl::Status& status) {
  auto now = std::chrono::steady_clock::now();
  if (status.ok()) {
    last_answer_ = now;
    line_.Connected();
  } else {
    line_.Lost();
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    trouble_ = status.ok() ? "" : std::string(status.message());
  }
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
