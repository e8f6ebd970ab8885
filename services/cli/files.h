#ifndef PRISMATIC_SERVICES_CLI_FILES_H_
#define PRISMATIC_SERVICES_CLI_FILES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::cli {

// `-` is standard input. A usage error when the file cannot be read or is larger.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t bytes_max);
// The one word that a file holds: a key or a token. A usage error as above, and when there is none.
absl::StatusOr<std::string> ReadSecret(const std::string& path);
// Replaces the file. OUTPUT_FAILED when not everything could be written.
absl::Status WriteFile(const std::string& path, absl::string_view content);
// A usage error unless a file could be written at this path now. Creates nothing.
absl::Status CheckWritable(const std::string& path);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_FILES_H_
