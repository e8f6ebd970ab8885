// Settles what a gateway's log says was delivered and not settled.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/cli/settlement_lines.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

struct Replayed {
  PendingSettlement settlement;
  // "settled", "settled_before", "not_charged" (its Idempotency-Key has passed to another attempt, which is
  // the one that pays), or the reason of a refusal in lower case.
  std::string outcome;
  pb::SettleReservationResponse response;
};

bool IsSettled(const Replayed& replayed) {
  return replayed.outcome == "settled" || replayed.outcome == "settled_before";
}

// The last word about a settlement is billing's; what may pass fails instead, and the rest is left for later.
absl::StatusOr<Replayed> Settle(Connections& connections, const PendingSettlement& settlement) {
  pb::SettleReservationRequest request;
  request.set_reservation_id(settlement.reservation_id);
  request.set_delivered_count(settlement.delivered);
  absl::StatusOr<pb::SettleReservationResponse> response = connections.SettleReservation(request);
  if (response.ok()) {
    // Every settlement of an image has its ledger entry, whoever pays.
    const char* outcome = response->ledger_sequence() == 0 ? "not_charged"
                          : response->replayed()           ? "settled_before"
                                                           : "settled";
    return Replayed{settlement, outcome, *response};
  }
  common::v1::ErrorReason reason = ReasonOf(response.status());
  switch (reason) {
    case common::v1::ERROR_REASON_RESERVATION_FORGOTTEN:
    case common::v1::ERROR_REASON_RESERVATION_RESOLVED:
    case common::v1::ERROR_REASON_DELIVERED_COUNT_TOO_LARGE:
    case common::v1::ERROR_REASON_INVALID_VALUE:
      return Replayed{settlement, absl::AsciiStrToLower(ReasonName(reason)), {}};
    default:
      return response.status();
  }
}

void PrintReplayed(const Invocation& call, const std::vector<Replayed>& all) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("settlements").BeginArray();
    for (const Replayed& each : all) {
      writer.BeginObject().Key("reservation_id").String(each.settlement.reservation_id);
      WriteText(writer, "request_id", each.settlement.request_id);
      writer.Key("delivered_count").Int(each.settlement.delivered).Key("outcome").String(each.outcome);
      WriteUsd(writer, "charge", each.response.reservation().charge_nano_usd());
      writer.Key("ledger_sequence").Int(each.response.ledger_sequence()).EndObject();
    }
    writer.EndArray().EndObject();
    return PrintJson(call.out, writer);
  }
  Table table(
      {{"RESERVATION"}, {"IMAGES", true}, {"OUTCOME"}, {"CHARGED USD", true}, {"LEDGER ENTRY", true}});
  for (const Replayed& each : all) {
    bool settled = IsSettled(each);
    table.Row({each.settlement.reservation_id, absl::StrCat(each.settlement.delivered), each.outcome,
               settled ? UsdText(each.response.reservation().charge_nano_usd()) : "",
               settled ? absl::StrCat(each.response.ledger_sequence()) : ""});
  }
  PrintTable(call, table);
}

absl::StatusOr<PendingSettlements> ReadLog(const std::string& path) {
  if (path == "-") return FindPendingSettlements(std::cin);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return UsageError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  PendingSettlements found = FindPendingSettlements(file);
  if (file.bad()) return UsageError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  return found;
}

absl::Status Replay(Invocation& call) {
  ASSIGN_OR_RETURN(PendingSettlements found, ReadLog(call.words[0]));
  std::vector<Replayed> all;
  absl::Status stopped;
  for (const PendingSettlement& settlement : found.settlements) {
    absl::StatusOr<Replayed> replayed = Settle(call.connections, settlement);
    if (!replayed.ok()) {
      stopped = replayed.status();
      break;
    }
    all.push_back(*std::move(replayed));
  }
  PrintReplayed(call, all);
  if (!stopped.ok()) {
    call.err << "note: " << found.settlements.size() - all.size()
             << " settlements were not tried or not answered; run it again\n";
    return stopped;
  }
  if (!found.unreadable.empty()) {
    return Refused("LINES_UNREADABLE",
                   absl::StrCat("these lines speak of a pending settlement and cannot be read: ",
                                absl::StrJoin(found.unreadable, ", ")));
  }
  auto refused = std::count_if(all.begin(), all.end(), [](const Replayed& each) { return !IsSettled(each); });
  if (refused == 0) return absl::OkStatus();
  return Refused("NOT_SETTLED", absl::StrCat(refused, " of ", all.size(),
                                             " could not be settled; nothing was charged"
                                             " for them"));
}

Action DeclareReplay(config::Flags&) { return Replay; }

}  // namespace

std::vector<Command> SettlementCommands() {
  return {
      {"settlement replay",
       "FILE",
       "Settles what the settlement_pending lines of a gateway's log name; - is standard input.",
       "prismatic settlement replay gateway.log",
       DeclareReplay,
       {.prints_table = true}},
  };
}

}  // namespace prismatic::cli
