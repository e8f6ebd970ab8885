#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_ROUTE_FIELDS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_ROUTE_FIELDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "prismatic/catalog/v1/catalog.pb.h"
#include "services/model_registry/yaml_fields.h"

// The two maps of a route that change the request's own JSON. Both are read last: they are held against
// what the route sends.

namespace prismatic::model_registry {

// What an upstream may call a field or a value: 1 to 64 letters, digits, _ and -.
std::string CheckFieldName(absl::string_view name);

// Whether the upstream is one of OpenAI's GPT image models, which refuse `response_format`.
bool IsGptImageModel(absl::string_view upstream_model);

// What upstreams call a field. `format` is unspecified when the provider is not known.
void ReadFieldNames(const YamlFields& fields, catalog::v1::WireFormat format, YamlErrors& errors,
                    catalog::v1::Route& route);
// Fixed fields, as compact JSON.
void ReadExtraFields(const YamlFields& fields, catalog::v1::WireFormat format, YamlErrors& errors,
                     catalog::v1::Route& route);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_ROUTE_FIELDS_H_
