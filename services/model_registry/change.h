#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CHANGE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CHANGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "prismatic/model_registry/v1/operators.pb.h"
#include "services/model_registry/catalog_yaml.h"
#include "services/model_registry/operators/caller.h"
#include "services/model_registry/store.h"

// What a change of the catalog's content comes to, and whether it may be made. Pure; takes up to about a
// second for the largest catalogs, so not for a loop's thread.

namespace prismatic::model_registry {

// As it is asked for.
struct ContentChange {
  v1::CatalogChangeKind kind = v1::CATALOG_CHANGE_KIND_UNSPECIFIED;
  Caller caller;
  // What is to be in force, given what is, unstamped. Overrides in it stay; those of the same providers are
  // added to it.
  std::function<absl::StatusOr<CatalogFromYaml>(const catalog::v1::Catalog& present)> content;
  // The version that the change is based on; 0: none is named.
  int64_t based_on = 0;
  // The content's version when it was first looked at; 0: it was not yet. Whoever names no version has seen
  // this one at most: what another makes at the same time is no base of his.
  int64_t content_seen = 0;
  // Without `based_on`: only content that came from a file may be replaced.
  bool only_a_files = false;
  // The text is kept in a file somewhere, in git say.
  bool from_file = false;
  // Whatever was changed since.
  bool force = false;
  bool drop_overrides = false;
  std::string note;
  // SHA-256 of the file that is imported.
  std::optional<std::string> imported_sha256;
};

// Ready to be committed, unless something speaks against it.
struct PreparedChange {
  // With its record but for version and time.
  StoredCatalog next;
  // What it is answered with; `errors` when the content is invalid, and nothing else here counts.
  v1::ApplyCatalogResponse response;
  // CATALOG_CONFLICT when it is based on what is not in force any more.
  absl::Status conflict;
  // ROLE_NOT_ALLOWED when the caller's role is too little for it.
  absl::Status allowed;
  v1::AuditEntry audit;
};

// Fails when the content cannot be made, say of a provider that is not there.
absl::StatusOr<PreparedChange> Prepare(const ContentChange& change, const StoredCatalog& present);

// `apply`, `switch`: of metrics, logs and the audit log.
const char* KindName(v1::CatalogChangeKind kind);

// INVALID_VALUE unless it has at most 200 printable characters.
absl::Status CheckNote(absl::string_view note);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CHANGE_H_
