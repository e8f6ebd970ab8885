#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_SIZE_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_SIZE_H_

#include <string>

#include "prismatic/catalog/v1/catalog.pb.h"

namespace prismatic::model_registry {

// Why a catalog cannot be written as a file that is read again; empty when it can. Aliases make a large
// catalog of a small file, and the file that is exported has none. `aliases`: the text that the catalog is
// from may have some.
std::string ExportTrouble(const catalog::v1::Catalog& catalog, bool aliases);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_SIZE_H_
