#ifndef PRISMATIC_SERVICES_CLI_CLI_H_
#define PRISMATIC_SERVICES_CLI_CLI_H_

#include <ostream>
#include <string>
#include <vector>

namespace prismatic::cli {

// Which of the two streams a person looks at: long work shows on `err` that it goes on, and on `out` long
// values are cut.
struct Terminals {
  bool out = false;
  bool err = false;
};

// The whole program: `arguments` without its name, `environment` as NAME=value. Returns an ExitCode.
int Run(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
        std::ostream& out, std::ostream& err, Terminals terminals = {});

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_CLI_H_
