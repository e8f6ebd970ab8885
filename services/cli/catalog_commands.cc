// The catalog as a file: checked, compared, brought into force, written out.

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/amounts.h"
#include "services/cli/catalog_output.h"
#include "services/cli/catalog_schema.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/files.h"
#include "services/cli/output.h"
#include "services/cli/progress.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;

// As in model_registry.proto.
constexpr int64_t kCatalogBytesMax = int64_t{8} << 20;

struct ApplyArguments {
  bool validate = false;
  bool drop_overrides = false;
  bool force = false;
  std::optional<int64_t> based_on;
  std::string note;
  bool can_drop_overrides = false;
};

void DeclareComparison(config::Flags& flags, ApplyArguments& arguments) {
  arguments.can_drop_overrides = true;
  flags.Switch("drop-overrides", &arguments.drop_overrides,
               "forget switches flipped at run time, so that the file alone counts");
  flags.OptionalInteger(
      "based-on", &arguments.based_on, 0, INT64_MAX,
      "the version that the file was made from; absent: the one that the file itself names");
}

std::string ConflictHint(const std::string& file) {
  return absl::StrCat("`prismatic catalog diff ", file,
                      "` shows what would be lost, `prismatic catalog export` writes what is in force, and "
                      "`catalog apply --force` applies the file all the same.");
}

absl::StatusOr<pb::ApplyCatalogResponse> Send(Invocation& call, const ApplyArguments& arguments) {
  pb::ApplyCatalogRequest request;
  ASSIGN_OR_RETURN(*request.mutable_yaml(), ReadFile(call.words[0], kCatalogBytesMax));
  request.set_validate_only(arguments.validate);
  request.set_drop_overrides(arguments.drop_overrides);
  request.set_based_on(arguments.based_on.value_or(0));
  request.set_force(arguments.force);
  request.set_note(arguments.note);
  Progress progress(call, absl::StrCat(arguments.validate ? "checking " : "applying ", call.words[0]));
  absl::StatusOr<pb::ApplyCatalogResponse> response = call.connections.ApplyCatalog(request);
  if (!response.ok()) return WithConflictHint(response.status(), ConflictHint(call.words[0]));
  return response;
}

absl::Status Apply(Invocation& call, const ApplyArguments& arguments) {
  ASSIGN_OR_RETURN(pb::ApplyCatalogResponse response, Send(call, arguments));
  return PrintApplied(call, {response, call.words[0], arguments.validate, arguments.can_drop_overrides});
}

Action DeclareApply(config::Flags& flags) {
  auto arguments = std::make_shared<ApplyArguments>();
  flags.Switch("validate", &arguments->validate, "check only, and say what would change");
  DeclareComparison(flags, *arguments);
  flags.Switch("force", &arguments->force, "apply it whatever was changed since that version");
  flags.Text("note", &arguments->note, "why, for the history; at most 200 characters");
  return [arguments](Invocation& call) { return Apply(call, *arguments); };
}

Action DeclareValidate(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    if (call.settings.registry_admin_addr.empty()) {
      return UsageError(
          "model-registry checks the file: give --registry-admin-addr host:port or "
          "PRISMATIC_REGISTRY_ADMIN_ADDR. Without one, an editor can check it against the JSON Schema that "
          "`prismatic catalog schema` prints");
    }
    return Apply(call, {.validate = true});
  };
}

// 0 when there is nothing to apply, 4 when there is, as `diff` has 0 and 1.
absl::Status Diff(Invocation& call, ApplyArguments arguments) {
  arguments.validate = true;
  ASSIGN_OR_RETURN(pb::ApplyCatalogResponse response, Send(call, arguments));
  Applied applied{response, call.words[0], true, arguments.can_drop_overrides};
  RETURN_IF_ERROR(CheckValid(call, applied));
  if (call.settings.json()) {
    RETURN_IF_ERROR(PrintApplied(call, applied));
  } else {
    if (!response.changes().empty() || call.settings.csv()) {
      PrintChanges(call, response.changes());
    } else {
      call.out << call.words[0] << " is what is in force\n";
    }
    PrintAppliedNotes(call, applied);
  }
  return response.changes().empty() ? absl::OkStatus() : Different();
}

Action DeclareDiff(config::Flags& flags) {
  auto arguments = std::make_shared<ApplyArguments>();
  DeclareComparison(flags, *arguments);
  return [arguments](Invocation& call) { return Diff(call, *arguments); };
}

struct ExportArguments {
  std::optional<int64_t> version;
  std::string out;
};

absl::Status Export(Invocation& call, const ExportArguments& arguments) {
  if (!arguments.out.empty()) RETURN_IF_ERROR(CheckWritable(arguments.out));
  pb::ExportCatalogRequest request;
  request.set_version(arguments.version.value_or(0));
  ASSIGN_OR_RETURN(pb::ExportCatalogResponse exported, call.connections.ExportCatalog(request));
  if (!arguments.out.empty()) RETURN_IF_ERROR(WriteFile(arguments.out, exported.yaml()));
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject();
    admin_json::WriteExportMembers(writer, exported);
    writer.EndObject();
    PrintJson(call.out, writer);
  } else if (arguments.out.empty()) {
    call.out << exported.yaml();
  } else {
    Facts()
        .Add("file", arguments.out)
        .Add("catalog version", absl::StrCat(exported.catalog_version()))
        .Add("content version", absl::StrCat(exported.content_version()))
        .Print(call.out);
  }
  for (const catalog::v1::Provider& provider : exported.overridden()) {
    call.err << "note: Images of " << provider.name() << " was switched "
             << (provider.images_override().enabled() ? "on" : "off")
             << " at run time; the file says what counts without that\n";
  }
  return absl::OkStatus();
}

Action DeclareExport(config::Flags& flags) {
  auto arguments = std::make_shared<ExportArguments>();
  flags.OptionalInteger("version", &arguments->version, 0, INT64_MAX,
                        "one of `catalog history`; absent: the one in force");
  flags.Text("out", &arguments->out, "the file, also -o; absent: standard output");
  return [arguments](Invocation& call) { return Export(call, *arguments); };
}

struct RollbackArguments {
  bool validate = false;
  std::optional<int64_t> based_on;
  std::string note;
};

absl::Status Rollback(Invocation& call, const RollbackArguments& arguments) {
  pb::RollbackCatalogRequest request;
  ASSIGN_OR_RETURN(int64_t version, ParseVersion(call.words[0]));
  request.set_version(version);
  request.set_based_on(arguments.based_on.value_or(0));
  request.set_note(arguments.note);
  request.set_validate_only(arguments.validate);
  absl::StatusOr<pb::ApplyCatalogResponse> response = call.connections.RollbackCatalog(request);
  if (!response.ok()) {
    return WithConflictHint(response.status(),
                            absl::StrCat("`prismatic catalog compare ", request.based_on(),
                                         " current` shows it; without --based-on it is not compared."));
  }
  return PrintApplied(call, {*response, absl::StrCat("version ", version), arguments.validate});
}

Action DeclareRollback(config::Flags& flags) {
  auto arguments = std::make_shared<RollbackArguments>();
  flags.Switch("validate", &arguments->validate, "change nothing, and say what would change");
  flags.OptionalInteger("based-on", &arguments->based_on, 0, INT64_MAX,
                        "refuse when the content was changed since that version; absent: not compared");
  flags.Text("note", &arguments->note, "why, for the history; at most 200 characters");
  return [arguments](Invocation& call) { return Rollback(call, *arguments); };
}

Action DeclareSchema(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    if (kCatalogSchema[0] == '\0') {
      return Refused("NOT_BUILT_IN", "this executable was built without the JSON Schema of catalogs");
    }
    call.out << kCatalogSchema;
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> CatalogCommands() {
  return {
      {"catalog validate", "FILE", "Checks a YAML catalog and changes nothing; model-registry looks at it.",
       "prismatic catalog validate catalog.yaml", DeclareValidate},
      {"catalog diff",
       "FILE",
       "Shows what applying a file would change; exit code 4 when it would.",
       "prismatic catalog diff catalog.yaml",
       DeclareDiff,
       {.prints_table = true}},
      {"catalog apply", "FILE", "Replaces the catalog by a YAML file, whole or not at all.",
       "prismatic catalog apply catalog.yaml --note 'price of imagen-4'", DeclareApply},
      {"catalog export",
       "",
       "Writes the catalog as a file, which can be edited and applied.",
       "prismatic catalog export -o catalog.yaml",
       DeclareExport,
       {.writes_file = true}},
      {"catalog rollback", "VERSION", "Puts the content of an earlier version in force, as a new version.",
       "prismatic catalog rollback 1767225600000 --note 'wrong prices'", DeclareRollback},
      {"catalog schema", "", "Prints the JSON Schema of catalogs, for editors; asks no service.",
       "prismatic catalog schema", DeclareSchema},
  };
}

}  // namespace prismatic::cli
