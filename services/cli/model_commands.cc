// Models: their public IDs, routes and prices.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/amounts.h"
#include "services/cli/catalog_edits.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;
using PublicModel = pb::ListModelsResponse::PublicModel;
using Entry = pb::ListCanonicalModelsResponse::Entry;

void WritePublicModel(json::Writer& writer, const PublicModel& model) {
  writer.BeginObject();
  writer.Key("public_id").String(model.public_id()).Key("model").String(model.model());
  WriteText(writer, "owned_by", model.owned_by());
  writer.Key("available").Bool(model.available());
  if (model.has_retail_generation_nano_usd()) {
    WriteUsd(writer, "retail_generation", model.retail_generation_nano_usd());
  } else {
    writer.Key("retail_generation_usd").Null().Key("retail_generation_nano_usd").Null();
  }
  WriteTime(writer, "create_time", model.created() * 1'000'000);
  writer.EndObject();
}

void PrintPublicModels(const Invocation& call, const pb::ListModelsResponse& response) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("models").BeginArray();
    for (const PublicModel& model : response.models()) WritePublicModel(writer, model);
    writer.EndArray().Key("catalog_version").Int(response.catalog_version()).EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"PUBLIC ID"}, {"MODEL"}, {"OWNED BY"}, {"AVAILABLE"}, {"USD PER IMAGE", true}});
  for (const PublicModel& model : response.models()) {
    table.Row({model.public_id(), model.model(), model.owned_by(), YesNo(model.available()),
               model.has_retail_generation_nano_usd() ? UsdText(model.retail_generation_nano_usd()) : ""});
  }
  PrintTable(call, table);
}

Action DeclareList(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::ListModelsResponse response, call.connections.ListModels({}));
    PrintPublicModels(call, response);
    return absl::OkStatus();
  };
}

// --- one model ---

// By its canonical name, or else by one of its public IDs.
absl::StatusOr<Entry> Find(const pb::ListCanonicalModelsResponse& list, const std::string& name) {
  for (const Entry& entry : list.models()) {
    if (entry.model().name() == name) return entry;
  }
  for (const Entry& entry : list.models()) {
    if (absl::c_linear_search(entry.model().public_ids(), name)) return entry;
  }
  return Refused("MODEL_NOT_FOUND", absl::StrCat("there is no model `", name,
                                                 "`, and none with that public ID; `prismatic model list` "
                                                 "has them all"));
}

std::string PriceText(const catalog::v1::Model& model) {
  return model.prices().empty() ? "none" : UsdText(model.prices(0).retail_generation_nano_usd());
}

void PrintRoutes(const Invocation& call, const catalog::v1::Model& model) {
  if (model.routes().empty()) return;
  Table table({{"PROVIDER"}, {"UPSTREAM MODEL"}, {"PRIORITY", true}, {"WEIGHT", true}, {"DISABLED"}});
  for (const catalog::v1::Route& route : model.routes()) {
    table.Row({route.provider(), route.upstream_model(), absl::StrCat(route.priority()),
               absl::StrCat(route.weight()), YesNo(route.disabled())});
  }
  call.out << "\n";
  table.Print(call.out);
}

void PrintEntry(const Invocation& call, const Entry& entry, int64_t catalog_version) {
  const catalog::v1::Model& model = entry.model();
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject();
    admin_json::WriteModelMembers(writer, model);
    writer.Key("available").Bool(entry.available()).Key("yaml").String(entry.yaml());
    writer.Key("catalog_version").Int(catalog_version).EndObject();
    return PrintJson(call.out, writer);
  }
  Facts()
      .Add("name", model.name())
      .Add("public IDs", absl::StrJoin(model.public_ids(), ", "))
      .Add("owned by", model.owned_by())
      .Add("available", YesNo(entry.available()))
      .Add("USD per image", PriceText(model))
      .Add("quota units per image", absl::StrCat(model.quota_units_per_image()))
      .Add("catalog version", absl::StrCat(catalog_version))
      .Print(call.out);
  PrintRoutes(call, model);
  call.out << "\n" << entry.yaml();
}

Action DeclareShow(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::ListCanonicalModelsResponse list, call.connections.ListCanonicalModels({}));
    ASSIGN_OR_RETURN(Entry entry, Find(list, call.words[0]));
    PrintEntry(call, entry, list.catalog_version());
    return absl::OkStatus();
  };
}

// --- changes ---

struct PriceArguments {
  EditFlags edit;
  std::string usd;
  bool none = false;
  std::optional<int64_t> quota_units;
};

// What is wrong with the arguments is said before anybody is asked.
absl::StatusOr<pb::ModelPrice> Asked(const PriceArguments& arguments) {
  if (arguments.none && !arguments.usd.empty()) return UsageError("--usd and --none contradict each other");
  if (!arguments.none && arguments.usd.empty() && !arguments.quota_units) {
    return UsageError("give --usd with what one image costs, or --none, or --quota-units");
  }
  pb::ModelPrice price;
  if (!arguments.usd.empty()) {
    ASSIGN_OR_RETURN(int64_t nanos, ParseUsd("usd", arguments.usd));
    price.set_retail_generation_nano_usd(nanos);
  }
  price.set_quota_units_per_image(static_cast<int32_t>(arguments.quota_units.value_or(0)));
  return price;
}

absl::Status Price(Invocation& call, const PriceArguments& arguments) {
  pb::EditCatalogRequest request;
  ASSIGN_OR_RETURN(*request.mutable_set_price(), Asked(arguments));
  ASSIGN_OR_RETURN(pb::ListCanonicalModelsResponse list, call.connections.ListCanonicalModels({}));
  ASSIGN_OR_RETURN(Entry entry, Find(list, call.words[0]));
  pb::ModelPrice& price = *request.mutable_set_price();
  price.set_model(entry.model().name());
  bool stays = arguments.usd.empty() && !arguments.none && !entry.model().prices().empty();
  if (stays) price.set_retail_generation_nano_usd(entry.model().prices(0).retail_generation_nano_usd());
  return Edit(call, std::move(request), arguments.edit, list.catalog_version(),
              absl::StrCat("model ", entry.model().name()));
}

Action DeclarePrice(config::Flags& flags) {
  auto arguments = std::make_shared<PriceArguments>();
  flags.Text("usd", &arguments->usd, "what one image costs a wallet, in US dollars, up to 9 decimals");
  flags.Switch("none", &arguments->none, "no price: a wallet cannot pay for it");
  flags.OptionalInteger("quota-units", &arguments->quota_units, 1, 1'000'000,
                        "what one image takes from a subscription's quota; absent: stays");
  arguments->edit.Declare(flags);
  return [arguments](Invocation& call) { return Price(call, *arguments); };
}

absl::StatusOr<int64_t> PresentVersion(Connections& connections) {
  ASSIGN_OR_RETURN(pb::ListCanonicalModelsResponse list, connections.ListCanonicalModels({}));
  return list.catalog_version();
}

struct PutArguments {
  EditFlags edit;
  std::string name;
};

absl::Status Put(Invocation& call, const PutArguments& arguments) {
  pb::EditCatalogRequest request;
  ASSIGN_OR_RETURN(*request.mutable_put_model(), ReadEntry(call.words[0]));
  request.set_name(arguments.name);
  request.set_replace(true);
  ASSIGN_OR_RETURN(int64_t version, PresentVersion(call.connections));
  return Edit(call, std::move(request), arguments.edit, version, call.words[0]);
}

Action DeclarePut(config::Flags& flags) {
  auto arguments = std::make_shared<PutArguments>();
  flags.Text("name", &arguments->name, "the model that it replaces, when the file gives it another name");
  arguments->edit.Declare(flags);
  return [arguments](Invocation& call) { return Put(call, *arguments); };
}

Action DeclareRemove(config::Flags& flags) {
  auto arguments = std::make_shared<EditFlags>();
  arguments->Declare(flags);
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(int64_t version, PresentVersion(call.connections));
    pb::EditCatalogRequest request;
    request.set_delete_model(call.words[0]);
    return Edit(call, std::move(request), *arguments, version, absl::StrCat("model ", call.words[0]));
  };
}

}  // namespace

std::vector<Command> ModelCommands() {
  return {
      {"model list",
       "",
       "Lists the public model IDs with their prices.",
       "prismatic model list",
       DeclareList,
       {.prints_table = true}},
      {"model show", "NAME", "Shows a model, by its name or a public ID: price, routes, its YAML.",
       "prismatic model show imagen-4", DeclareShow},
      {"model price", "NAME", "Sets or removes what one image of a model costs; the next request pays it.",
       "prismatic model price imagen-4 --usd 0.05 --note 'price of December'", DeclarePrice},
      {"model put", "FILE", "Adds or replaces a model: one entry of `models`, as YAML or JSON.",
       "prismatic model put flux-2.yaml", DeclarePut},
      {"model remove", "NAME", "Removes a model; its public IDs are unknown from then on.",
       "prismatic model remove flux-2", DeclareRemove},
  };
}

}  // namespace prismatic::cli
