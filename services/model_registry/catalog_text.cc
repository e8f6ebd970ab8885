#include "services/model_registry/catalog_text.h"

#include "absl/strings/str_cat.h"
#include "services/model_registry/catalog_draft.h"

namespace prismatic::model_registry {
namespace {

constexpr int kEntryIndent = 2;

}  // namespace

std::string CatalogYaml(const catalog::v1::Catalog& catalog, int64_t based_on) {
  std::string out = based_on > 0 ? absl::StrCat("based_on: ", based_on, "\n") : "";
  absl::StrAppend(&out, "providers:", catalog.providers().empty() ? " []\n" : "\n");
  absl::string_view between = "";
  for (const catalog::v1::Provider& provider : catalog.providers()) {
    absl::StrAppend(&out, between, YamlItem(ProviderDraft(provider), kEntryIndent));
    between = "\n";
  }
  absl::StrAppend(&out, "\nmodels:", catalog.models().empty() ? " []\n" : "\n");
  FormatsByName formats = FormatsOf(catalog);
  between = "";
  for (const catalog::v1::Model& model : catalog.models()) {
    absl::StrAppend(&out, between, YamlItem(ModelDraft(model, formats), kEntryIndent));
    between = "\n";
  }
  return out;
}

std::string ProviderYaml(const catalog::v1::Provider& provider) {
  return YamlLines(ProviderDraft(provider), 0);
}

std::string ModelYaml(const catalog::v1::Model& model) { return YamlLines(ModelDraft(model, {}), 0); }

std::string ModelYaml(const catalog::v1::Model& model, const catalog::v1::Catalog& catalog) {
  return YamlLines(ModelDraft(model, FormatsOf(catalog)), 0);
}

}  // namespace prismatic::model_registry
