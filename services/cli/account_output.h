#ifndef PRISMATIC_SERVICES_CLI_ACCOUNT_OUTPUT_H_
#define PRISMATIC_SERVICES_CLI_ACCOUNT_OUTPUT_H_

#include <string>

#include "prismatic/billing/v1/billing.pb.h"
#include "services/cli/command.h"
#include "services/common/json/json.h"

namespace prismatic::cli {

// An account as --output says.
void PrintAccount(const Invocation& call, const billing::v1::Account& account);
// Its members, without the braces.
void WriteAccount(json::Writer& writer, const billing::v1::Account& account);

// "subscription_first", "month".
std::string FundingPolicyWord(billing::v1::FundingPolicy policy);
std::string PeriodWord(billing::v1::SubscriptionPeriod period);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_ACCOUNT_OUTPUT_H_
