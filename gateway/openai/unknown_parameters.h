#ifndef PRISMATIC_GATEWAY_OPENAI_UNKNOWN_PARAMETERS_H_
#define PRISMATIC_GATEWAY_OPENAI_UNKNOWN_PARAMETERS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/common/json/json.h"

namespace prismatic::gateway::openai {

// What request_reader.cc reads; any other member of the body is unknown.
absl::Span<const absl::string_view> KnownParameters();

// The names of the body's members that nobody reads, in the body's order, as they stand in
// x-prismatic-ignored-parameters: letters, digits, `-`, `_`, `.` and `~` as they are, other bytes of the
// UTF-8 as %XX, the empty name as `""`. A name longer than 64 bytes ends in `...`; after 20 names a last
// item `...` says that there are more. So the header stays below 1.5 KiB, whatever the client sends.
std::vector<std::string> UnknownParameters(const json::Value& body);

}  // namespace prismatic::gateway::openai

#endif  // PRISMATIC_GATEWAY_OPENAI_UNKNOWN_PARAMETERS_H_
