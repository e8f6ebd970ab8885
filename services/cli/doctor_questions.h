#ifndef PRISMATIC_SERVICES_CLI_DOCTOR_QUESTIONS_H_
#define PRISMATIC_SERVICES_CLI_DOCTOR_QUESTIONS_H_

#include "services/cli/command.h"
#include "services/cli/doctor_checks.h"

namespace prismatic::cli {

// Asks every service whose address is given, and changes nothing. What goes wrong is in the answers.
Answers AskEverybody(const Invocation& call);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_DOCTOR_QUESTIONS_H_
