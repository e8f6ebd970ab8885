#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_DRAFT_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_DRAFT_H_

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/model_registry/yaml_draft.h"

// Entries of the catalog as what a file says of them: defaults left out, run-time overrides not counted in.

namespace prismatic::model_registry {

// The defaults of a route depend on how its provider is spoken to.
using FormatsByName = absl::flat_hash_map<absl::string_view, catalog::v1::WireFormat>;
FormatsByName FormatsOf(const catalog::v1::Catalog& catalog);

YamlDraft ProviderDraft(const catalog::v1::Provider& provider);
// A route's modalities are left out only where its provider is among `formats`, so that they are its default.
YamlDraft ModelDraft(const catalog::v1::Model& model, const FormatsByName& formats);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_DRAFT_H_
