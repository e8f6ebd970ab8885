#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "services/catalog_watch/catalog_holder.h"
#include "services/catalog_watch/line.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/client.h"
#include "services/common/task/task.h"
#include "services/common/task/workers.h"
#include "services/model_registry/change.h"
#include "services/model_registry/operators/caller.h"
#include "services/model_registry/store.h"

namespace prismatic::model_registry {

// A catalog file, read and found valid.
struct CatalogFile {
  catalog::v1::Catalog catalog;
  // Of the file's text, lower-case hex.
  std::string sha256;
};

// Reads a file from disk. CATALOG_INVALID with every error, each behind the file's name, or NOT_FOUND.
// Blocks: for the start of a program.
absl::StatusOr<CatalogFile> ReadCatalogFile(const std::string& path);

// What exists: holds the catalog in force, follows the store, makes every change. The methods answer
// what the gRPC services answer (protos/prismatic/model_registry/v1), so that the all-in-one can call
// them directly; those of the admin port look first at what the caller's role may do. Thread-safe. Reads of
// the catalog in force never need Redis once a catalog has been loaded; its history does.
//
// Destroyed after everything that calls it and before the loop and the Redis client, which must live
// on that loop; not on the loop's thread.
//
// Metrics, besides those of CatalogHolder and Line: prismatic_catalog_changes_total{kind},
// prismatic_provider_enabled{provider}.
//
// registry.cc follows the store, registry_reads.cc answers, registry_changes.cc changes.
class Registry {
 public:
  // How often the version in the store is looked at: a change made elsewhere is here in a quarter of a
  // second, for four small reads a second.
  static constexpr absl::Duration kPollInterval = absl::Milliseconds(250);
  // So long Redis may be silent before the registry says that it is not ready.
  static constexpr absl::Duration kSilenceMax = absl::Seconds(2);

  // `file`: imported when the store is empty or its hash differs from the one imported last.
  Registry(loop::Loop& loop, metrics::Registry& metrics, redis::Client& redis,
           std::optional<CatalogFile> file);
  ~Registry();
  Registry(const Registry&) = delete;

  // Begins to follow the store. `ready` is told each change of readiness, on the loop; it begins as
  // not ready, and is ready when store and file have been taken in and Redis answers.
  void Start(std::function<void(bool ready)> ready);
  // Follows no more and says nothing more about readiness. Waits for what is under way; not on the
  // loop's thread. Idempotent. Reads and changes still work.
  void Stop();

  // A watcher holds this version, from before the store was put back to an older one. When nobody has a newer
  // one, what is in force gets a version above it, so that he follows. What is more than a day ahead of the
  // clock is nobody's version and not listened to. Any thread.
  void NoteAhead(int64_t version);

  // The catalog in force, for those in the same process.
  catalog_watch::CatalogHolder& holder() { return holder_; }

  Task<absl::StatusOr<v1::ResolveModelResponse>> ResolveModel(v1::ResolveModelRequest request);
  Task<absl::StatusOr<v1::ListModelsResponse>> ListModels(v1::ListModelsRequest request);
  Task<absl::StatusOr<v1::GetModelResponse>> GetModel(v1::GetModelRequest request);

  Task<absl::StatusOr<v1::ApplyCatalogResponse>> ApplyCatalog(Caller caller, v1::ApplyCatalogRequest request);
  Task<absl::StatusOr<v1::ApplyCatalogResponse>> EditCatalog(Caller caller, v1::EditCatalogRequest request);
  Task<absl::StatusOr<v1::ApplyCatalogResponse>> RollbackCatalog(Caller caller,
                                                                 v1::RollbackCatalogRequest request);
  Task<absl::StatusOr<v1::SetProviderImagesResponse>> SetProviderImages(Caller caller,
                                                                        v1::SetProviderImagesRequest request);

  Task<absl::StatusOr<v1::ExportCatalogResponse>> ExportCatalog(Caller caller,
                                                                v1::ExportCatalogRequest request);
  Task<absl::StatusOr<v1::CompareCatalogsResponse>> CompareCatalogs(Caller caller,
                                                                    v1::CompareCatalogsRequest request);
  Task<absl::StatusOr<v1::ListCatalogVersionsResponse>> ListCatalogVersions(
      Caller caller, v1::ListCatalogVersionsRequest request);
  Task<absl::StatusOr<v1::ListProvidersResponse>> ListProviders(Caller caller,
                                                                v1::ListProvidersRequest request);
  Task<absl::StatusOr<v1::ListCanonicalModelsResponse>> ListCanonicalModels(
      Caller caller, v1::ListCanonicalModelsRequest request);
  // `first_password_in_use` is not this room's to know.
  Task<absl::StatusOr<v1::GetRegistryStatusResponse>> GetRegistryStatus(Caller caller,
                                                                        v1::GetRegistryStatusRequest request);

 private:
  // The snapshot for a read; NotLoadedYet before the store was seen.
  absl::StatusOr<std::shared_ptr<const catalog_watch::Snapshot>> Loaded() const;
  // The same with what the store keeps beside it.
  absl::StatusOr<StoredCatalog> Held() const;

  // The store's state, after putting it and ours on the newer of the two. A store that cannot be read gets
  // ours; it is given as `unreadable` only while this registry holds no catalog.
  Task<absl::StatusOr<StoredCatalog>> Fresh();
  // Puts what is held into a store that holds something else that is no catalog.
  // What is in force, with a version above that which a watcher holds.
  Task<absl::Status> Overtake(int64_t version);
  Task<absl::StatusOr<StoredCatalog>> Repair(StoredCatalog unreadable);
  // Any version, in force or kept.
  Task<absl::StatusOr<PastCatalog>> Find(int64_t version);

  // What the change would come to, as far as can be known: without Redis, from what is held.
  Task<absl::StatusOr<v1::ApplyCatalogResponse>> Check(ContentChange change);
  Task<absl::StatusOr<v1::ApplyCatalogResponse>> Make(ContentChange change);
  // One attempt; LostRace when somebody was faster.
  Task<absl::StatusOr<v1::ApplyCatalogResponse>> TryMake(ContentChange change, int64_t* content_seen);
  Task<absl::StatusOr<v1::SetProviderImagesResponse>> TrySetProviderImages(
      Caller caller, v1::SetProviderImagesRequest request);
  // Remembers what file was imported last, when that changes nothing else.
  Task<absl::Status> NoteFile(StoredCatalog present, std::optional<std::string> imported_sha256,
                              bool applied);
  // On the reader's thread, then back on the loop.
  Task<absl::StatusOr<PreparedChange>> PrepareOnReader(ContentChange change, StoredCatalog present);
  // Makes `next` the successor of version `known`, in the store and here.
  Task<absl::StatusOr<StoredCatalog>> Commit(const char* kind, int64_t known, StoredCatalog next,
                                             std::optional<v1::AuditEntry> audit);

  void Adopt(StoredCatalog stored);
  void ShowProviders(const catalog::v1::Catalog& catalog);
  void CountChange(const char* kind, int64_t version);

  // The loop's thread only.
  void Tick();
  void EndTick();
  Task<absl::Status> Poll();
  // Brings in the file, once.
  Task<absl::Status> Import();
  void NotePoll(const absl::Status& status);

  loop::Loop& loop_;
  metrics::Registry& metrics_;
  redis::Client& redis_;
  Store store_;
  catalog_watch::CatalogHolder holder_;
  catalog_watch::Line line_;  // to the store

  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  StoredCatalog held_;    // guarded by mutex_
  bool loaded_ = false;   // guarded by mutex_; the store was seen
  bool at_rest_ = false;  // guarded by mutex_; stopped, and no tick is under way
  std::string trouble_;   // guarded by mutex_; why the last look at the store failed; empty: it did not

  // The loop's thread only.
  std::function<void(bool)> on_ready_;
  std::optional<CatalogFile> file_;  // until it is imported
  std::unique_ptr<loop::Loop::Timer> timer_;
  std::chrono::steady_clock::time_point last_answer_{};
  bool ticking_ = false;
  bool stopping_ = false;
  bool ready_ = false;
  int64_t ahead_ = 0;  // the newest version that a watcher holds and we do not; 0: none
  bool failing_ = false;

  // Reads and writes YAML, compares catalogs. The last member: ends first.
  Workers reader_{1};
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_REGISTRY_H_
