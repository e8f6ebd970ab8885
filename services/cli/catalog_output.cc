#include "services/cli/catalog_output.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;

// Of a value in a table, and of the name in front of it.
constexpr size_t kValueWidth = 60;
constexpr size_t kPathWidth = 48;
// As in model_registry.proto.
constexpr int kChangesMax = 1000;

void PrintAppliedJson(const Invocation& call, const Applied& applied) {
  json::Writer writer;
  writer.BeginObject().Key("valid").Bool(true).Key("applied").Bool(!applied.validate_only);
  admin_json::WriteAppliedMembers(writer, applied.response);
  writer.EndObject();
  PrintJson(call.out, writer);
}

// One error stands on the line; several follow on a line each.
std::string ErrorLines(const Applied& applied) {
  std::vector<std::string> lines;
  for (const std::string& error : applied.response.errors()) {
    // Without a line and column it is not of a text, and names what it means itself.
    bool of_text = absl::ascii_isdigit(static_cast<unsigned char>(error[0]));
    lines.push_back(of_text ? absl::StrCat(applied.source, ":", error) : error);
  }
  if (lines.size() == 1) return absl::StrCat(": ", lines[0]);
  return absl::StrCat(", because\n  ", absl::StrJoin(lines, "\n  "));
}

}  // namespace

std::string Shortened(const std::string& text, size_t characters) {
  size_t count = 0, cut = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) == 0x80) continue;  // a byte of UTF-8 that continues a character
    if (count == characters - 3) cut = i;
    if (++count > characters) return absl::StrCat(text.substr(0, cut), "...");
  }
  return text;
}

absl::Status WithConflictHint(const absl::Status& status, absl::string_view hint) {
  if (!HasReason(status, common::v1::ERROR_REASON_CATALOG_CONFLICT)) return status;
  absl::Status hinted(status.code(), absl::StrCat(status.message(), " ", hint));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { hinted.SetPayload(url, payload); });
  return hinted;
}

std::string CellText(const Invocation& call, const std::string& text) {
  return call.terminals.out && !call.settings.csv() ? Shortened(text, kValueWidth) : text;
}

void PrintChanges(const Invocation& call, const CatalogChanges& changes) {
  Table table({{"PATH", false, kPathWidth}, {"BEFORE", false, kValueWidth}, {"AFTER"}});
  for (const pb::CatalogChange& change : changes) {
    table.Row({change.path(), CellText(call, change.before()), CellText(call, change.after())});
  }
  PrintTable(call, table);
  if (changes.size() >= kChangesMax) call.err << "note: there are more; the first 1000 are shown\n";
}

void PrintAppliedNotes(const Invocation& call, const Applied& applied) {
  const pb::ApplyCatalogResponse& response = applied.response;
  if (!response.kept_overrides().empty() && applied.name_overrides) {
    call.err << "note: switched at run time, and it stays so whatever " << applied.source
             << " says: " << absl::StrJoin(response.kept_overrides(), ", ")
             << (applied.can_drop_overrides ? "; --drop-overrides ends that\n" : "\n");
  }
  if (!response.conflict().empty()) {
    call.err << "note: applying it would be refused with CATALOG_CONFLICT: " << response.conflict()
             << " `prismatic catalog export` writes what is in force; --force changes it all the same.\n";
  }
  if (!response.not_allowed().empty()) {
    call.err << "note: applying it would be refused with ROLE_NOT_ALLOWED: " << response.not_allowed()
             << "\n";
  }
}

absl::Status CheckValid(const Invocation& call, const Applied& applied) {
  if (applied.response.errors().empty()) return absl::OkStatus();
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("valid").Bool(false).Key("applied").Bool(false).Key("errors");
    admin_json::WriteCatalogErrors(writer, applied.response.errors());
    writer.EndObject();
    PrintJson(call.out, writer);
  }
  return Refused("CATALOG_INVALID", absl::StrCat("nothing was changed", ErrorLines(applied)));
}

absl::Status PrintApplied(const Invocation& call, const Applied& applied) {
  RETURN_IF_ERROR(CheckValid(call, applied));
  if (call.settings.json()) {
    PrintAppliedJson(call, applied);
    return absl::OkStatus();
  }
  const pb::ApplyCatalogResponse& response = applied.response;
  if (applied.validate_only) {
    call.out << applied.source << " is valid; nothing was changed\n";
  } else {
    Facts()
        .Add("catalog version", absl::StrCat(response.catalog_version()))
        .Add("changed", response.changed() ? "yes" : "no, it was in force already")
        .Print(call.out);
  }
  if (!response.changes().empty()) PrintChanges(call, response.changes());
  PrintAppliedNotes(call, applied);
  return absl::OkStatus();
}

}  // namespace prismatic::cli
