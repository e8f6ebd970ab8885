#ifndef PRISMATIC_SERVICES_CLI_SUGGESTION_H_
#define PRISMATIC_SERVICES_CLI_SUGGESTION_H_

#include <string>
#include <vector>

#include "services/cli/command.h"

namespace prismatic::cli {

// The command that was most likely meant, "account list" for {"acount", "lst"}, or a group, "account", where
// the words behind it are like nothing. What begins with "-" ends the words. Empty: nothing is near.
std::string NearestCommand(const std::vector<Command>& commands, const std::vector<std::string>& said);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_SUGGESTION_H_
