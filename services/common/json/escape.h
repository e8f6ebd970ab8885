#ifndef PRISMATIC_SERVICES_COMMON_JSON_ESCAPE_H_
#define PRISMATIC_SERVICES_COMMON_JSON_ESCAPE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace prismatic::json {

// Whether every backslash begins an escape that JSON knows. Lone surrogates pass.
bool ValidEscapes(absl::string_view inner);
// The text with its escapes undone; empty for what ValidEscapes refuses and for lone surrogates.
std::optional<std::string> Unescape(absl::string_view inner);
// Appends the text escaped, without quotes; bytes that are not UTF-8 become U+FFFD.
void AppendEscaped(absl::string_view text, std::string& out);

}  // namespace prismatic::json

#endif  // PRISMATIC_SERVICES_COMMON_JSON_ESCAPE_H_
