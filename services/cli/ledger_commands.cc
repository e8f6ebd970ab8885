#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/admin_json/billing_json.h"
#include "services/admin_json/ledger_entry.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/ledger_reader.h"
#include "services/cli/output.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// What fits a look.
constexpr int kPageSize = 100;
constexpr int kPageSizeMax = 1000;

using admin_json::EntryTypeWord;
using admin_json::FundingSourceWord;
using admin_json::ReservationStateWord;

// What changed the account, in a word: the reservation, the request, or units.
std::string CauseOf(const pb::LedgerEntry& entry) {
  if (!entry.reservation_id().empty()) return entry.reservation_id();
  return entry.request_id().empty() ? entry.reason() : entry.request_id();
}

// Every member, for spreadsheets.
void PrintEntriesCsv(const Invocation& call, const pb::ListLedgerEntriesResponse& list) {
  std::vector<Table::Column> columns;
  for (std::string& name : admin_json::EntryColumns()) columns.push_back({std::move(name)});
  Table table(std::move(columns));
  for (const pb::LedgerEntry& entry : list.entries()) table.Row(admin_json::EntryCells(entry));
  table.PrintCsv(call.out);
}

void PrintEntries(const Invocation& call, absl::string_view account,
                  const pb::ListLedgerEntriesResponse& list) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("account").String(account).Key("entries").BeginArray();
    for (const pb::LedgerEntry& entry : list.entries()) {
      writer.BeginObject();
      admin_json::WriteEntryMembers(writer, entry);
      writer.EndObject();
    }
    writer.EndArray().Key("more").Bool(list.more()).EndObject();
    return PrintJson(call.out, writer);
  }
  if (list.more()) {
    int64_t last = list.entries().empty() ? 0 : list.entries().rbegin()->sequence();
    call.err << "note: there are more entries: --after " << last << ", or --all\n";
  }
  if (call.settings.csv()) return PrintEntriesCsv(call, list);
  Table table({{"NO", true},
               {"TIME"},
               {"TYPE"},
               {"AMOUNT USD", true},
               {"BALANCE USD", true},
               {"OWED USD", true},
               {"IMAGES", true},
               {"MODEL"},
               {"RESERVATION OR REQUEST"}});
  for (const pb::LedgerEntry& entry : list.entries()) {
    table.Row({absl::StrCat(entry.sequence()), TimeText(entry.time_us()), EntryTypeWord(entry.type()),
               UsdText(entry.amount_nano_usd()), UsdText(entry.balance_nano_usd()),
               UsdText(entry.owed_nano_usd()),
               entry.reservation_id().empty() ? "" : absl::StrCat(entry.delivered_count()), entry.model(),
               CauseOf(entry)});
  }
  table.Print(call.out);
}

absl::StatusOr<pb::ListLedgerEntriesResponse> ReadAll(Connections& connections, const std::string& account,
                                                      int64_t after) {
  pb::ListLedgerEntriesResponse all;
  RETURN_IF_ERROR(
      ReadLedger(connections, {.account = account, .after = after}, [&](const pb::LedgerEntry& entry) {
        *all.add_entries() = entry;
        return absl::OkStatus();
      }));
  return all;
}

Action DeclareList(config::Flags& flags) {
  struct Arguments {
    std::string account;
    int64_t after = 0;
    bool all = false;
  };
  auto arguments = std::make_shared<Arguments>();
  flags.Text("account", &arguments->account, "whose ledger");
  flags.Require("account");
  flags.Integer("after", &arguments->after, int64_t{0}, INT64_MAX, "entries after this number");
  flags.Switch("all", &arguments->all, "every entry to the end; without it the first 100");
  return [arguments](Invocation& call) -> absl::Status {
    pb::ListLedgerEntriesRequest request;
    request.set_account(arguments->account);
    request.set_after_sequence(arguments->after);
    request.set_page_size(kPageSize);
    absl::StatusOr<pb::ListLedgerEntriesResponse> list =
        arguments->all ? ReadAll(call.connections, arguments->account, arguments->after)
                       : call.connections.ListLedgerEntries(request);
    RETURN_IF_ERROR(list.status());
    PrintEntries(call, arguments->account, *list);
    return absl::OkStatus();
  };
}

// --- tail ---

// The end of a tail that was asked for so many entries.
absl::Status Enough() { return absl::CancelledError("enough"); }

void PrintLine(const Invocation& call, const pb::LedgerEntry& entry) {
  if (call.settings.json()) {
    call.out << admin_json::EntryLine(entry) << "\n";
  } else {
    call.out << absl::StrFormat("%6d  %s  %-25s  %14s  %14s  %10s  %s", entry.sequence(),
                                TimeText(entry.time_us()), EntryTypeWord(entry.type()),
                                UsdText(entry.amount_nano_usd()), UsdText(entry.balance_nano_usd()),
                                UsdText(entry.owed_nano_usd()), CauseOf(entry))
             << "\n";
  }
  call.out << std::flush;
}

struct TailArguments {
  std::string account;
  std::optional<int64_t> after;
  int64_t count = 0;
};

absl::Status Tail(Invocation& call, const TailArguments& arguments) {
  pb::TailLedgerEntriesRequest request;
  request.set_account(arguments.account);
  if (arguments.after) {
    request.set_after_sequence(*arguments.after);
  } else {
    pb::GetAccountRequest question;
    question.set_name(arguments.account);
    ASSIGN_OR_RETURN(pb::GetAccountResponse now, call.connections.GetAccount(question));
    request.set_after_sequence(now.account().ledger_sequence());
  }
  int64_t printed = 0;
  absl::Status ended = call.connections.TailLedgerEntries(request, [&](const pb::LedgerEntry& entry) {
    PrintLine(call, entry);
    if (!call.out) return OutputFailed("cannot write to standard output");
    return ++printed == arguments.count ? Enough() : absl::OkStatus();
  });
  if (ended == Enough()) return absl::OkStatus();
  return ended.ok() ? Unreachable("billing ended the stream; it is going away") : ended;
}

Action DeclareTail(config::Flags& flags) {
  auto arguments = std::make_shared<TailArguments>();
  flags.Text("account", &arguments->account, "whose ledger");
  flags.Require("account");
  flags.OptionalInteger("after", &arguments->after, 0, INT64_MAX,
                        "entries after this number; absent: those to come");
  flags.Integer("count", &arguments->count, int64_t{0}, INT64_MAX, "ends after so many; 0: never");
  return [arguments](Invocation& call) { return Tail(call, *arguments); };
}

// --- reservations ---

void WriteReservation(json::Writer& writer, const pb::Reservation& reservation) {
  writer.BeginObject();
  admin_json::WriteReservationMembers(writer, reservation);
  writer.EndObject();
}

void PrintReservationJson(std::ostream& out, const pb::Reservation& reservation) {
  json::Writer writer;
  WriteReservation(writer, reservation);
  PrintJson(out, writer);
}

void PrintReservation(const Invocation& call, const pb::Reservation& reservation) {
  if (call.settings.json()) return PrintReservationJson(call.out, reservation);
  Facts()
      .Add("reservation", reservation.id())
      .Add("account", reservation.account())
      .Add("key ID", reservation.key_id())
      .Add("state", ReservationStateWord(reservation.state()))
      .Add("model", reservation.model())
      .Add("images asked for", absl::StrCat(reservation.image_count()))
      .Add("images delivered", absl::StrCat(reservation.delivered_count()))
      .Add("paid by", FundingSourceWord(reservation.funding_source()))
      .Add("unit price USD", UsdText(reservation.unit_price_nano_usd()))
      .Add("reserved USD", UsdText(reservation.reserved_nano_usd()))
      .Add("reserved units", absl::StrCat(reservation.reserved_units()))
      .Add("charged USD", UsdText(reservation.charge_nano_usd()))
      .Add("created", TimeText(reservation.create_time_us()))
      .Add("expires", TimeText(reservation.expire_time_us()))
      .Add("catalog version", absl::StrCat(reservation.catalog_version()))
      .Print(call.out);
}

Action DeclareReservation(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::GetReservationRequest request;
    request.set_reservation_id(call.words[0]);
    ASSIGN_OR_RETURN(pb::GetReservationResponse response, call.connections.GetReservation(request));
    PrintReservation(call, response.reservation());
    return absl::OkStatus();
  };
}

absl::StatusOr<std::vector<pb::Reservation>> OpenReservations(Connections& connections,
                                                              const std::string& account) {
  std::vector<pb::Reservation> all;
  pb::ListReservationsRequest request;
  request.set_account(account);
  request.set_page_size(kPageSizeMax);
  while (true) {
    ASSIGN_OR_RETURN(pb::ListReservationsResponse page, connections.ListReservations(request));
    for (pb::Reservation& reservation : *page.mutable_reservations()) all.push_back(std::move(reservation));
    if (page.next_page_token().empty()) return all;
    if (page.next_page_token() == request.page_token()) {
      return InternalError("billing gives the same page of reservations again");
    }
    request.set_page_token(page.next_page_token());
  }
}

void PrintReservations(const Invocation& call, const std::vector<pb::Reservation>& all) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("reservations").BeginArray();
    for (const pb::Reservation& reservation : all) WriteReservation(writer, reservation);
    writer.EndArray().EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"RESERVATION"},
               {"KEY ID"},
               {"MODEL"},
               {"IMAGES", true},
               {"HELD USD", true},
               {"HELD UNITS", true},
               {"CREATED"},
               {"EXPIRES"}});
  for (const pb::Reservation& reservation : all) {
    table.Row({reservation.id(), reservation.key_id(), reservation.model(),
               absl::StrCat(reservation.image_count()), UsdText(reservation.reserved_nano_usd()),
               absl::StrCat(reservation.reserved_units()), TimeText(reservation.create_time_us()),
               TimeText(reservation.expire_time_us())});
  }
  PrintTable(call, table);
}

Action DeclareReservations(config::Flags& flags) {
  auto account = std::make_shared<std::string>();
  flags.Text("account", account.get(), "whose reservations");
  flags.Require("account");
  return [account](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(std::vector<pb::Reservation> all, OpenReservations(call.connections, *account));
    PrintReservations(call, all);
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> LedgerCommands() {
  return {
      {"ledger list",
       "",
       "Lists what changed an account's money, in order.",
       "prismatic ledger list --account acme --all --output csv",
       DeclareList,
       {.prints_table = true}},
      {"ledger tail", "", "Prints ledger entries as they come, until it is ended.",
       "prismatic ledger tail --account acme --output json", DeclareTail},
      {"reservation list",
       "",
       "Lists what holds something now, in order of its end.",
       "prismatic reservation list --account acme",
       DeclareReservations,
       {.prints_table = true}},
      {"reservation show", "ID", "Shows what is remembered of a reservation.",
       "prismatic reservation show acme.01983f5e-7c1a-7b2e-9d3c-4f5a6b7c8d9e", DeclareReservation},
  };
}

}  // namespace prismatic::cli
