#ifndef PRISMATIC_SERVICES_CATALOG_WATCH_SNAPSHOT_H_
#define PRISMATIC_SERVICES_CATALOG_WATCH_SNAPSHOT_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"

namespace prismatic::catalog_watch {

// One version of the catalog with its indexes. Immutable, so safe to share between threads; the
// pointers that it gives live as long as the snapshot, which a request therefore keeps in hand.
class Snapshot {
 public:
  // No catalog yet: version 0, nothing in it.
  Snapshot() : Snapshot(catalog::v1::Catalog()) {}
  explicit Snapshot(catalog::v1::Catalog catalog);
  // The indexes point into the catalog.
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  int64_t version() const { return catalog_.version(); }
  const catalog::v1::Catalog& catalog() const { return catalog_; }

  // nullptr when there is none. Names are case-sensitive.
  const catalog::v1::Model* FindByPublicId(absl::string_view public_id) const;
  const catalog::v1::Model* FindModel(absl::string_view canonical) const;
  const catalog::v1::Provider* FindProvider(absl::string_view name) const;

  // The model's routes that may generate now: not disabled, provider known and with Images switched
  // on. Lowest priority number first, else in the catalog's order.
  std::vector<const catalog::v1::Route*> ActiveRoutes(const catalog::v1::Model& model) const;

 private:
  bool Active(const catalog::v1::Route& route) const;

  const catalog::v1::Catalog catalog_;
  absl::flat_hash_map<absl::string_view, const catalog::v1::Model*> by_public_id_;
  absl::flat_hash_map<absl::string_view, const catalog::v1::Model*> models_;
  absl::flat_hash_map<absl::string_view, const catalog::v1::Provider*> providers_;
};

}  // namespace prismatic::catalog_watch

#endif  // PRISMATIC_SERVICES_CATALOG_WATCH_SNAPSHOT_H_
