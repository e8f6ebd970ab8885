#ifndef PRISMATIC_SERVICES_CLI_CATALOG_EDITS_H_
#define PRISMATIC_SERVICES_CLI_CATALOG_EDITS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "services/cli/command.h"
#include "services/common/config/flags.h"

namespace prismatic::cli {

// --based-on, --force, --validate and --note of commands that change one provider or model.
struct EditFlags {
  std::optional<int64_t> based_on;
  bool force = false;
  bool validate = false;
  std::string note;

  void Declare(config::Flags& flags);
};

// Sends an edit that is based on --based-on, or else on the version that the command read just before, and
// prints what it came to. `source` is what errors are said of: a file's name, "model imagen-4".
absl::Status Edit(Invocation& call, model_registry::v1::EditCatalogRequest request, const EditFlags& flags,
                  int64_t version_read, const std::string& source);

// One provider or model as YAML or JSON, from a file or standard input. A usage error when it cannot be read.
absl::StatusOr<std::string> ReadEntry(const std::string& path);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CATALOG_EDITS_H_
