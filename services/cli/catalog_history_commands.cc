// The versions of the catalog: who made them, and what is different between them.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/amounts.h"
#include "services/cli/catalog_output.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;

// As in model_registry.proto; more are not kept either.
constexpr int kVersionsMax = 100;
constexpr int kVersionsShown = 20;

void PrintVersions(const Invocation& call, const pb::ListCatalogVersionsResponse& list) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("versions").BeginArray();
    for (const pb::CatalogVersion& version : list.versions())
      admin_json::WriteCatalogVersion(writer, version);
    writer.EndArray().Key("more").Bool(list.more()).EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"VERSION"}, {"TIME"}, {"BY"}, {"KIND"}, {"CHANGES", true}, {"NOTE"}});
  for (const pb::CatalogVersion& version : list.versions()) {
    table.Row({absl::StrCat(version.version()), TimeText(version.time_unix_ms() * 1000), version.actor(),
               admin_json::ChangeKindWord(version.kind()), absl::StrCat(version.change_count()),
               CellText(call, version.note())});
  }
  PrintTable(call, table);
  if (list.more() && !list.versions().empty()) {
    call.err << "note: there are more versions: --before " << list.versions().rbegin()->version() << "\n";
  }
}

Action DeclareHistory(config::Flags& flags) {
  struct Arguments {
    int limit = kVersionsShown;
    std::optional<int64_t> before;
  };
  auto arguments = std::make_shared<Arguments>();
  flags.Integer("limit", &arguments->limit, 1, kVersionsMax, "how many");
  flags.OptionalInteger("before", &arguments->before, 0, INT64_MAX,
                        "versions below this one; absent: from the newest");
  return [arguments](Invocation& call) -> absl::Status {
    pb::ListCatalogVersionsRequest request;
    request.set_page_size(arguments->limit);
    request.set_before_version(arguments->before.value_or(0));
    ASSIGN_OR_RETURN(pb::ListCatalogVersionsResponse list, call.connections.ListCatalogVersions(request));
    PrintVersions(call, list);
    return absl::OkStatus();
  };
}

absl::StatusOr<pb::CatalogVersion> FindVersion(Connections& connections, int64_t version) {
  pb::ListCatalogVersionsRequest request;
  request.set_page_size(1);
  request.set_before_version(version + 1);
  ASSIGN_OR_RETURN(pb::ListCatalogVersionsResponse list, connections.ListCatalogVersions(request));
  if (!list.versions().empty() && list.versions(0).version() == version) return list.versions(0);
  return Refused("CATALOG_VERSION_NOT_FOUND",
                 absl::StrCat("version ", version,
                              " is not kept, or never was; `prismatic catalog history` lists what is"));
}

void PrintVersion(const Invocation& call, const pb::CatalogVersion& version, const CatalogChanges* changes) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("version");
    admin_json::WriteCatalogVersion(writer, version);
    writer.Key("changes");
    if (changes == nullptr) {
      writer.Null();
    } else {
      admin_json::WriteChanges(writer, *changes);
    }
    writer.EndObject();
    return PrintJson(call.out, writer);
  }
  Facts()
      .Add("version", absl::StrCat(version.version()))
      .Add("content version", absl::StrCat(version.content_version()))
      .Add("replaced", version.replaced_version() == 0 ? "" : absl::StrCat(version.replaced_version()))
      .Add("kind", admin_json::ChangeKindWord(version.kind()))
      .Add("by", version.actor())
      .Add("time", TimeText(version.time_unix_ms() * 1000))
      .Add("note", version.note())
      .Add("SHA-256", version.sha256())
      .Add("values changed", absl::StrCat(version.change_count()))
      .Print(call.out);
  if (changes != nullptr && !changes->empty()) PrintChanges(call, *changes);
}

Action DeclareShow(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(int64_t number, ParseVersion(call.words[0]));
    ASSIGN_OR_RETURN(pb::CatalogVersion version, FindVersion(call.connections, number));
    if (version.replaced_version() == 0) {
      PrintVersion(call, version, nullptr);
      return absl::OkStatus();
    }
    pb::CompareCatalogsRequest request;
    request.set_from(version.replaced_version());
    request.set_to(version.version());
    absl::StatusOr<pb::CompareCatalogsResponse> compared = call.connections.CompareCatalogs(request);
    bool forgotten = HasReason(compared.status(), common::v1::ERROR_REASON_CATALOG_VERSION_NOT_FOUND);
    if (!compared.ok() && !forgotten) return compared.status();
    PrintVersion(call, version, compared.ok() ? &compared->changes() : nullptr);
    if (forgotten)
      call.err << "note: the version that it replaced is not kept, so what it changed is not known\n";
    return absl::OkStatus();
  };
}

Action DeclareCompare(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::CompareCatalogsRequest request;
    ASSIGN_OR_RETURN(int64_t from, ParseVersion(call.words[0]));
    request.set_from(from);
    if (call.words[1] != "current") {
      ASSIGN_OR_RETURN(int64_t to, ParseVersion(call.words[1]));
      request.set_to(to);
    }
    ASSIGN_OR_RETURN(pb::CompareCatalogsResponse compared, call.connections.CompareCatalogs(request));
    if (call.settings.json()) {
      json::Writer writer;
      writer.BeginObject().Key("changes");
      admin_json::WriteChanges(writer, compared.changes());
      writer.Key("from").Int(compared.from()).Key("to").Int(compared.to()).EndObject();
      PrintJson(call.out, writer);
    } else if (compared.changes().empty() && !call.settings.csv()) {
      call.out << compared.from() << " and " << compared.to() << " are the same\n";
    } else {
      PrintChanges(call, compared.changes());
    }
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> CatalogHistoryCommands() {
  return {
      {"catalog history",
       "",
       "Lists the versions of the catalog, newest first: when, by whom, how, why.",
       "prismatic catalog history --limit 50",
       DeclareHistory,
       {.prints_table = true}},
      {"catalog show", "VERSION", "Shows a version of the catalog and what it changed.",
       "prismatic catalog show 1767225600000", DeclareShow},
      {"catalog compare",
       "FROM TO",
       "Shows what is different between two versions; TO may be `current`.",
       "prismatic catalog compare 1767225600000 current",
       DeclareCompare,
       {.prints_table = true}},
  };
}

}  // namespace prismatic::cli
