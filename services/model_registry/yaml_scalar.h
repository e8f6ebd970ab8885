#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_SCALAR_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_SCALAR_H_

#include <string>

#include "absl/strings/string_view.h"

// How a text stands in YAML so that every reader, of YAML 1.1 or 1.2, gets that text again.

namespace prismatic::model_registry {

// The text, in double quotes where it needs them. In flow (`[a, b]`) more texts do. Always one line; what
// cannot be seen (control characters, marks of direction) is escaped.
std::string YamlText(absl::string_view text, bool in_flow);

// In double quotes, needed or not.
std::string QuotedYamlText(absl::string_view text);

// Whether the text reads best as a literal block (`|`), which shows lines as lines: it has several, and none
// that such a block would change.
bool IsYamlLiteral(absl::string_view text);

// The text cut to `bytes_max` at a character's boundary, `...` at its end where something is missing.
std::string CutText(absl::string_view text, size_t bytes_max);

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_YAML_SCALAR_H_
