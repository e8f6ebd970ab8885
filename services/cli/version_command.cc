// Which version of the suite this tool is of.

#include "services/cli/command.h"
#include "services/cli/output.h"
#include "services/common/config/version.h"

namespace prismatic::cli {
namespace {

Action DeclareVersion(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    if (call.settings.json()) {
      json::Writer writer;
      writer.BeginObject().Key("version").String(config::kVersion).EndObject();
      PrintJson(call.out, writer);
    } else {
      call.out << "prismatic " << config::kVersion << "\n";
    }
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> VersionCommands() {
  return {{"version", "", "Prints the version of this tool; also `prismatic --version`. Asks no service.",
           "prismatic version", DeclareVersion}};
}

}  // namespace prismatic::cli
