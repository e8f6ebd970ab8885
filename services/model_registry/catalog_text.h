#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_TEXT_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_TEXT_H_

#include <cstdint>
#include <string>

#include "prismatic/catalog/v1/catalog.pb.h"

// The catalog as people write it: canonical YAML, keys in the order of docs/reference/catalog.md, what is
// default left out. Reading a text that was written here gives the same content again (overrides, version and
// hash apart). Pure.

namespace prismatic::model_registry {

// The whole file. Run-time overrides are not counted in. `based_on` above 0 becomes its first line.
std::string CatalogYaml(const catalog::v1::Catalog& catalog, int64_t based_on);

// One entry of `providers`, one of `models`, not indented.
std::string ProviderYaml(const catalog::v1::Provider& provider);
std::string ModelYaml(const catalog::v1::Model& model);
// The same as it stands in the file of `catalog`: what is default for its providers' wire formats is left out
// too.
std::string ModelYaml(const catalog::v1::Model& model, const catalog::v1::Catalog& catalog);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_TEXT_H_
