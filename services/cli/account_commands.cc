#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/admin_json/billing_json.h"
#include "services/cli/account_output.h"
#include "services/cli/amounts.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/limits.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// As in billing.proto; it checks it again.
constexpr int64_t kQuotaMax = 1'000'000'000;

// --funding, --quota and --quota-period, of `create` and `update`.
struct FundingFlags {
  std::string policy;
  std::optional<int64_t> quota;
  std::string period;

  void Declare(config::Flags& flags) {
    flags.Text("funding", &policy, "who pays: subscription_first, subscription_only or wallet_only");
    flags.OptionalInteger("quota", &quota, 0, kQuotaMax,
                          "units of the subscription in each period; an image takes its model's units");
    flags.Text("quota-period", &period, "month, week or day, in UTC");
  }
};

absl::StatusOr<pb::FundingPolicy> ParsePolicy(absl::string_view word) {
  if (word.empty()) return pb::FUNDING_POLICY_UNSPECIFIED;
  for (int i = 1; i < pb::FundingPolicy_ARRAYSIZE; ++i) {
    auto policy = static_cast<pb::FundingPolicy>(i);
    if (admin_json::FundingPolicyWord(policy) == word) return policy;
  }
  return UsageError(absl::StrCat("--funding is \"", word,
                                 "\"; it can be subscription_first, subscription_only or wallet_only"));
}

absl::StatusOr<pb::SubscriptionPeriod> ParsePeriod(absl::string_view word) {
  for (int i = 1; i < pb::SubscriptionPeriod_ARRAYSIZE; ++i) {
    auto period = static_cast<pb::SubscriptionPeriod>(i);
    if (admin_json::PeriodWord(period) == word) return period;
  }
  return UsageError(absl::StrCat("--quota-period is \"", word, "\"; it can be month, week or day"));
}

struct CreateArguments {
  std::string wallet_usd = "0";
  std::string quota_start;
  FundingFlags funding;
  LimitFlags limits;
};

absl::StatusOr<pb::CreateAccountRequest> CreateRequest(const std::string& name,
                                                       const CreateArguments& arguments) {
  pb::CreateAccountRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(int64_t wallet, ParseUsd("wallet-usd", arguments.wallet_usd));
  request.set_wallet_nano_usd(wallet);
  *request.mutable_limits() = arguments.limits.ToProto();
  const FundingFlags& funding = arguments.funding;
  ASSIGN_OR_RETURN(pb::FundingPolicy policy, ParsePolicy(funding.policy));
  request.set_funding_policy(policy);
  if (!funding.quota) {
    if (funding.period.empty() && arguments.quota_start.empty()) return request;
    return UsageError("--quota-period and --quota-start go with --quota");
  }
  if (funding.period.empty()) return UsageError("--quota needs --quota-period month, week or day");
  pb::SubscriptionPlan* plan = request.mutable_subscription();
  plan->set_quota_units(*funding.quota);
  ASSIGN_OR_RETURN(pb::SubscriptionPeriod period, ParsePeriod(funding.period));
  plan->set_period(period);
  if (!arguments.quota_start.empty()) {
    ASSIGN_OR_RETURN(int64_t start, ParseTime("quota-start", arguments.quota_start));
    plan->set_start_time_us(start);
  }
  return request;
}

Action DeclareCreate(config::Flags& flags) {
  auto arguments = std::make_shared<CreateArguments>();
  flags.Text("wallet-usd", &arguments->wallet_usd, "opening money in US dollars, up to 9 decimals");
  arguments->limits.Declare(flags);
  arguments->funding.Declare(flags);
  flags.Text("quota-start", &arguments->quota_start,
             "when the first period began, such as 2026-01-31T00:00:00Z; not in the future; absent: now");
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::CreateAccountRequest request, CreateRequest(call.words[0], *arguments));
    ASSIGN_OR_RETURN(pb::CreateAccountResponse response, call.connections.CreateAccount(request));
    PrintAccount(call, response.account());
    return absl::OkStatus();
  };
}

struct UpdateArguments {
  FundingFlags funding;
  LimitChangeFlags limits;
  bool no_subscription = false;

  bool empty() const {
    return limits.empty() && funding.policy.empty() && !funding.quota && funding.period.empty() &&
           !no_subscription;
  }
};

// One of quota and period may be left out where there is a subscription: it stays.
absl::Status FillPlan(Connections& connections, const FundingFlags& funding,
                      pb::UpdateAccountRequest& request) {
  pb::SubscriptionPlan* plan = request.mutable_subscription();
  if (!funding.quota || funding.period.empty()) {
    pb::GetAccountRequest question;
    question.set_name(request.name());
    ASSIGN_OR_RETURN(pb::GetAccountResponse now, connections.GetAccount(question));
    if (!now.account().has_subscription()) {
      return UsageError(
          absl::StrCat(request.name(), " has no subscription: give --quota and --quota-period"));
    }
    *plan = now.account().subscription().plan();
  }
  if (funding.quota) plan->set_quota_units(*funding.quota);
  if (!funding.period.empty()) {
    ASSIGN_OR_RETURN(pb::SubscriptionPeriod period, ParsePeriod(funding.period));
    plan->set_period(period);
  }
  plan->clear_start_time_us();
  return absl::OkStatus();
}

absl::Status Update(Invocation& call, const UpdateArguments& arguments) {
  if (arguments.empty()) return UsageError("nothing to change: give at least one flag");
  bool plan = arguments.funding.quota || !arguments.funding.period.empty();
  if (plan && arguments.no_subscription) {
    return UsageError("--no-subscription ends the subscription; it has no quota");
  }
  pb::UpdateAccountRequest request;
  request.set_name(call.words[0]);
  if (!arguments.limits.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_limits(), arguments.limits.ToProto());
  }
  ASSIGN_OR_RETURN(pb::FundingPolicy policy, ParsePolicy(arguments.funding.policy));
  request.set_funding_policy(policy);
  request.set_remove_subscription(arguments.no_subscription);
  if (plan) RETURN_IF_ERROR(FillPlan(call.connections, arguments.funding, request));
  ASSIGN_OR_RETURN(pb::UpdateAccountResponse response, call.connections.UpdateAccount(request));
  PrintAccount(call, response.account());
  return absl::OkStatus();
}

Action DeclareUpdate(config::Flags& flags) {
  auto arguments = std::make_shared<UpdateArguments>();
  arguments->limits.Declare(flags);
  arguments->funding.Declare(flags);
  flags.Switch("no-subscription", &arguments->no_subscription, "ends the subscription at once");
  return [arguments](Invocation& call) { return Update(call, *arguments); };
}

Action DeclareShow(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::GetAccountRequest request;
    request.set_name(call.words[0]);
    ASSIGN_OR_RETURN(pb::GetAccountResponse response, call.connections.GetAccount(request));
    PrintAccount(call, response.account());
    return absl::OkStatus();
  };
}

Action DeclareSuspend(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::SuspendAccountRequest request;
    request.set_name(call.words[0]);
    ASSIGN_OR_RETURN(pb::SuspendAccountResponse response, call.connections.SuspendAccount(request));
    PrintAccount(call, response.account());
    return absl::OkStatus();
  };
}

Action DeclareResume(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::ResumeAccountRequest request;
    request.set_name(call.words[0]);
    ASSIGN_OR_RETURN(pb::ResumeAccountResponse response, call.connections.ResumeAccount(request));
    PrintAccount(call, response.account());
    return absl::OkStatus();
  };
}

// As in billing.proto.
constexpr int kPageMax = 200;

// Page after page, up to `limit` accounts (0: all); `*more` when there are others.
absl::StatusOr<std::vector<pb::Account>> ReadAccounts(Connections& connections, const std::string& prefix,
                                                      size_t limit, bool* more) {
  std::vector<pb::Account> all;
  pb::ListAccountsRequest request;
  request.set_prefix(prefix);
  request.set_page_size(kPageMax);
  while (true) {
    ASSIGN_OR_RETURN(pb::ListAccountsResponse page, connections.ListAccounts(request));
    for (pb::Account& account : *page.mutable_accounts()) {
      *more = limit > 0 && all.size() == limit;
      if (*more) return all;
      all.push_back(std::move(account));
    }
    if (page.next_page_token().empty()) return all;
    if (page.next_page_token() == request.page_token()) {
      return InternalError("billing gives the same page of accounts again");
    }
    request.set_page_token(page.next_page_token());
  }
}

Action DeclareList(config::Flags& flags) {
  struct Arguments {
    std::string prefix;
    int64_t limit = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  flags.Text("prefix", &arguments->prefix, "only names that begin so");
  flags.Integer("limit", &arguments->limit, int64_t{0}, INT64_MAX, "how many at most; 0: all");
  return [arguments](Invocation& call) -> absl::Status {
    bool more = false;
    ASSIGN_OR_RETURN(
        std::vector<pb::Account> all,
        ReadAccounts(call.connections, arguments->prefix, static_cast<size_t>(arguments->limit), &more));
    PrintAccounts(call, all);
    if (more) call.err << "note: there are more accounts\n";
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> AccountCommands() {
  return {
      {"account create", "NAME", "Opens an account; its name is never used again.",
       "prismatic account create acme --wallet-usd 25 --requests-per-minute 600 --quota 1000 --quota-period "
       "month",
       DeclareCreate},
      {"account show", "NAME", "Shows an account: money, subscription, limits, what is in flight.",
       "prismatic account show acme --output json", DeclareShow},
      {"account list",
       "",
       "Lists the accounts in order of name, with their money.",
       "prismatic account list --prefix acme",
       DeclareList,
       {.prints_table = true}},
      {"account update", "NAME", "Changes limits, funding or subscription; what is not named stays.",
       "prismatic account update acme --images-per-minute unlimited --quota 2000", DeclareUpdate},
      {"account suspend", "NAME", "Refuses every new reservation of an account; what is open is settled.",
       "prismatic account suspend acme", DeclareSuspend},
      {"account resume", "NAME", "Ends a suspension.", "prismatic account resume acme", DeclareResume},
  };
}

}  // namespace prismatic::cli
