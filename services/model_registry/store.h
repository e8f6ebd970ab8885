#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_STORE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_STORE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/common/redis/client.h"
#include "services/common/task/task.h"

namespace prismatic::model_registry {

// One state of the store.
struct StoredCatalog {
  // With version, hash and overrides; version 0 when the store is empty.
  catalog::v1::Catalog catalog;
  // SHA-256 of the file that was imported last; empty: none.
  std::string imported_sha256;
  // When the first catalog came, Unix milliseconds; 0: none has.
  int64_t first_import_ms = 0;
  // Redis' clock when this was read, Unix milliseconds.
  int64_t read_ms = 0;
  // The store holds something that is no catalog, or no version: there is no content here, and `version`
  // is the store's number, or 0.
  bool unreadable = false;

  int64_t version() const { return catalog.version(); }
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
  // Replaces version `known` (of a load, readable or not) by this content and gives the new version, which
  // is above both `known` and `next.catalog`'s own.
  Task<absl::StatusOr<int64_t>> Commit(int64_t known, StoredCatalog next);
  // Remembers the file imported last, while version `known` is in force.
  Task<absl::Status> NoteImport(int64_t known, std::string imported_sha256);
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
