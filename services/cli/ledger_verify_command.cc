// Recomputes an account from its ledger and compares.

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/cli/amounts.h"
#include "services/cli/command.h"
#include "services/cli/entry_file.h"
#include "services/cli/errors.h"
#include "services/cli/ledger_audit.h"
#include "services/cli/ledger_book.h"
#include "services/cli/ledger_copy.h"
#include "services/cli/ledger_reader.h"
#include "services/cli/usage_reader.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// Billing keeps a day's usage for 400 days; the oldest may be going away while we look.
constexpr int kUsageDays = 390;
// Quiet moments that are tried for before usage is compared with bounds instead.
constexpr int kUsageTries = 5;

struct Arguments {
  std::string account;
  std::string file;
};

absl::StatusOr<pb::AuditAccountResponse> Audit(Connections& connections, const std::string& account) {
  pb::AuditAccountRequest request;
  request.set_account(account);
  return connections.AuditAccount(request);
}

// Writes the book up to what the audit has seen. Entries never change, so this is the state of that moment,
// however many have come since.
absl::Status WriteUp(Connections& connections, const std::string& account, int64_t through, Book& book) {
  return ReadLedger(connections, {.account = account, .after = book.sequence(), .through = through},
                    [&](const pb::LedgerEntry& entry) {
                      book.Add(entry);
                      return absl::OkStatus();
                    });
}

// The book begins with what the file says; billing must say the same of every entry that it still has.
absl::StatusOr<std::vector<Difference>> ReadFileInto(Connections& connections, const Arguments& arguments,
                                                     Book& book) {
  CopyComparison comparison(connections, arguments.account);
  int64_t torn = 0;
  RETURN_IF_ERROR(ReadEntryFile(
      arguments.file,
      [&](const pb::LedgerEntry& entry) -> absl::Status {
        if (entry.account() != arguments.account) {
          return UsageError(absl::StrCat(arguments.file, " holds entries of ", entry.account()));
        }
        book.Add(entry);
        return comparison.Add(entry);
      },
      &torn));
  if (book.entries() == 0) return UsageError(absl::StrCat(arguments.file, " holds no entry"));
  return comparison.Take();
}

struct Result {
  std::vector<Difference> differences;
  // What could not be compared, and why; not wrong.
  std::vector<std::string> notes;
  int64_t sequence = 0;
  int64_t entries = 0;
};

void Append(std::vector<Difference> more, std::vector<Difference>& all) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

// Usage is read between two audits. When the ledger stood still from one to the other it must be equal; if it
// never stands still, the sums of rows that moved are compared with bounds.
absl::Status VerifyUsage(Connections& connections, const std::string& account, Book& book, Result& result) {
  int32_t today = DayOf(absl::ToUnixMicros(absl::Now()));
  int32_t first = DayAfter(today, -kUsageDays);
  // The clock of Redis may be ahead of ours.
  int32_t last = DayAfter(today, 1);
  for (int tries = 1;; ++tries) {
    UsageTable before = book.usage();
    int64_t sequence = book.sequence();
    ASSIGN_OR_RETURN(UsageOfDays usage, ReadUsage(connections, account, first, last));
    ASSIGN_OR_RETURN(pb::AuditAccountResponse later, Audit(connections, account));
    RETURN_IF_ERROR(WriteUp(connections, account, later.account().ledger_sequence(), book));
    bool quiet = book.sequence() == sequence;
    if (!quiet && tries < kUsageTries) continue;
    if (!quiet) {
      result.notes.push_back("the account was busy: usage that changed meanwhile was compared with bounds");
    }
    if (book.usage_whole_from() > 0) {
      result.notes.push_back("usage of days whose entries were carried forward is not compared");
    }
    std::set<int32_t> left_out;
    for (const auto& [day, refusal] : usage.refused) {
      left_out.insert(day);
      result.notes.push_back(
          absl::StrCat("usage of ", DayText(day),
                       " could not be compared: billing does not list it: ", refusal.message()));
    }
    Append(CompareUsage(before, book.usage(), TableOf(usage.rows), std::max(first, book.usage_whole_from()),
                        left_out),
           result.differences);
    return absl::OkStatus();
  }
}

absl::StatusOr<Result> Verify(Connections& connections, const Arguments& arguments) {
  Book book;
  std::vector<Difference> against_the_file;
  if (!arguments.file.empty()) {
    ASSIGN_OR_RETURN(against_the_file, ReadFileInto(connections, arguments, book));
  }
  Result result;
  ASSIGN_OR_RETURN(pb::AuditAccountResponse audit, Audit(connections, arguments.account));
  RETURN_IF_ERROR(WriteUp(connections, arguments.account, audit.account().ledger_sequence(), book));
  std::vector<Difference> of_the_account = CompareAccount(book, audit);
  result.sequence = book.sequence();
  // Usage is last in the list, but reading it may write the book up further.
  Result of_usage;
  RETURN_IF_ERROR(VerifyUsage(connections, arguments.account, book, of_usage));
  result.entries = book.entries();
  Append(book.differences(), result.differences);
  Append(std::move(against_the_file), result.differences);
  Append(std::move(of_the_account), result.differences);
  Append(std::move(of_usage.differences), result.differences);
  result.notes = std::move(of_usage.notes);
  return result;
}

void PrintResult(const Invocation& call, const Arguments& arguments, const Result& result) {
  const std::vector<Difference>& differences = result.differences;
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("account").String(arguments.account);
    writer.Key("agrees").Bool(differences.empty());
    writer.Key("ledger_sequence").Int(result.sequence).Key("entries").Int(result.entries);
    writer.Key("differences").BeginArray();
    for (const Difference& each : differences) {
      writer.BeginObject().Key("where").String(each.where).Key("what").String(each.what);
      writer.Key("expected").String(each.expected).Key("found").String(each.found).EndObject();
    }
    writer.EndArray().Key("notes").BeginArray();
    for (const std::string& note : result.notes) writer.String(note);
    writer.EndArray().EndObject();
    return PrintJson(call.out, writer);
  }
  for (const std::string& note : result.notes) call.err << "note: " << note << "\n";
  if (differences.empty()) {
    if (!call.settings.csv()) {
      call.out << arguments.account << " agrees with its ledger: " << result.entries << " entries up to "
               << result.sequence << "\n";
    }
    return;
  }
  Table table({{"WHERE"}, {"WHAT"}, {"EXPECTED"}, {"FOUND"}});
  for (const Difference& each : differences) table.Row({each.where, each.what, each.expected, each.found});
  PrintTable(call, table);
}

Action DeclareVerify(config::Flags& flags) {
  auto arguments = std::make_shared<Arguments>();
  flags.Text("account", &arguments->account, "whose ledger");
  flags.Require("account");
  flags.Text("file", &arguments->file,
             "begin with the entries of this file, as `ledger export` wrote it, and go on from Redis");
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(Result result, Verify(call.connections, *arguments));
    PrintResult(call, *arguments, result);
    size_t wrong = result.differences.size();
    if (wrong == 0) return absl::OkStatus();
    return Refused("LEDGER_DIFFERS", absl::StrCat(arguments->account, " and its ledger differ in ", wrong,
                                                  wrong == 1 ? " point" : " points"));
  };
}

}  // namespace

std::vector<Command> VerifyCommands() {
  return {
      {"ledger verify",
       "",
       "Recomputes an account from its ledger, compares, and prints every difference.",
       "prismatic ledger verify --account acme --file acme.jsonl",
       DeclareVerify,
       {.prints_table = true}},
  };
}

}  // namespace prismatic::cli
