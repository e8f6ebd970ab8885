// The ledger out of Redis into files, and what may be dropped from Redis afterwards.

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/admin_json/ledger_entry.h"
#include "services/cli/command.h"
#include "services/cli/entry_file.h"
#include "services/cli/errors.h"
#include "services/cli/ledger_book.h"
#include "services/cli/ledger_copy.h"
#include "services/cli/ledger_reader.h"
#include "services/cli/output.h"
#include "services/cli/progress.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// A stream that ends is asked for anew after this long: a restart of billing takes seconds.
constexpr absl::Duration kFollowPause = absl::Seconds(1);

bool IsCarriedForward(const pb::LedgerEntry& entry) {
  return entry.type() == pb::LEDGER_ENTRY_TYPE_CARRIED_FORWARD;
}

absl::Status Diverged(int64_t sequence, absl::string_view file, absl::string_view what) {
  return Refused("LEDGER_DIVERGED", absl::StrCat("entry ", sequence, " of ", file, " ", what));
}

// --- export ---

struct ExportArguments {
  std::string account;
  std::string out;
  bool follow = false;
};

// The file's last entry must be the one that billing has under its number, or billing's history is another
// one (a failover that lost entries, a restored Redis) and must not be appended to this one.
absl::Status CheckItGoesOn(Connections& connections, const ExportArguments& arguments,
                           const pb::LedgerEntry& last) {
  if (last.sequence() == 0) return absl::OkStatus();
  pb::ListLedgerEntriesRequest request;
  request.set_account(arguments.account);
  request.set_after_sequence(last.sequence() - 1);
  request.set_page_size(1);
  ASSIGN_OR_RETURN(pb::ListLedgerEntriesResponse page, connections.ListLedgerEntries(request));
  if (page.entries().empty()) {
    return Diverged(last.sequence(), arguments.out, "is not in billing: entries were lost there");
  }
  const pb::LedgerEntry& there = page.entries(0);
  // A gap, which the appender sees.
  if (IsCarriedForward(there) && there.sequence() > last.sequence()) return absl::OkStatus();
  if (IsCopyOf(last, there)) return absl::OkStatus();
  return Diverged(last.sequence(), arguments.out, "is another one in billing");
}

// Entries go on from the file's last one. A trimmed ledger begins with an entry that stands for many.
absl::Status CatchUp(const Invocation& call, const ExportArguments& arguments, EntryAppender& file) {
  Progress progress(call, absl::StrCat("exporting the ledger of ", arguments.account));
  RETURN_IF_ERROR(CheckItGoesOn(call.connections, arguments, file.last()));
  int64_t after = file.last().sequence();
  return ReadLedger(
      call.connections, {.account = arguments.account, .after = after},
      [&](const pb::LedgerEntry& entry) { return file.Append(entry); },
      [&] {
        progress.Update(absl::StrCat(file.appended(), " entries"));
        return file.Sync();
      });
}

absl::Status AppendStream(Connections& connections, const std::string& account, EntryAppender& file) {
  pb::TailLedgerEntriesRequest request;
  request.set_account(account);
  request.set_after_sequence(file.last().sequence());
  return connections.TailLedgerEntries(request, [&](const pb::LedgerEntry& entry) -> absl::Status {
    RETURN_IF_ERROR(file.Append(entry));
    return file.Sync();
  });
}

// Until the caller is ended, or something is wrong that waiting does not mend. A stream that broke may have
// been a failover, after which the history may be another one.
absl::Status Follow(Invocation& call, const ExportArguments& arguments, EntryAppender& file) {
  while (true) {
    absl::Status ended = AppendStream(call.connections, arguments.account, file);
    if (ended.ok() || ended.code() == absl::StatusCode::kUnavailable) {
      absl::Status goes_on = CheckItGoesOn(call.connections, arguments, file.last());
      if (goes_on.code() != absl::StatusCode::kUnavailable) RETURN_IF_ERROR(goes_on);
    }
    if (!ended.ok() && ended.code() != absl::StatusCode::kUnavailable) return ended;
    call.err << "note: the stream ended" << (ended.ok() ? "" : ": ") << ended.message() << "; asking again\n"
             << std::flush;
    absl::SleepFor(kFollowPause);
  }
}

absl::Status Export(Invocation& call, const ExportArguments& arguments) {
  ASSIGN_OR_RETURN(std::unique_ptr<EntryAppender> file,
                   EntryAppender::Open(arguments.out, arguments.account));
  if (file->torn_bytes() > 0) {
    call.err << "note: cut off a line of " << file->torn_bytes() << " bytes that had not been finished\n";
  }
  RETURN_IF_ERROR(CatchUp(call, arguments, *file));
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("account").String(arguments.account).Key("file").String(arguments.out);
    writer.Key("appended").Int(file->appended()).Key("last_sequence").Int(file->last().sequence());
    WriteUsd(writer, "balance", file->last().balance_nano_usd());
    writer.EndObject();
    PrintJson(call.out, writer);
  } else {
    Facts()
        .Add("file", arguments.out)
        .Add("entries appended", absl::StrCat(file->appended()))
        .Add("last entry", absl::StrCat(file->last().sequence()))
        .Add("balance USD", UsdText(file->last().balance_nano_usd()))
        .Print(call.out);
  }
  if (!arguments.follow) return absl::OkStatus();
  call.out << std::flush;
  return Follow(call, arguments, *file);
}

Action DeclareExport(config::Flags& flags) {
  auto arguments = std::make_shared<ExportArguments>();
  flags.Text("account", &arguments->account, "whose ledger");
  flags.Require("account");
  flags.Text("out", &arguments->out,
             "the file, one for each account; also -o; what it holds is kept and gone on from");
  flags.Require("out");
  flags.Switch("follow", &arguments->follow, "goes on with the entries to come, until it is ended");
  return [arguments](Invocation& call) { return Export(call, *arguments); };
}

// --- trim ---

struct TrimArguments {
  std::string account;
  std::string exported;
  // Required.
  std::optional<int64_t> through;
};

absl::Status NotExported(const TrimArguments& arguments, absl::string_view what) {
  return Refused("NOT_EXPORTED", absl::StrCat(arguments.exported, " ", what, "; nothing was trimmed"));
}

// An entry of the file, as much of it as a comparison needs: a ledger may have millions.
struct Copy {
  explicit Copy(const pb::LedgerEntry& entry)
      : sha256(crypto::Sha256(admin_json::EntryLine(entry))),
        sequence(entry.sequence()),
        balance_nano_usd(entry.balance_nano_usd()),
        owed_nano_usd(entry.owed_nano_usd()),
        carried(IsCarriedForward(entry)) {}

  // An entry that stands for those before it agrees with the one whose number it has.
  bool Agrees(const pb::LedgerEntry& entry) const {
    if (IsCarriedForward(entry) && !carried) {
      return entry.balance_nano_usd() == balance_nano_usd && entry.owed_nano_usd() == owed_nano_usd;
    }
    return crypto::Sha256(admin_json::EntryLine(entry)) == sha256;
  }

  std::string sha256;
  int64_t sequence;
  int64_t balance_nano_usd;
  int64_t owed_nano_usd;
  bool carried;
};

// What the file holds up to the entry in question, checked.
absl::StatusOr<std::vector<Copy>> ReadExported(const TrimArguments& arguments) {
  std::vector<Copy> entries;
  Book book;
  int64_t torn = 0;
  RETURN_IF_ERROR(ReadEntryFile(
      arguments.exported,
      [&](const pb::LedgerEntry& entry) -> absl::Status {
        if (entry.sequence() > *arguments.through) return absl::OkStatus();
        if (entry.account() != arguments.account)
          return NotExported(arguments, "holds another account's entries");
        book.Add(entry);
        entries.emplace_back(entry);
        return absl::OkStatus();
      },
      &torn));
  if (!book.differences().empty()) {
    const Difference& wrong = book.differences().front();
    return Refused("LEDGER_FILE_DAMAGED",
                   absl::StrCat(arguments.exported, ", ", wrong.where, ": ", wrong.what, " should be ",
                                wrong.expected, ", it is ", wrong.found));
  }
  if (entries.empty() || entries.back().sequence != *arguments.through) {
    return NotExported(arguments, absl::StrCat("does not hold entry ", *arguments.through));
  }
  return entries;
}

// Everything that would be dropped stands in the file, word for word.
absl::Status CompareWithBilling(Connections& connections, const TrimArguments& arguments,
                                const std::vector<Copy>& exported) {
  int64_t first = exported.front().sequence;
  return ReadLedger(connections, {.account = arguments.account, .through = *arguments.through},
                    [&](const pb::LedgerEntry& entry) -> absl::Status {
                      if (entry.sequence() < first) {
                        return NotExported(arguments, absl::StrCat("does not hold entry ", entry.sequence()));
                      }
                      if (exported[static_cast<size_t>(entry.sequence() - first)].Agrees(entry))
                        return absl::OkStatus();
                      return Diverged(entry.sequence(), arguments.exported, "is another one in billing");
                    });
}

absl::Status Trim(Invocation& call, const TrimArguments& arguments) {
  ASSIGN_OR_RETURN(std::vector<Copy> exported, ReadExported(arguments));
  RETURN_IF_ERROR(CompareWithBilling(call.connections, arguments, exported));
  pb::TrimLedgerRequest request;
  request.set_account(arguments.account);
  request.set_through_sequence(*arguments.through);
  request.set_balance_nano_usd(exported.back().balance_nano_usd);
  ASSIGN_OR_RETURN(pb::TrimLedgerResponse response, call.connections.TrimLedger(request));
  if (call.settings.json()) {
    call.out << admin_json::EntryLine(response.carried_forward()) << "\n";
    return absl::OkStatus();
  }
  const pb::LedgerEntry& carried = response.carried_forward();
  Facts()
      .Add("account", arguments.account)
      .Add("entries up to", absl::StrCat(carried.sequence()))
      .Add("now only in", arguments.exported)
      .Add("carried forward USD", UsdText(carried.carried_amount_nano_usd()))
      .Print(call.out);
  return absl::OkStatus();
}

Action DeclareTrim(config::Flags& flags) {
  auto arguments = std::make_shared<TrimArguments>();
  flags.Text("account", &arguments->account, "whose ledger");
  flags.Require("account");
  flags.OptionalInteger("through", &arguments->through, 1, INT64_MAX,
                        "the last entry to drop; not the newest one");
  flags.Require("through");
  flags.Text("exported", &arguments->exported,
             "the file that holds what is dropped, as `ledger export` wrote it");
  flags.Require("exported");
  return [arguments](Invocation& call) { return Trim(call, *arguments); };
}

}  // namespace

std::vector<Command> LedgerFileCommands() {
  return {
      {"ledger export",
       "",
       "Appends the entries that a file does not hold yet: JSON, one entry a line.",
       "prismatic ledger export --account acme -o acme.jsonl",
       DeclareExport,
       {.writes_file = true}},
      {"ledger trim", "", "Drops entries from Redis that a file is proved to hold.",
       "prismatic ledger trim --account acme --through 100000 --exported acme.jsonl", DeclareTrim},
  };
}

}  // namespace prismatic::cli
