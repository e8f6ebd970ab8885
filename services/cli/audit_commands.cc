// What was changed and by whom: the registry's log and billing's, as one.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/admin_json/billing_json.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/amounts.h"
#include "services/cli/catalog_output.h"
#include "services/cli/command.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// As in the protos.
constexpr int kPageMax = 200;
constexpr int kShown = 50;
// As many as the registry keeps.
constexpr int kLimitMax = 10'000;
// Of a cell in a table.
constexpr size_t kCellWidth = 72;

// An entry of either log.
struct Entry {
  int64_t time_us = 0;
  std::string actor;
  std::string source;
  std::string action;
  std::string account;
  std::string target;
  std::string changes;
  std::string note;
  // As admin_json writes it.
  std::string json;
};

// `path: before -> after` of each, `-` for what is not there.
template <typename Changes>
std::string ChangesText(const Changes& changes) {
  std::vector<std::string> texts;
  for (const auto& change : changes) {
    texts.push_back(absl::StrCat(change.path(), change.path().empty() ? "" : ": ",
                                 change.has_before() ? change.before() : "-", " -> ",
                                 change.has_after() ? change.after() : "-"));
  }
  return absl::StrJoin(texts, "; ");
}

template <typename Message>
Entry Common(const Message& message) {
  json::Writer writer;
  admin_json::WriteAuditEntry(writer, message);
  return {.time_us = message.time_us(),
          .actor = message.actor(),
          .action = message.action(),
          .target = message.target(),
          .changes = ChangesText(message.changes()),
          .json = writer.Take()};
}

struct Arguments {
  std::string account;
  int limit = kShown;
  std::string before;
};

struct Wanted {
  std::string account;
  size_t limit = 0;
  // Entries that are older; 0: from the newest.
  int64_t before_us = 0;
};

struct Log {
  std::vector<Entry> entries;
  bool more = false;
};

absl::StatusOr<Log> ReadBilling(Connections& connections, const Wanted& wanted) {
  Log log;
  billing::v1::ListAuditEntriesRequest request;
  request.set_account(wanted.account);
  request.set_before_time_us(wanted.before_us);
  do {
    request.set_page_size(static_cast<int>(std::min<size_t>(kPageMax, wanted.limit - log.entries.size())));
    ASSIGN_OR_RETURN(billing::v1::ListAuditEntriesResponse page, connections.ListAuditEntries(request));
    for (const billing::v1::AuditEntry& message : page.entries()) {
      Entry entry = Common(message);
      entry.source = "billing";
      entry.account = message.account();
      entry.note = message.reason();
      log.entries.push_back(std::move(entry));
    }
    log.more = page.more() && !page.entries().empty();
    if (log.more) request.set_before_time_us(log.entries.back().time_us);
  } while (log.more && log.entries.size() < wanted.limit);
  return log;
}

// Its pages go by ID: what is too new is left out here.
absl::StatusOr<Log> ReadRegistry(Connections& connections, const Wanted& wanted) {
  Log log;
  model_registry::v1::ListAuditEntriesRequest request;
  request.set_page_size(kPageMax);
  do {
    ASSIGN_OR_RETURN(model_registry::v1::ListAuditEntriesResponse page,
                     connections.ListAuditEntries(request));
    for (const model_registry::v1::AuditEntry& message : page.entries()) {
      request.set_before_id(message.id());
      if (wanted.before_us > 0 && message.time_us() >= wanted.before_us) continue;
      Entry entry = Common(message);
      entry.source = "registry";
      entry.note = message.note();
      log.entries.push_back(std::move(entry));
    }
    log.more = page.more() && !page.entries().empty();
  } while (log.more && log.entries.size() < wanted.limit);
  return log;
}

absl::StatusOr<Log> ReadBoth(Connections& connections, const Wanted& wanted) {
  ASSIGN_OR_RETURN(Log all, ReadBilling(connections, wanted));
  // The registry's entries speak of no account.
  if (wanted.account.empty()) {
    ASSIGN_OR_RETURN(Log registry, ReadRegistry(connections, wanted));
    for (Entry& entry : registry.entries) all.entries.push_back(std::move(entry));
    all.more = all.more || registry.more;
  }
  // Each log is in order; what is of the same time keeps that order.
  std::stable_sort(all.entries.begin(), all.entries.end(),
                   [](const Entry& a, const Entry& b) { return a.time_us > b.time_us; });
  if (all.entries.size() > wanted.limit) {
    all.entries.resize(wanted.limit);
    all.more = true;
  }
  return all;
}

void PrintLog(const Invocation& call, const Log& log) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("entries").BeginArray();
    for (const Entry& entry : log.entries) writer.Raw(entry.json);
    writer.EndArray().Key("more").Bool(log.more).EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"TIME"}, {"ACTOR"}, {"SOURCE"}, {"ACTION"}, {"ACCOUNT"}, {"TARGET"}, {"CHANGES"}, {"NOTE"}});
  bool csv = call.settings.csv();
  auto cell = [&](const std::string& text) { return csv ? text : Shortened(text, kCellWidth); };
  for (const Entry& entry : log.entries) {
    table.Row({csv ? ExactTimeText(entry.time_us) : TimeText(entry.time_us), entry.actor, entry.source,
               entry.action, entry.account, entry.target, cell(entry.changes), cell(entry.note)});
  }
  PrintTable(call, table);
  if (log.more && !log.entries.empty()) {
    call.err << "note: there are older entries: --limit, or --before "
             << ExactTimeText(log.entries.back().time_us) << "\n";
  }
}

absl::Status List(Invocation& call, const Arguments& arguments) {
  Wanted wanted{.account = arguments.account, .limit = static_cast<size_t>(arguments.limit)};
  if (!arguments.before.empty()) {
    ASSIGN_OR_RETURN(wanted.before_us, ParseTime("before", arguments.before));
  }
  ASSIGN_OR_RETURN(Log log, ReadBoth(call.connections, wanted));
  PrintLog(call, log);
  return absl::OkStatus();
}

Action DeclareList(config::Flags& flags) {
  auto arguments = std::make_shared<Arguments>();
  flags.Text("account", &arguments->account, "only what was done to this account; absent: everything");
  flags.Integer("limit", &arguments->limit, 1, kLimitMax, "how many");
  flags.Text("before", &arguments->before, "entries that are older, such as 2026-11-30T12:00:00Z");
  return [arguments](Invocation& call) { return List(call, *arguments); };
}

}  // namespace

std::vector<Command> AuditCommands() {
  return {{"audit list",
           "",
           "Lists what was changed and by whom, in the registry and in billing, newest first.",
           "prismatic audit list --account acme --limit 100",
           DeclareList,
           {.prints_table = true}}};
}

}  // namespace prismatic::cli
