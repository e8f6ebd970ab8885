#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_YAML_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_YAML_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"

namespace prismatic::model_registry {

struct CatalogFromYaml {
  // What the text says, without version and hash, without overrides; `created` 0 where it says none.
  // Complete only when there are no errors.
  catalog::v1::Catalog catalog;
  // The catalog version that the file says it is based on. 0: it does not say.
  int64_t based_on = 0;
  // Every error, `line:column: path: message`, in the order of the text.
  std::vector<std::string> errors;
  // Of an edit: the entry to replace or to remove is there.
  bool found = true;

  bool ok() const { return found && errors.empty(); }
};

// Reads a catalog file. Strict: what is unknown, repeated, of the wrong type or out of range is an
// error. What is valid can be written as a file again (CatalogYaml) and read from it. Pure; takes up to about
// two seconds for the largest text allowed, so not for a loop's thread.
CatalogFromYaml ReadCatalogYaml(absl::string_view text);

// `present` with one entry of its providers or models replaced by what `yaml` holds, one map; in its place,
// and where its name is another one, the routes renamed with it. An empty `name`: a further entry at the end.
// The whole is checked again. Errors of the entry's own text have its lines and columns, the others are
// `path: message`; paths name entries, `models[imagen-4].routes[0].weight`. Overrides stay in force, version
// and hash are left out.
CatalogFromYaml ReadCatalogWithProvider(const catalog::v1::Catalog& present, absl::string_view name,
                                        absl::string_view yaml);
CatalogFromYaml ReadCatalogWithModel(const catalog::v1::Catalog& present, absl::string_view name,
                                     absl::string_view yaml);

// What an entry calls itself; empty when it is no map with a `name` that is text.
std::string NameOfEntry(absl::string_view yaml);

// `present` without one entry. A provider that routes use stays: an error names their models.
CatalogFromYaml ReadCatalogWithoutProvider(const catalog::v1::Catalog& present, absl::string_view name);
CatalogFromYaml ReadCatalogWithoutModel(const catalog::v1::Catalog& present, absl::string_view name);

// `present` with another price of a model. Absent: none. `quota_units` 0: as they are.
CatalogFromYaml CatalogWithPrice(const catalog::v1::Catalog& present, absl::string_view model,
                                 std::optional<int64_t> nano_usd, int32_t quota_units);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_YAML_H_
