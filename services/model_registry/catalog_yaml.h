#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_YAML_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_YAML_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"

namespace prismatic::model_registry {

struct CatalogFromYaml {
  // What the text says, without version and hash, without overrides; `created` 0 where it says none.
  // Complete only when there are no errors.
  catalog::v1::Catalog catalog;
  // Every error, `line:column: path: message`, in the order of the text.
  std::vector<std::string> errors;

  bool ok() const { return errors.empty(); }
};

// Reads a catalog file. Strict: what is unknown, repeated, of the wrong type or out of range is an
// error. Pure; takes up to about a second for the largest text allowed, so not for a loop's thread.
CatalogFromYaml ReadCatalogYaml(absl::string_view text);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_YAML_H_
