#include "services/cli/account_output.h"

#include "absl/strings/str_cat.h"
#include "services/cli/limits.h"
#include "services/cli/output.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

void WriteSubscription(json::Writer& writer, const pb::Account& account) {
  writer.Key("subscription");
  if (!account.has_subscription()) {
    writer.Null();
    return;
  }
  const pb::Subscription& subscription = account.subscription();
  writer.BeginObject();
  writer.Key("quota_units").Int(subscription.plan().quota_units());
  writer.Key("period").String(PeriodWord(subscription.plan().period()));
  WriteTime(writer, "start_time", subscription.plan().start_time_us());
  WriteTime(writer, "period_start", subscription.period_start_us());
  WriteTime(writer, "period_end", subscription.period_end_us());
  writer.Key("used_units").Int(subscription.used_units());
  writer.Key("held_units").Int(subscription.held_units());
  writer.Key("over_units").Int(subscription.over_units());
  writer.EndObject();
}

void AddSubscription(Facts& facts, const pb::Subscription& subscription) {
  facts
      .Add("quota", absl::StrCat(subscription.plan().quota_units(), " units a ",
                                 PeriodWord(subscription.plan().period())))
      .Add("quota used", absl::StrCat(subscription.used_units()))
      .Add("quota held", absl::StrCat(subscription.held_units()))
      .Add("delivered beyond", absl::StrCat(subscription.over_units()))
      .Add("period", absl::StrCat(TimeText(subscription.period_start_us()), " to ",
                                  TimeText(subscription.period_end_us())));
}

}  // namespace

std::string FundingPolicyWord(pb::FundingPolicy policy) {
  if (policy == pb::FUNDING_POLICY_UNSPECIFIED) return "";
  return EnumWord(pb::FundingPolicy_Name(policy), "FUNDING_POLICY_", policy);
}

std::string PeriodWord(pb::SubscriptionPeriod period) {
  return EnumWord(pb::SubscriptionPeriod_Name(period), "SUBSCRIPTION_PERIOD_", period);
}

void WriteAccount(json::Writer& writer, const pb::Account& account) {
  writer.Key("name").String(account.name()).Key("suspended").Bool(account.suspended());
  WriteUsd(writer, "balance", account.balance_nano_usd());
  WriteUsd(writer, "held", account.held_nano_usd());
  WriteUsd(writer, "available", account.balance_nano_usd() - account.held_nano_usd());
  WriteUsd(writer, "owed", account.owed_nano_usd());
  WriteLimits(writer, account.limits());
  writer.Key("concurrent").Int(account.concurrent());
  writer.Key("ledger_sequence").Int(account.ledger_sequence());
  WriteTime(writer, "create_time", account.create_time_us());
  WriteText(writer, "funding_policy", FundingPolicyWord(account.funding_policy()));
  WriteSubscription(writer, account);
}

void PrintAccount(const Invocation& call, const pb::Account& account) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject();
    WriteAccount(writer, account);
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
      .Add("paid by", FundingPolicyWord(account.funding_policy()));
  if (account.has_subscription()) AddSubscription(facts, account.subscription());
  AddLimits(facts, account.limits());
  facts.Add("in flight", absl::StrCat(account.concurrent()))
      .Add("ledger entries", absl::StrCat(account.ledger_sequence()))
      .Add("created", TimeText(account.create_time_us()));
  facts.Print(call.out);
}

}  // namespace prismatic::cli
