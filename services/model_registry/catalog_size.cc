#include "services/model_registry/catalog_size.h"

#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_text.h"
#include "services/model_registry/yaml_tree.h"

namespace prismatic::model_registry {
namespace {

// No catalog below this takes the room of a file: as text it is less than 30 times as large.
constexpr size_t kSurelyFits = YamlTree::kBytesMax / 32;

}  // namespace

std::string ExportTrouble(const catalog::v1::Catalog& catalog, bool aliases) {
  if (catalog.ByteSizeLong() < kSurelyFits) return "";
  std::string text = CatalogYaml(catalog, 0);
  if (text.size() > YamlTree::kBytesMax) {
    return absl::StrCat("written out", aliases ? " without aliases" : "", ", the catalog is a file of ",
                        text.size(), " bytes, more than the ", YamlTree::kBytesMax, " allowed");
  }
  if (!aliases) return "";
  YamlTree tree(text);
  return tree.ok()
             ? ""
             : absl::StrCat("written out without aliases, the catalog is no file: ", tree.error().message);
}

}  // namespace prismatic::model_registry
