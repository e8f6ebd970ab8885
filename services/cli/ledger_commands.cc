#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "services/cli/command.h"
#include "services/cli/output.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// Without --all: what fits a look. With it: the largest page that billing gives.
constexpr int kPageSize = 100;
constexpr int kPageSizeMax = 1000;

std::string TypeWord(pb::LedgerEntryType type) {
  return EnumWord(pb::LedgerEntryType_Name(type), "LEDGER_ENTRY_TYPE_", type);
}

// Empty when nothing funded it: a top-up.
std::string FundingWord(pb::FundingSource source) {
  if (source == pb::FUNDING_SOURCE_UNSPECIFIED) return "";
  return EnumWord(pb::FundingSource_Name(source), "FUNDING_SOURCE_", source);
}

std::string StateWord(pb::ReservationState state) {
  return EnumWord(pb::ReservationState_Name(state), "RESERVATION_STATE_", state);
}

void WriteEntry(json::Writer& writer, const pb::LedgerEntry& entry) {
  writer.BeginObject();
  writer.Key("sequence").Int(entry.sequence()).Key("type").String(TypeWord(entry.type()));
  WriteTime(writer, "time", entry.time_us());
  WriteUsd(writer, "amount", entry.amount_nano_usd());
  WriteUsd(writer, "owed_change", entry.owed_change_nano_usd());
  WriteUsd(writer, "balance", entry.balance_nano_usd());
  WriteUsd(writer, "owed", entry.owed_nano_usd());
  WriteText(writer, "reservation_id", entry.reservation_id());
  WriteText(writer, "key_id", entry.key_id());
  WriteText(writer, "model", entry.model());
  writer.Key("image_count").Int(entry.image_count()).Key("delivered_count").Int(entry.delivered_count());
  WriteUsd(writer, "unit_price", entry.unit_price_nano_usd());
  WriteText(writer, "funding_source", FundingWord(entry.funding_source()));
  writer.Key("catalog_version").Int(entry.catalog_version());
  WriteText(writer, "request_id", entry.request_id());
  writer.EndObject();
}

void PrintEntries(const Invocation& call, absl::string_view account,
                  const pb::ListLedgerEntriesResponse& list) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("account").String(account).Key("entries").BeginArray();
    for (const pb::LedgerEntry& entry : list.entries()) WriteEntry(writer, entry);
    writer.EndArray().Key("more").Bool(list.more()).EndObject();
    return PrintJson(call.out, writer);
  }
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
    table.Row({absl::StrCat(entry.sequence()), TimeText(entry.time_us()), TypeWord(entry.type()),
               UsdText(entry.amount_nano_usd()), UsdText(entry.balance_nano_usd()),
               UsdText(entry.owed_nano_usd()),
               entry.reservation_id().empty() ? "" : absl::StrCat(entry.delivered_count()), entry.model(),
               entry.reservation_id().empty() ? entry.request_id() : entry.reservation_id()});
  }
  table.Print(call.out);
  if (list.more()) {
    int64_t last = list.entries().empty() ? 0 : list.entries().rbegin()->sequence();
    call.err << "note: there are more entries: --after " << last << ", or --all\n";
  }
}

// Page after page until there are no more; `more` stays false.
absl::StatusOr<pb::ListLedgerEntriesResponse> ReadAll(Connections& connections,
                                                      pb::ListLedgerEntriesRequest request) {
  pb::ListLedgerEntriesResponse all;
  request.set_page_size(kPageSizeMax);
  while (true) {
    ASSIGN_OR_RETURN(pb::ListLedgerEntriesResponse page, connections.ListLedgerEntries(request));
    int64_t last = page.entries().empty() ? request.after_sequence() : page.entries().rbegin()->sequence();
    for (pb::LedgerEntry& entry : *page.mutable_entries()) *all.add_entries() = std::move(entry);
    if (!page.more()) return all;
    if (last <= request.after_sequence())
      return InternalError("billing promises more entries and gives none");
    request.set_after_sequence(last);
  }
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
        arguments->all ? ReadAll(call.connections, request) : call.connections.ListLedgerEntries(request);
    RETURN_IF_ERROR(list.status());
    PrintEntries(call, arguments->account, *list);
    return absl::OkStatus();
  };
}

void PrintReservationJson(std::ostream& out, const pb::Reservation& reservation) {
  json::Writer writer;
  writer.BeginObject();
  writer.Key("id").String(reservation.id()).Key("account").String(reservation.account());
  WriteText(writer, "key_id", reservation.key_id());
  writer.Key("state").String(StateWord(reservation.state()));
  WriteText(writer, "model", reservation.model());
  writer.Key("image_count").Int(reservation.image_count());
  writer.Key("delivered_count").Int(reservation.delivered_count());
  WriteText(writer, "funding_source", FundingWord(reservation.funding_source()));
  WriteUsd(writer, "unit_price", reservation.unit_price_nano_usd());
  WriteUsd(writer, "reserved", reservation.reserved_nano_usd());
  writer.Key("reserved_units").Int(reservation.reserved_units());
  WriteUsd(writer, "charge", reservation.charge_nano_usd());
  WriteTime(writer, "create_time", reservation.create_time_us());
  WriteTime(writer, "expire_time", reservation.expire_time_us());
  writer.Key("catalog_version").Int(reservation.catalog_version());
  writer.EndObject();
  PrintJson(out, writer);
}

void PrintReservation(const Invocation& call, const pb::Reservation& reservation) {
  if (call.settings.json()) return PrintReservationJson(call.out, reservation);
  Facts()
      .Add("reservation", reservation.id())
      .Add("account", reservation.account())
      .Add("key ID", reservation.key_id())
      .Add("state", StateWord(reservation.state()))
      .Add("model", reservation.model())
      .Add("images asked for", absl::StrCat(reservation.image_count()))
      .Add("images delivered", absl::StrCat(reservation.delivered_count()))
      .Add("paid by", FundingWord(reservation.funding_source()))
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

}  // namespace

std::vector<Command> LedgerCommands() {
  return {
      {"ledger list", "", "Lists what changed an account's money, in order.",
       "prismatic ledger list --account acme --all --output json", DeclareList},
      {"reservation show", "ID", "Shows what is remembered of a reservation.",
       "prismatic reservation show acme.01983f5e-7c1a-7b2e-9d3c-4f5a6b7c8d9e", DeclareReservation},
  };
}

}  // namespace prismatic::cli
