#include <memory>

#include "absl/strings/str_cat.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/limits.h"
#include "services/cli/output.h"
#include "services/common/money/money.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

absl::StatusOr<Money> ParseUsd(absl::string_view flag, absl::string_view text) {
  absl::StatusOr<Money> money = Money::Parse(text);
  if (!money.ok()) return UsageError(absl::StrCat("--", flag, ": ", money.status().message()));
  return money;
}

void PrintAccountJson(std::ostream& out, const pb::Account& account) {
  json::Writer writer;
  writer.BeginObject();
  writer.Key("name").String(account.name()).Key("suspended").Bool(account.suspended());
  WriteUsd(writer, "balance", account.balance_nano_usd());
  WriteUsd(writer, "held", account.held_nano_usd());
  WriteUsd(writer, "available", account.balance_nano_usd() - account.held_nano_usd());
  WriteUsd(writer, "owed", account.owed_nano_usd());
  WriteLimits(writer, account.limits());
  writer.Key("concurrent").Int(account.concurrent());
  writer.Key("ledger_sequence").Int(account.ledger_sequence());
  WriteTime(writer, "create_time", account.create_time_us());
  writer.EndObject();
  PrintJson(out, writer);
}

void PrintAccount(const Invocation& call, const pb::Account& account) {
  if (call.settings.json()) return PrintAccountJson(call.out, account);
  Facts facts;
  facts.Add("name", account.name())
      .Add("suspended", YesNo(account.suspended()))
      .Add("balance USD", UsdText(account.balance_nano_usd()))
      .Add("held USD", UsdText(account.held_nano_usd()))
      .Add("available USD", UsdText(account.balance_nano_usd() - account.held_nano_usd()))
      .Add("owed USD", UsdText(account.owed_nano_usd()));
  AddLimits(facts, account.limits());
  facts.Add("in flight", absl::StrCat(account.concurrent()))
      .Add("ledger entries", absl::StrCat(account.ledger_sequence()))
      .Add("created", TimeText(account.create_time_us()));
  facts.Print(call.out);
}

Action DeclareCreate(config::Flags& flags) {
  struct Arguments {
    std::string wallet_usd = "0";
    LimitFlags limits;
  };
  auto arguments = std::make_shared<Arguments>();
  flags.Text("wallet-usd", &arguments->wallet_usd, "opening money in US dollars, up to 9 decimals");
  arguments->limits.Declare(flags);
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(Money wallet, ParseUsd("wallet-usd", arguments->wallet_usd));
    pb::CreateAccountRequest request;
    request.set_name(call.words[0]);
    request.set_wallet_nano_usd(wallet.nanos());
    *request.mutable_limits() = arguments->limits.ToProto();
    ASSIGN_OR_RETURN(pb::CreateAccountResponse response, call.connections.CreateAccount(request));
    PrintAccount(call, response.account());
    return absl::OkStatus();
  };
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

void PrintTopUp(const Invocation& call, const Money& amount, const pb::TopUpWalletResponse& response) {
  const pb::Account& account = response.account();
  if (!call.settings.json()) {
    Facts()
        .Add("account", account.name())
        .Add("added USD", UsdText(amount.nanos()))
        .Add("balance USD", UsdText(account.balance_nano_usd()))
        .Add("owed USD", UsdText(account.owed_nano_usd()))
        .Add("ledger entry", absl::StrCat(response.ledger_sequence()))
        .Add("done before", YesNo(response.replayed()))
        .Print(call.out);
    return;
  }
  json::Writer writer;
  writer.BeginObject();
  writer.Key("account").String(account.name());
  WriteUsd(writer, "amount", amount.nanos());
  WriteUsd(writer, "balance", account.balance_nano_usd());
  WriteUsd(writer, "owed", account.owed_nano_usd());
  writer.Key("ledger_sequence").Int(response.ledger_sequence());
  writer.Key("replayed").Bool(response.replayed());
  writer.EndObject();
  PrintJson(call.out, writer);
}

Action DeclareTopUp(config::Flags& flags) {
  struct Arguments {
    std::string usd;
    std::string request_id;
  };
  auto arguments = std::make_shared<Arguments>();
  flags.Text("usd", &arguments->usd, "how much, in US dollars, up to 9 decimals");
  flags.Text("request-id", &arguments->request_id,
             "the payment's own ID: the same ID again adds nothing, so an unclear outcome can be repeated");
  flags.Require("usd");
  flags.Require("request-id");
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(Money amount, ParseUsd("usd", arguments->usd));
    pb::TopUpWalletRequest request;
    request.set_account(call.words[0]);
    request.set_amount_nano_usd(amount.nanos());
    request.set_request_id(arguments->request_id);
    ASSIGN_OR_RETURN(pb::TopUpWalletResponse response, call.connections.TopUpWallet(request));
    PrintTopUp(call, amount, response);
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> AccountCommands() {
  return {
      {"account create", "NAME", "Opens an account; its name is never used again.",
       "prismatic account create acme --wallet-usd 25 --requests-per-minute 600", DeclareCreate},
      {"account show", "NAME", "Shows an account: money, limits, what is in flight.",
       "prismatic account show acme --output json", DeclareShow},
      {"account top-up", "NAME", "Adds money to a wallet, once per request ID.",
       "prismatic account top-up acme --usd 10 --request-id invoice-2041", DeclareTopUp},
  };
}

}  // namespace prismatic::cli
