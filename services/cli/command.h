#ifndef PRISMATIC_SERVICES_CLI_COMMAND_H_
#define PRISMATIC_SERVICES_CLI_COMMAND_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/cli/connections.h"
#include "services/cli/settings.h"
#include "services/common/config/flags.h"

namespace prismatic::cli {

// What a command works with once its command line has been read.
struct Invocation {
  const Settings& settings;
  Connections& connections;
  // As many as the command's `arguments` has.
  const std::vector<std::string>& words;
  std::ostream& out;
  // For notes; errors are returned.
  std::ostream& err;
};

using Action = std::function<absl::Status(Invocation&)>;

struct Command {
  // "account create".
  absl::string_view words;
  // The words that must follow, "NAME on|off".
  absl::string_view arguments;
  // One sentence.
  absl::string_view about;
  // A whole command line.
  absl::string_view example;
  // Adds the command's own flags and returns what to do once they are read.
  Action (*declare)(config::Flags& flags);
  absl::Duration timeout = kCallTimeout;
};

std::vector<Command> AccountCommands();
std::vector<Command> KeyCommands();
std::vector<Command> LedgerCommands();
std::vector<Command> CatalogCommands();
std::vector<Command> GenerateCommands();

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_COMMAND_H_
