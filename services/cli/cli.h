#ifndef PRISMATIC_SERVICES_CLI_CLI_H_
#define PRISMATIC_SERVICES_CLI_CLI_H_

#include <ostream>
#include <string>
#include <vector>

namespace prismatic::cli {

// The whole program: `arguments` without its name, `environment` as NAME=value. Returns an ExitCode.
int Run(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
        std::ostream& out, std::ostream& err);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CLI_H_
