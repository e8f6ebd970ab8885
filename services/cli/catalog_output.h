#ifndef PRISMATIC_SERVICES_CLI_CATALOG_OUTPUT_H_
#define PRISMATIC_SERVICES_CLI_CATALOG_OUTPUT_H_

#include <string>

#include "absl/status/status.h"
#include "google/protobuf/repeated_field.h"
#include "prismatic/model_registry/v1/model_registry.pb.h"
#include "services/cli/command.h"

namespace prismatic::cli {

using CatalogChanges = google::protobuf::RepeatedPtrField<model_registry::v1::CatalogChange>;

// What a change of the catalog was answered with, and what the command asked for.
struct Applied {
  const model_registry::v1::ApplyCatalogResponse& response;
  // What was checked: a file's name, "model imagen-4".
  std::string source;
  bool validate_only = false;
  // The command has --drop-overrides.
  bool can_drop_overrides = false;
  // Switches that stay are no news to a change that touches no switch.
  bool name_overrides = true;
};

// As --output says; fails as CATALOG_INVALID with every error when the text was refused.
absl::Status PrintApplied(const Invocation& call, const Applied& applied);
// Overrides that stay, and the conflict that applying would meet, as notes on standard error.
void PrintAppliedNotes(const Invocation& call, const Applied& applied);
// The error of a text that was refused; OK when it was not. With --output json its errors are printed too.
absl::Status CheckValid(const Invocation& call, const Applied& applied);

// What a CATALOG_CONFLICT can be answered with, behind the registry's own words; other failures stay as they
// are.
absl::Status WithConflictHint(const absl::Status& status, absl::string_view hint);

// PATH, BEFORE, AFTER. On a terminal long values are cut.
void PrintChanges(const Invocation& call, const CatalogChanges& changes);

// As many characters as a cell of a table has room for: cut on a terminal, whole for programs and files.
std::string CellText(const Invocation& call, const std::string& text);

// At most that many characters, the last three of them dots where there is more.
std::string Shortened(const std::string& text, size_t characters);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CATALOG_OUTPUT_H_
