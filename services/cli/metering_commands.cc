// What was used, what something would cost, and whose a key is.

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/admin_json/billing_json.h"
#include "services/cli/amounts.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/files.h"
#include "services/cli/output.h"
#include "services/cli/usage_reader.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// --- usage ---

// As billing.proto has it.
constexpr int kDaysMax = 366;
// Without --from.
constexpr int kDaysShown = 30;

struct UsageArguments {
  std::string account;
  std::string from;
  std::string to;
  bool csv = false;
};

struct Days {
  int32_t first = 0;
  int32_t last = 0;
};

absl::StatusOr<Days> DaysOf(const UsageArguments& arguments) {
  Days days;
  days.last = DayOf(absl::ToUnixMicros(absl::Now()));
  if (!arguments.to.empty()) {
    ASSIGN_OR_RETURN(days.last, ParseDay("to", arguments.to));
  }
  days.first = DayAfter(days.last, 1 - kDaysShown);
  if (!arguments.from.empty()) {
    ASSIGN_OR_RETURN(days.first, ParseDay("from", arguments.from));
  }
  if (days.first > days.last) return UsageError("--from is after --to");
  if (DayAfter(days.first, kDaysMax - 1) < days.last) {
    return UsageError(absl::StrCat("--from to --to is more than ", kDaysMax, " days"));
  }
  return days;
}

using Words = google::protobuf::RepeatedPtrField<std::string>;

void PrintDamaged(const Invocation& call, const Words& damaged) {
  for (const std::string& words : damaged) call.err << "warning: not counted in: " << words << "\n";
}

void PrintUsageJson(const Invocation& call, absl::string_view account, const UsageOfDays& usage) {
  json::Writer writer;
  writer.BeginObject().Key("account").String(account).Key("usage").BeginArray();
  for (const pb::UsageRow& row : usage.rows) admin_json::WriteUsageRow(writer, row);
  writer.EndArray();
  admin_json::WriteDamaged(writer, usage.damaged);
  writer.EndObject();
  PrintJson(call.out, writer);
}

absl::Status Usage(Invocation& call, const UsageArguments& arguments) {
  ASSIGN_OR_RETURN(Days days, DaysOf(arguments));
  ASSIGN_OR_RETURN(UsageOfDays usage, ReadUsage(call.connections, arguments.account, days.first, days.last));
  if (!usage.refused.empty()) {
    // Part of a bill is worse than none.
    const auto& [day, refusal] = *usage.refused.begin();
    return Refused("INVALID_VALUE", absl::StrCat("billing does not list the usage of ", DayText(day),
                                                 ", not even alone: ", refusal.message()));
  }
  PrintDamaged(call, usage.damaged);
  if (call.settings.json() && !arguments.csv) {
    PrintUsageJson(call, arguments.account, usage);
    return absl::OkStatus();
  }
  Table table({{"DAY"},
               {"KEY ID"},
               {"MODEL"},
               {"REQUESTS", true},
               {"IMAGES", true},
               {"CHARGED USD", true},
               {"UNITS", true}});
  for (const pb::UsageRow& row : usage.rows) {
    table.Row({DayText(row.day()), row.key_id(), row.model(), absl::StrCat(row.requests()),
               absl::StrCat(row.images()), UsdText(row.charged_nano_usd()), absl::StrCat(row.units())});
  }
  if (arguments.csv) {
    table.PrintCsv(call.out);
  } else {
    PrintTable(call, table);
  }
  return absl::OkStatus();
}

void DeclareDays(config::Flags& flags, UsageArguments& arguments) {
  flags.Text("from", &arguments.from, "first day (UTC), 2026-11-01; absent: 30 days up to the last one");
  flags.Text("to", &arguments.to, "last day (UTC), 2026-11-30; absent: today");
}

Action DeclareUsage(config::Flags& flags) {
  auto arguments = std::make_shared<UsageArguments>();
  flags.Text("account", &arguments->account, "whose usage");
  flags.Require("account");
  DeclareDays(flags, *arguments);
  flags.Switch("csv", &arguments->csv, "short for --output csv");
  return [arguments](Invocation& call) { return Usage(call, *arguments); };
}

void PrintTotals(const Invocation& call, const pb::ListTotalsResponse& totals) {
  PrintDamaged(call, totals.damaged());
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("totals").BeginArray();
    for (const pb::TotalsRow& row : totals.rows()) admin_json::WriteTotalsRow(writer, row);
    writer.EndArray();
    admin_json::WriteDamaged(writer, totals.damaged());
    writer.EndObject();
    return PrintJson(call.out, writer);
  }
  Table table(
      {{"DAY"}, {"MODEL"}, {"REQUESTS", true}, {"IMAGES", true}, {"CHARGED USD", true}, {"UNITS", true}});
  for (const pb::TotalsRow& row : totals.rows()) {
    table.Row({DayText(row.day()), row.model(), absl::StrCat(row.requests()), absl::StrCat(row.images()),
               UsdText(row.charged_nano_usd()), absl::StrCat(row.units())});
  }
  PrintTable(call, table);
}

Action DeclareTotals(config::Flags& flags) {
  auto arguments = std::make_shared<UsageArguments>();
  DeclareDays(flags, *arguments);
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(Days days, DaysOf(*arguments));
    pb::ListTotalsRequest request;
    request.set_first_day(days.first);
    request.set_last_day(days.last);
    ASSIGN_OR_RETURN(pb::ListTotalsResponse totals, call.connections.ListTotals(request));
    PrintTotals(call, totals);
    return absl::OkStatus();
  };
}

// The key in question: of a file, else the one of the settings.
absl::StatusOr<std::string> KeyOf(const Invocation& call, const std::string& file) {
  if (!file.empty()) return ReadSecret(file);
  if (call.settings.api_key.empty()) {
    return UsageError("which key? Give PRISMATIC_API_KEY, or --key-file with a file or - for standard input");
  }
  return call.settings.api_key;
}

constexpr char kKeyFileHelp[] =
    "file that holds the API key, - is standard input; absent: PRISMATIC_API_KEY or --api-key";

// --- check ---

struct CheckArguments {
  std::string key_file;
  int images = 0;
};

std::string RateText(const pb::RateLimitStatus& rate) {
  if (!rate.has_limit()) return "unlimited";
  return absl::StrCat(rate.remaining(), " of ", rate.limit(), "; all again in ",
                      absl::FormatDuration(absl::Microseconds(rate.reset_after_us())));
}

void WriteRate(json::Writer& writer, absl::string_view name, const pb::RateLimitStatus& rate) {
  writer.Key(name);
  if (!rate.has_limit()) {
    writer.Null();
    return;
  }
  writer.BeginObject().Key("limit").Int(rate.limit()).Key("remaining").Int(rate.remaining());
  writer.Key("reset_after_us").Int(rate.reset_after_us()).EndObject();
}

void PrintCheck(const Invocation& call, const pb::CheckKeyResponse& check) {
  if (!call.settings.json()) {
    Facts()
        .Add("account", check.account())
        .Add("key ID", check.key_id())
        .Add("models", check.allowed_models().empty() ? "all" : absl::StrJoin(check.allowed_models(), ","))
        .Add("requests left this minute", RateText(check.requests()))
        .Add("images left this minute", RateText(check.images()))
        .Print(call.out);
    return;
  }
  json::Writer writer;
  writer.BeginObject().Key("account").String(check.account()).Key("key_id").String(check.key_id());
  writer.Key("models").BeginArray();
  for (const std::string& model : check.allowed_models()) writer.String(model);
  writer.EndArray();
  WriteRate(writer, "requests", check.requests());
  WriteRate(writer, "images", check.images());
  writer.EndObject();
  PrintJson(call.out, writer);
}

Action DeclareCheck(config::Flags& flags) {
  auto arguments = std::make_shared<CheckArguments>();
  flags.Text("key-file", &arguments->key_file, kKeyFileHelp);
  flags.Integer("n", &arguments->images, 0, 10, "whether so many images would be within the limits now");
  return [arguments](Invocation& call) -> absl::Status {
    pb::CheckKeyRequest request;
    ASSIGN_OR_RETURN(*request.mutable_api_key(), KeyOf(call, arguments->key_file));
    request.set_image_count(arguments->images);
    ASSIGN_OR_RETURN(pb::CheckKeyResponse check, call.connections.CheckKey(request));
    PrintCheck(call, check);
    return absl::OkStatus();
  };
}

// --- estimate ---

struct EstimateArguments {
  std::string account;
  std::string key_file;
  std::string model;
  std::string size;
  std::string quality;
  int images = 1;
};

void PrintEstimate(const Invocation& call, const pb::EstimateCostResponse& estimate) {
  if (!call.settings.json()) {
    Facts()
        .Add("unit price USD",
             estimate.has_unit_price_nano_usd() ? UsdText(estimate.unit_price_nano_usd()) : "no price")
        .Add("total USD", UsdText(estimate.total_nano_usd()))
        .Add("paid by", admin_json::FundingSourceWord(estimate.funding_source()))
        .Add("admitted now", YesNo(estimate.would_be_admitted()))
        .Add("refused with", estimate.refusal_reason())
        .Add("catalog version", absl::StrCat(estimate.catalog_version()))
        .Print(call.out);
    return;
  }
  json::Writer writer;
  writer.BeginObject();
  if (estimate.has_unit_price_nano_usd()) {
    WriteUsd(writer, "unit_price", estimate.unit_price_nano_usd());
  } else {
    writer.Key("unit_price_usd").Null().Key("unit_price_nano_usd").Null();
  }
  WriteUsd(writer, "total", estimate.total_nano_usd());
  WriteText(writer, "funding_source", admin_json::FundingSourceWord(estimate.funding_source()));
  writer.Key("would_be_admitted").Bool(estimate.would_be_admitted());
  WriteText(writer, "refusal_reason", estimate.refusal_reason());
  writer.Key("catalog_version").Int(estimate.catalog_version()).EndObject();
  PrintJson(call.out, writer);
}

absl::Status Estimate(Invocation& call, const EstimateArguments& arguments) {
  pb::EstimateCostRequest request;
  if (!arguments.account.empty()) {
    request.set_account(arguments.account);
  } else {
    ASSIGN_OR_RETURN(*request.mutable_api_key(), KeyOf(call, arguments.key_file));
  }
  request.set_model(arguments.model);
  request.set_image_count(arguments.images);
  request.set_size(arguments.size);
  request.set_quality(arguments.quality);
  ASSIGN_OR_RETURN(pb::EstimateCostResponse estimate, call.connections.EstimateCost(request));
  PrintEstimate(call, estimate);
  return absl::OkStatus();
}

Action DeclareEstimate(config::Flags& flags) {
  auto arguments = std::make_shared<EstimateArguments>();
  flags.Text("model", &arguments->model, "the model, by name or public ID");
  flags.Require("model");
  flags.Integer("n", &arguments->images, 1, 10, "images");
  flags.Text("size", &arguments->size, "as a request would name it");
  flags.Text("quality", &arguments->quality, "as a request would name it");
  flags.Text("key-file", &arguments->key_file, kKeyFileHelp);
  flags.Text(
      "account", &arguments->account,
      "an account instead of the API key; only a trusted meter, known by its certificate, is answered");
  return [arguments](Invocation& call) { return Estimate(call, *arguments); };
}

}  // namespace

std::vector<Command> MeteringCommands() {
  return {
      {"usage",
       "",
       "Lists what was delivered and charged by day, key and model.",
       "prismatic usage --account acme --from 2026-11-01 --to 2026-11-30 --csv",
       DeclareUsage,
       {.prints_table = true}},
      {"usage totals",
       "",
       "Lists what was delivered and charged in all, by day and model, over all accounts.",
       "prismatic usage totals --from 2026-11-01 --output csv",
       DeclareTotals,
       {.prints_table = true}},
      {"key check", "", "Says whose an API key is and how its limits stand; consumes nothing.",
       "prismatic key check --key-file - < key.txt", DeclareCheck},
      {"estimate", "", "Says what images would cost, who would pay, and whether they would be admitted now.",
       "prismatic estimate --model imagen-4 --n 3", DeclareEstimate},
  };
}

}  // namespace prismatic::cli
