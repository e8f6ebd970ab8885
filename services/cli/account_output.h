#ifndef PRISMATIC_SERVICES_CLI_ACCOUNT_OUTPUT_H_
#define PRISMATIC_SERVICES_CLI_ACCOUNT_OUTPUT_H_

#include <vector>

#include "prismatic/billing/v1/billing.pb.h"
#include "services/cli/command.h"

namespace prismatic::cli {

// An account as --output says.
void PrintAccount(const Invocation& call, const billing::v1::Account& account);
// Several, a row each.
void PrintAccounts(const Invocation& call, const std::vector<billing::v1::Account>& accounts);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_ACCOUNT_OUTPUT_H_
