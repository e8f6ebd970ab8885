#ifndef PRISMATIC_SERVICES_CLI_DOCTOR_CLOCKS_H_
#define PRISMATIC_SERVICES_CLI_DOCTOR_CLOCKS_H_

#include <vector>

#include "services/cli/doctor_checks.h"

namespace prismatic::cli {

// The clocks of the processes and of Redis against this machine's, as far as the answers' travelling times
// let it be known.
void CheckClocks(const Answers& answers, std::vector<Finding>& findings);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_DOCTOR_CLOCKS_H_
