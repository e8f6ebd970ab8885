#include "services/model_registry/catalog_yaml.h"

#include <utility>

#include "services/model_registry/catalog_reader.h"
#include "services/model_registry/catalog_size.h"
#include "services/model_registry/yaml_fields.h"
#include "services/model_registry/yaml_tree.h"

namespace prismatic::model_registry {

CatalogFromYaml ReadCatalogYaml(absl::string_view text) {
  CatalogFromYaml result;
  YamlErrors errors;
  YamlTree tree(text);
  if (tree.ok()) {
    CatalogRead read = ReadCatalog(tree.root(), nullptr, errors);
    result.catalog = std::move(read.catalog);
    result.based_on = read.based_on;
    std::string trouble = errors.empty() ? ExportTrouble(result.catalog, tree.has_aliases()) : "";
    if (!trouble.empty()) errors.Add(tree.root(), "", trouble);
  } else {
    errors.Add(tree.error());
  }
  result.errors = errors.Lines();
  return result;
}

}  // namespace prismatic::model_registry
