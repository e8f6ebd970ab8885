#include "services/cli/account_output.h"

#include "absl/strings/str_cat.h"
#include "services/admin_json/billing_json.h"
#include "services/cli/limits.h"
#include "services/cli/output.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

void AddSubscription(Facts& facts, const pb::Subscription& subscription) {
  facts
      .Add("quota", absl::StrCat(subscription.plan().quota_units(), " units a ",
                                 admin_json::PeriodWord(subscription.plan().period())))
      .Add("quota used", absl::StrCat(subscription.used_units()))
      .Add("quota held", absl::StrCat(subscription.held_units()))
      .Add("delivered beyond", absl::StrCat(subscription.over_units()))
      .Add("period", absl::StrCat(TimeText(subscription.period_start_us()), " to ",
                                  TimeText(subscription.period_end_us())));
}

}  // namespace

void PrintAccount(const Invocation& call, const pb::Account& account) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject();
    admin_json::WriteAccountMembers(writer, account);
    writer.EndObject();
    return PrintJson(call.out, writer);
  }
  Facts facts;
  facts.Add("name", account.name())
      .Add("suspended", YesNo(account.suspended()))
      .Add("balance USD", UsdText(account.balance_nano_usd()))
      .Add("held USD", UsdText(account.held_nano_usd()))
      .Add("available USD", UsdText(account.balance_nano_usd() - account.held_nano_usd()))
      .Add("owed USD", UsdText(account.owed_nano_usd()))
      .Add("paid by", admin_json::FundingPolicyWord(account.funding_policy()));
  if (account.has_subscription()) AddSubscription(facts, account.subscription());
  AddLimits(facts, account.limits());
  facts.Add("in flight", absl::StrCat(account.concurrent()))
      .Add("ledger entries", absl::StrCat(account.ledger_sequence()))
      .Add("created", TimeText(account.create_time_us()));
  facts.Print(call.out);
}

void PrintAccounts(const Invocation& call, const std::vector<pb::Account>& accounts) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("accounts").BeginArray();
    for (const pb::Account& account : accounts) {
      writer.BeginObject();
      admin_json::WriteAccountMembers(writer, account);
      writer.EndObject();
    }
    writer.EndArray().EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"NAME"},
               {"SUSPENDED"},
               {"BALANCE USD", true},
               {"HELD USD", true},
               {"OWED USD", true},
               {"QUOTA", true},
               {"USED", true},
               {"PERIOD"},
               {"IN FLIGHT", true},
               {"CREATED"}});
  for (const pb::Account& account : accounts) {
    const pb::Subscription& subscription = account.subscription();
    bool subscribed = account.has_subscription();
    table.Row({account.name(), YesNo(account.suspended()), UsdText(account.balance_nano_usd()),
               UsdText(account.held_nano_usd()), UsdText(account.owed_nano_usd()),
               subscribed ? absl::StrCat(subscription.plan().quota_units()) : "",
               subscribed ? absl::StrCat(subscription.used_units()) : "",
               subscribed ? admin_json::PeriodWord(subscription.plan().period()) : "",
               absl::StrCat(account.concurrent()), TimeText(account.create_time_us())});
  }
  PrintTable(call, table);
}

}  // namespace prismatic::cli
