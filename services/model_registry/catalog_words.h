#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_WORDS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_WORDS_H_

#include "absl/strings/string_view.h"
#include "services/model_registry/yaml_fields.h"

// The words of a catalog file and what they stand for in catalog.proto.

namespace prismatic::model_registry {

const Words& WireFormats();
const Words& Capabilities();
const Words& ReferenceImageWords();
const Words& AuthSchemes();
const Words& JobMappings();
const Words& SizeForms();
const Words& ReferenceForms();
// Request fields that a route may name; the values have no meaning.
const Words& Parameters();
// What field_names may rename: the parameters and what else a request is made of.
const Words& RenamedFields();
// The values have no meaning.
const Words& Modalities();
const Words& OutputFormats();

// The word for a value; empty when there is none.
absl::string_view NameOf(int value, const Words& words);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_CATALOG_WORDS_H_
