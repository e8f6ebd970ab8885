#ifndef PRISMATIC_SERVICES_CLI_HELP_H_
#define PRISMATIC_SERVICES_CLI_HELP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/cli/command.h"
#include "services/common/config/flags.h"

namespace prismatic::cli {

std::vector<std::string> WordsOf(absl::string_view text);
// `--help`, `-h`.
bool IsHelp(absl::string_view argument);

// What `--help` prints where the words are those of no command: all commands, or those of a group. Nothing:
// no help was asked for, or for something that does not exist.
std::optional<std::string> GeneralHelp(const std::vector<Command>& commands,
                                       const std::vector<std::string>& arguments);
// Of one command; `flags` has its flags.
std::string HelpOf(const std::vector<Command>& commands, const Command& command, const config::Flags& flags);

// The usage errors, each one line: no such command; a command with the wrong number of words behind it; flags
// that cannot be read, as Flags says it.
absl::Status NoSuchCommand(const std::vector<Command>& commands, const std::vector<std::string>& arguments);
absl::Status WrongWords(const std::vector<Command>& commands, const Command& command,
                        const std::vector<std::string>& words);
absl::Status WrongFlags(const Command& command, const absl::Status& parsed);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_HELP_H_
