// What changes an account's money by hand, and the recount of its counters.

#include <memory>

#include "absl/strings/str_cat.h"
#include "services/admin_json/billing_json.h"
#include "services/cli/account_output.h"
#include "services/cli/amounts.h"
#include "services/cli/command.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

constexpr char kRequestIdHelp[] =
    "your own ID of it: the same ID again changes nothing, so an unclear outcome can be repeated";

// What became of `amount`, for all three: what was done (`added`), then the account as it is now.
struct Change {
  absl::string_view done;
  int64_t amount_nano_usd;
  const pb::Account& account;
  int64_t ledger_sequence;
  bool replayed;
};

void PrintChange(const Invocation& call, const Change& change) {
  if (!call.settings.json()) {
    Facts()
        .Add("account", change.account.name())
        .Add(absl::StrCat(change.done, " USD"), UsdText(change.amount_nano_usd))
        .Add("balance USD", UsdText(change.account.balance_nano_usd()))
        .Add("owed USD", UsdText(change.account.owed_nano_usd()))
        .Add("ledger entry", absl::StrCat(change.ledger_sequence))
        .Add("done before", YesNo(change.replayed))
        .Print(call.out);
    return;
  }
  json::Writer writer;
  writer.BeginObject();
  writer.Key("account").String(change.account.name());
  WriteUsd(writer, "amount", change.amount_nano_usd);
  WriteUsd(writer, "balance", change.account.balance_nano_usd());
  WriteUsd(writer, "owed", change.account.owed_nano_usd());
  writer.Key("ledger_sequence").Int(change.ledger_sequence);
  writer.Key("replayed").Bool(change.replayed);
  writer.EndObject();
  PrintJson(call.out, writer);
}

struct Arguments {
  std::string usd;
  std::string request_id;
  std::string reason;

  void Declare(config::Flags& flags, absl::string_view usd_help, bool with_reason) {
    flags.Text("usd", &usd, usd_help);
    flags.Text("request-id", &request_id, kRequestIdHelp);
    flags.Require("usd");
    flags.Require("request-id");
    if (!with_reason) return;
    flags.Text("reason", &reason, "why; kept in the ledger");
    flags.Require("reason");
  }
};

Action DeclareTopUp(config::Flags& flags) {
  auto arguments = std::make_shared<Arguments>();
  arguments->Declare(flags, "how much, in US dollars, up to 9 decimals", /*with_reason=*/false);
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(int64_t amount, ParseUsd("usd", arguments->usd));
    pb::TopUpWalletRequest request;
    request.set_account(call.words[0]);
    request.set_amount_nano_usd(amount);
    request.set_request_id(arguments->request_id);
    ASSIGN_OR_RETURN(pb::TopUpWalletResponse done, call.connections.TopUpWallet(request));
    PrintChange(call, {"added", amount, done.account(), done.ledger_sequence(), done.replayed()});
    return absl::OkStatus();
  };
}

Action DeclareAdjust(config::Flags& flags) {
  auto arguments = std::make_shared<Arguments>();
  arguments->Declare(flags, "how much: 2.5 gives, -2.5 takes; up to 9 decimals", /*with_reason=*/true);
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(int64_t amount, ParseSignedUsd("usd", arguments->usd));
    pb::AdjustWalletRequest request;
    request.set_account(call.words[0]);
    request.set_amount_nano_usd(amount);
    request.set_reason(arguments->reason);
    request.set_request_id(arguments->request_id);
    ASSIGN_OR_RETURN(pb::AdjustWalletResponse done, call.connections.AdjustWallet(request));
    PrintChange(call, {"adjusted by", amount, done.account(), done.ledger_sequence(), done.replayed()});
    return absl::OkStatus();
  };
}

Action DeclareWriteOff(config::Flags& flags) {
  auto arguments = std::make_shared<Arguments>();
  arguments->Declare(flags, "how much of what is owed, up to 9 decimals", /*with_reason=*/true);
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(int64_t amount, ParseUsd("usd", arguments->usd));
    pb::WriteOffDebtRequest request;
    request.set_account(call.words[0]);
    request.set_amount_nano_usd(amount);
    request.set_reason(arguments->reason);
    request.set_request_id(arguments->request_id);
    ASSIGN_OR_RETURN(pb::WriteOffDebtResponse done, call.connections.WriteOffDebt(request));
    PrintChange(call, {"forgiven", amount, done.account(), done.ledger_sequence(), done.replayed()});
    return absl::OkStatus();
  };
}

// What a recount set, and to what: only counters, never the balance.
struct Recounted {
  std::string counter;
  int64_t before;
  int64_t after;
};

std::vector<Recounted> RecountedBy(const pb::RecountAccountResponse& response) {
  const pb::AuditAccountResponse& before = response.before();
  std::vector<Recounted> all = {
      {"held_nano_usd", before.account().held_nano_usd(), before.pending_nano_usd()},
      {"held_units", before.account().subscription().held_units(), before.pending_units()},
      {"concurrent", before.account().concurrent(), before.pending_count()},
  };
  for (const pb::KeyConcurrency& key : before.keys()) {
    all.push_back({absl::StrCat("concurrent of key ", key.key_id()), key.concurrent(), key.pending_count()});
  }
  std::vector<Recounted> changed;
  for (Recounted& counter : all) {
    if (counter.before != counter.after) changed.push_back(std::move(counter));
  }
  return changed;
}

void PrintRecount(const Invocation& call, const pb::RecountAccountResponse& response) {
  std::vector<Recounted> changed = RecountedBy(response);
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("corrected").BeginArray();
    for (const Recounted& counter : changed) {
      writer.BeginObject().Key("counter").String(counter.counter);
      writer.Key("before").Int(counter.before).Key("after").Int(counter.after).EndObject();
    }
    writer.EndArray().Key("account").BeginObject();
    admin_json::WriteAccountMembers(writer, response.account());
    writer.EndObject().EndObject();
    return PrintJson(call.out, writer);
  }
  if (changed.empty()) {
    call.out << "every counter of " << response.account().name() << " was right\n";
    return;
  }
  Table table({{"COUNTER"}, {"BEFORE", true}, {"AFTER", true}});
  for (const Recounted& counter : changed) {
    table.Row({counter.counter, absl::StrCat(counter.before), absl::StrCat(counter.after)});
  }
  PrintTable(call, table);
}

Action DeclareRecount(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::RecountAccountRequest request;
    request.set_account(call.words[0]);
    ASSIGN_OR_RETURN(pb::RecountAccountResponse response, call.connections.RecountAccount(request));
    PrintRecount(call, response);
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> WalletCommands() {
  return {
      {"account top-up", "NAME", "Adds money to a wallet, once per request ID.",
       "prismatic account top-up acme --usd 10 --request-id invoice-2041", DeclareTopUp},
      {"account adjust", "NAME", "Corrects a wallet by hand, up or down, once per request ID.",
       "prismatic account adjust acme --usd -2.50 --reason 'refund paid by card' --request-id case-77",
       DeclareAdjust},
      {"account write-off", "NAME", "Forgives debt, once per request ID.",
       "prismatic account write-off acme --usd 0.04 --reason 'our outage' --request-id case-78",
       DeclareWriteOff},
      {"account recount", "NAME", "Sets holds and concurrency to what the open reservations add up to.",
       "prismatic account recount acme", DeclareRecount},
  };
}

}  // namespace prismatic::cli
