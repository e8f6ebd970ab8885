#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_STORE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/common/redis/client.h"
#include "services/common/task/task.h"

namespace prismatic::model_registry {

// One state of the store.
struct StoredCatalog {
  // With version, hash and overrides; version 0 when the store is empty.
  catalog::v1::Catalog catalog;
  // How this version came about; and the version with which the content, overrides not counted in, was
  // changed last, which is the same one or an earlier one, perhaps no longer kept. Of a version without a
  // record (an earlier release wrote it) nothing is known but that it is there.
  v1::CatalogVersion record;
  v1::CatalogVersion content_record;
  // SHA-256 of the file that was imported last; empty: none.
  std::string imported_sha256;
  // Those imported before it, newest first.
  std::vector<std::string> imported_before;
  // When the first catalog came, Unix milliseconds; 0: none has.
  int64_t first_import_ms = 0;
  // Redis' clock when this was read, Unix milliseconds.
  int64_t read_ms = 0;
  // The store holds something that is no catalog, or no version: there is no content here, and `version`
  // is the store's number, or 0.
  bool unreadable = false;

  int64_t version() const { return catalog.version(); }
  int64_t content_version() const { return content_record.version(); }
  // The file that was imported last is this one from now on.
  void NoteImported(const std::string& sha256);
};

// One version of the history.
struct PastCatalog {
  // Without a version when it is not kept.
  catalog::v1::Catalog catalog;
  v1::CatalogVersion record;
  // Of the store.
  int64_t first_import_ms = 0;
};

// The catalog in Redis: the truth that all registries share. Every change is one Redis Function.
// Thread-safe; coroutines resume on the client's loop.
//
// Errors: REGISTRY_UNAVAILABLE; CATALOG_CONFLICT from Commit and NoteImport; INTERNAL_ERROR from Commit and
// WriteBack when the content could not be read again, and nothing was written.
class Store {
 public:
  explicit Store(redis::Client& redis);

  // What Version gives when something else stands in its place, or its content is missing.
  static constexpr int64_t kNoVersion = -1;

  // The version in force; 0 when the store is empty. Cheap: looks for the content of the version that
  // the caller holds, and not into it.
  Task<absl::StatusOr<int64_t>> Version(int64_t held);
  Task<absl::StatusOr<StoredCatalog>> Load();
  // One that is kept; CATALOG_VERSION_NOT_FOUND.
  Task<absl::StatusOr<PastCatalog>> LoadVersion(int64_t version);
  // What is kept, newest first.
  Task<absl::StatusOr<std::vector<v1::CatalogVersion>>> History();
  // Replaces version `known` (of a load, readable or not) by this content, whose version is above both
  // `known` and `next.catalog`'s own, and gives it as it is stored. Its record's version and time are
  // filled in; so is its content_version when it is 0, and the record is then the content's, too. In the
  // same step `audit` goes to the audit log; without a target its target is the new version.
  Task<absl::StatusOr<StoredCatalog>> Commit(int64_t known, StoredCatalog next,
                                             std::optional<v1::AuditEntry> audit);
  // Remembers the file imported last, and the content's record, of `present` while version `known` is in
  // force.
  Task<absl::Status> NoteImport(int64_t known, StoredCatalog present);
  // Puts a newer version into a store that has lost it. False when the store has one as new.
  Task<absl::StatusOr<bool>> WriteBack(StoredCatalog newer);

 private:
  Task<absl::StatusOr<redis::Reply>> Call(std::string function, std::vector<std::string> arguments);

  redis::Client& redis_;
  const redis::FunctionLibrary library_;
};

// SHA-256 of the content without version and hash, in lower-case hex.
std::string CatalogSha256(catalog::v1::Catalog catalog);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_STORE_H_
