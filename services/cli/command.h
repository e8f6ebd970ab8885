#ifndef PRISMATIC_SERVICES_CLI_COMMAND_H_
#define PRISMATIC_SERVICES_CLI_COMMAND_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/cli/cli.h"
#include "services/cli/connections.h"
#include "services/cli/output.h"
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
  // For notes and progress; errors are returned.
  std::ostream& err;
  Terminals terminals = {};
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
  struct Traits {
    // Its result is a table, which --output csv can print.
    bool prints_table = false;
    // `-o FILE` is short for its --out.
    bool writes_file = false;
    absl::Duration timeout = kCallTimeout;
  };
  Traits traits = {};
};

// As --output says, table or CSV.
void PrintTable(const Invocation& call, const Table& table);

std::vector<Command> AccountCommands();
std::vector<Command> WalletCommands();
std::vector<Command> KeyCommands();
std::vector<Command> LedgerCommands();
std::vector<Command> LedgerFileCommands();
std::vector<Command> VerifyCommands();
std::vector<Command> MeteringCommands();
std::vector<Command> SettlementCommands();
std::vector<Command> CatalogCommands();
std::vector<Command> CatalogHistoryCommands();
std::vector<Command> ProviderCommands();
std::vector<Command> ProviderTestCommands();
std::vector<Command> ModelCommands();
std::vector<Command> OperatorCommands();
std::vector<Command> AuditCommands();
std::vector<Command> DoctorCommands();
std::vector<Command> GenerateCommands();
std::vector<Command> VersionCommands();

// Every command, as `--help` lists them: group by group.
std::vector<Command> AllCommands();

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_COMMAND_H_
