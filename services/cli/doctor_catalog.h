#ifndef PRISMATIC_SERVICES_CLI_DOCTOR_CATALOG_H_
#define PRISMATIC_SERVICES_CLI_DOCTOR_CATALOG_H_

#include <vector>

#include "services/cli/doctor_checks.h"

namespace prismatic::cli {

// What the catalog holds, and how provider-proxy finds its providers. Each says nothing where its service did
// not tell.
void CheckImport(const Answers& answers, std::vector<Finding>& findings);
void CheckModels(const Answers& answers, std::vector<Finding>& findings);
void CheckProviders(const Answers& answers, std::vector<Finding>& findings);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_DOCTOR_CATALOG_H_
