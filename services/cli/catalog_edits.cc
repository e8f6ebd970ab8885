#include "services/cli/catalog_edits.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/cli/catalog_output.h"
#include "services/cli/files.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;

// As in model_registry.proto.
constexpr int64_t kEntryBytesMax = int64_t{8} << 20;

// `is_told`: by --based-on; else the version was read just before.
std::string ConflictHint(int64_t based_on, bool is_told) {
  if (!is_told) return "Give the command again, or --force.";
  return absl::StrCat("`prismatic catalog compare ", based_on,
                      " current` shows what was changed since; --force changes it all the same.");
}

}  // namespace

void EditFlags::Declare(config::Flags& flags) {
  flags.OptionalInteger("based-on", &based_on, 0, INT64_MAX,
                        "refuse when the content was changed since that version; absent: the one that this "
                        "command reads just before");
  flags.Switch("force", &force, "change it whatever was changed since");
  flags.Switch("validate", &validate, "change nothing, and say what would change");
  flags.Text("note", &note, "why, for the history; at most 200 characters");
}

absl::Status Edit(Invocation& call, pb::EditCatalogRequest request, const EditFlags& flags,
                  int64_t version_read, const std::string& source) {
  bool is_told = flags.based_on.value_or(0) > 0;
  request.set_based_on(is_told ? *flags.based_on : version_read);
  request.set_force(flags.force);
  request.set_validate_only(flags.validate);
  request.set_note(flags.note);
  std::string hint = ConflictHint(request.based_on(), is_told);
  absl::StatusOr<pb::ApplyCatalogResponse> response = call.connections.EditCatalog(request);
  if (!response.ok()) return WithConflictHint(response.status(), hint);
  return PrintApplied(call, {*response, source, flags.validate, /*can_drop_overrides=*/false,
                             /*name_overrides=*/request.has_put_provider()});
}

absl::StatusOr<std::string> ReadEntry(const std::string& path) { return ReadFile(path, kEntryBytesMax); }

}  // namespace prismatic::cli
