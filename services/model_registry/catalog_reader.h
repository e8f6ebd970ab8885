#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_READER_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_READER_H_

#include <cstdint>
#include <string>

#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/model_registry/yaml_fields.h"

// From a tree of YAML to the catalog that it says. Strict; notes every error and goes on.

namespace prismatic::model_registry {

// An entry that was put into a catalog, whose others are in force already.
struct EditedEntry {
  // `providers` or `models`.
  std::string list;
  size_t index = 0;
  // What it is called in paths: `models[imagen-4]`.
  std::string label;
};

struct CatalogRead {
  catalog::v1::Catalog catalog;
  int64_t based_on = 0;
};

// `edited` is nullptr for a whole file, whose paths count entries: `models[0]`. With it, paths name entries,
// and the edited one is read last, so that what it has in common with others is noted at its own text.
CatalogRead ReadCatalog(const YamlNode& root, const EditedEntry* edited, YamlErrors& errors);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_READER_H_
