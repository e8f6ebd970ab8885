// Providers: what the catalog says of them, and how provider-proxy finds them now.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/admin_json/provider_json.h"
#include "services/admin_json/registry_json.h"
#include "services/cli/catalog_edits.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;
namespace ppb = provider_proxy::v1;
using catalog::v1::Provider;

// `gemini`, `async_job (fal)`.
std::string FormatText(const Provider& provider) {
  std::string format = admin_json::WireFormatWord(provider.wire_format());
  if (provider.job_mapping() == catalog::v1::JOB_MAPPING_UNSPECIFIED) return format;
  return absl::StrCat(format, " (", admin_json::JobMappingWord(provider.job_mapping()), ")");
}

std::string OverrideText(const Provider& provider) {
  if (!provider.has_images_override()) return "";
  const catalog::v1::ImagesOverride& flipped = provider.images_override();
  return absl::StrCat("by ", flipped.actor(), " at ", TimeText(flipped.time_unix_ms() * 1000));
}

std::string OnOff(bool on) { return on ? "on" : "off"; }

// How provider-proxy finds the providers, by name; empty where it was not asked or cannot say, and then a
// note says why.
using States = std::map<std::string, ppb::ProviderState>;

States AskStates(Invocation& call) {
  if (call.settings.provider_addr.empty()) return {};
  absl::StatusOr<ppb::GetProviderStatesResponse> response = call.connections.GetProviderStates({});
  if (!response.ok()) {
    call.err << "note: how provider-proxy finds it is not known: " << ErrorText(response.status()) << "\n";
    return {};
  }
  States states;
  for (const ppb::ProviderState& state : response->providers()) states[state.name()] = state;
  return states;
}

// The member `state`: null where it is not known.
void WriteStateOf(json::Writer& writer, const States& states, const std::string& provider) {
  writer.Key("state");
  auto state = states.find(provider);
  if (state == states.end()) {
    writer.Null();
  } else {
    admin_json::WriteProviderState(writer, state->second);
  }
}

void PrintListJson(const Invocation& call, const pb::ListProvidersResponse& response, const States& states) {
  json::Writer writer;
  writer.BeginObject().Key("providers").BeginArray();
  for (const Provider& provider : response.providers()) {
    writer.BeginObject();
    admin_json::WriteProviderMembers(writer, provider);
    WriteStateOf(writer, states, provider.name());
    writer.EndObject();
  }
  writer.EndArray().Key("catalog_version").Int(response.catalog_version());
  writer.Key("content_version").Int(response.content_version()).EndObject();
  PrintJson(call.out, writer);
}

void PrintList(const Invocation& call, const pb::ListProvidersResponse& response, const States& states) {
  if (call.settings.json()) return PrintListJson(call, response, states);
  Table table({{"NAME"},
               {"IMAGES"},
               {"HEALTH"},
               {"FLIPPED"},
               {"WIRE FORMAT"},
               {"BASE URL"},
               {"CREDENTIALS"},
               {"EGRESS PROXY"},
               {"MAX", true},
               {"SECONDS", true}});
  for (const Provider& provider : response.providers()) {
    auto state = states.find(provider.name());
    table.Row({provider.name(), OnOff(provider.images_enabled()),
               state == states.end() ? "" : admin_json::HealthWord(state->second.health()),
               OverrideText(provider), FormatText(provider), provider.base_url(),
               absl::StrJoin(provider.credentials(), ", "), provider.egress_proxy(),
               absl::StrCat(provider.max_concurrent()),
               absl::StrCat(admin_json::ProviderTimeoutSeconds(provider))});
  }
  PrintTable(call, table);
}

Action DeclareList(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::ListProvidersResponse response, call.connections.ListProviders({}));
    PrintList(call, response, AskStates(call));
    return absl::OkStatus();
  };
}

// --- show ---

struct Shown {
  Provider provider;
  // As an entry of a catalog file.
  std::string yaml;
  // Holds none of it when nobody was asked, or it is not known there.
  States states;
  int64_t catalog_version = 0;
};

absl::StatusOr<Shown> Look(Invocation& call, const std::string& name) {
  ASSIGN_OR_RETURN(pb::ListProvidersResponse list, call.connections.ListProviders({}));
  Shown shown{.catalog_version = list.catalog_version()};
  for (int i = 0; i < list.providers_size(); ++i) {
    if (list.providers(i).name() != name) continue;
    shown.provider = list.providers(i);
    if (i < list.yamls_size()) shown.yaml = list.yamls(i);
  }
  if (shown.provider.name().empty()) {
    return Refused("PROVIDER_NOT_FOUND",
                   absl::StrCat("there is no provider `", name, "`; `prismatic provider list` has them all"));
  }
  if (call.settings.provider_addr.empty()) {
    call.err << "note: --provider-addr is not given, so provider-proxy was not asked how it finds it\n";
  }
  // What the registry knows is what one needs when provider-proxy is down.
  shown.states = AskStates(call);
  return shown;
}

void PrintShownJson(const Invocation& call, const Shown& shown) {
  json::Writer writer;
  writer.BeginObject();
  admin_json::WriteProviderMembers(writer, shown.provider);
  WriteText(writer, "yaml", shown.yaml);
  WriteStateOf(writer, shown.states, shown.provider.name());
  writer.Key("catalog_version").Int(shown.catalog_version).EndObject();
  PrintJson(call.out, writer);
}

void PrintShown(const Invocation& call, const Shown& shown) {
  if (call.settings.json()) return PrintShownJson(call, shown);
  Facts facts;
  facts.Add("name", shown.provider.name())
      .Add("images", OnOff(shown.provider.images_enabled()))
      .Add("flipped", OverrideText(shown.provider));
  auto found = shown.states.find(shown.provider.name());
  if (found != shown.states.end()) {
    const ppb::ProviderState& state = found->second;
    facts.Add("health", admin_json::HealthWord(state.health()))
        .Add("since", TimeText(state.since_us()))
        .Add("in flight", absl::StrCat(state.in_flight(), " of ", state.in_flight_max()))
        .Add("waiting", absl::StrCat(state.waiting()))
        .Add("calls in the last minute",
             absl::StrCat(state.recent_calls(), ", ", state.recent_failures(), " failed"))
        .Add("missing credentials", absl::StrJoin(state.missing_credentials(), ", "))
        .Add("models left out", absl::StrJoin(state.models_left_out(), ", "));
  }
  facts.Add("catalog version", absl::StrCat(shown.catalog_version)).Print(call.out);
  call.out << "\n" << shown.yaml;
}

Action DeclareShow(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(Shown shown, Look(call, call.words[0]));
    PrintShown(call, shown);
    return absl::OkStatus();
  };
}

// --- states ---

void PrintStates(const Invocation& call, const ppb::GetProviderStatesResponse& response) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("providers").BeginArray();
    for (const ppb::ProviderState& state : response.providers())
      admin_json::WriteProviderState(writer, state);
    writer.EndArray().Key("catalog_version").Int(response.catalog_version());
    WriteText(writer, "replica", response.replica());
    writer.EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"NAME"},
               {"HEALTH"},
               {"SINCE"},
               {"IN FLIGHT", true},
               {"MAX", true},
               {"WAITING", true},
               {"CALLS", true},
               {"FAILED", true},
               {"MISSING CREDENTIALS"},
               {"MODELS LEFT OUT"}});
  for (const ppb::ProviderState& state : response.providers()) {
    table.Row({state.name(), admin_json::HealthWord(state.health()), TimeText(state.since_us()),
               absl::StrCat(state.in_flight()), absl::StrCat(state.in_flight_max()),
               absl::StrCat(state.waiting()), absl::StrCat(state.recent_calls()),
               absl::StrCat(state.recent_failures()), absl::StrJoin(state.missing_credentials(), ", "),
               absl::StrJoin(state.models_left_out(), ", ")});
  }
  PrintTable(call, table);
}

Action DeclareStates(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(ppb::GetProviderStatesResponse response, call.connections.GetProviderStates({}));
    PrintStates(call, response);
    return absl::OkStatus();
  };
}

// --- changes ---

Action DeclareImages(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    const std::string& wanted = call.words[1];
    if (wanted != "on" && wanted != "off") {
      return UsageError(absl::StrCat("the Images switch is on or off, not \"", wanted, "\""));
    }
    pb::SetProviderImagesRequest request;
    request.set_provider(call.words[0]);
    request.set_enabled(wanted == "on");
    ASSIGN_OR_RETURN(pb::SetProviderImagesResponse response, call.connections.SetProviderImages(request));
    const Provider& provider = response.provider();
    if (call.settings.json()) {
      json::Writer writer;
      writer.BeginObject().Key("provider").BeginObject();
      admin_json::WriteProviderMembers(writer, provider);
      writer.EndObject().Key("catalog_version").Int(response.catalog_version()).EndObject();
      PrintJson(call.out, writer);
      return absl::OkStatus();
    }
    Facts()
        .Add("provider", provider.name())
        .Add("images", OnOff(provider.images_enabled()))
        .Add("flipped", OverrideText(provider))
        .Add("catalog version", absl::StrCat(response.catalog_version()))
        .Print(call.out);
    return absl::OkStatus();
  };
}

absl::StatusOr<int64_t> PresentVersion(Connections& connections) {
  ASSIGN_OR_RETURN(pb::ListProvidersResponse list, connections.ListProviders({}));
  return list.catalog_version();
}

struct PutArguments {
  EditFlags edit;
  std::string name;
};

absl::Status Put(Invocation& call, const PutArguments& arguments) {
  pb::EditCatalogRequest request;
  ASSIGN_OR_RETURN(*request.mutable_put_provider(), ReadEntry(call.words[0]));
  request.set_name(arguments.name);
  request.set_replace(true);
  ASSIGN_OR_RETURN(int64_t version, PresentVersion(call.connections));
  return Edit(call, std::move(request), arguments.edit, version, call.words[0]);
}

Action DeclarePut(config::Flags& flags) {
  auto arguments = std::make_shared<PutArguments>();
  flags.Text("name", &arguments->name,
             "the provider that it replaces, when the file gives it another name; the routes go with it");
  arguments->edit.Declare(flags);
  return [arguments](Invocation& call) { return Put(call, *arguments); };
}

Action DeclareRemove(config::Flags& flags) {
  auto arguments = std::make_shared<EditFlags>();
  arguments->Declare(flags);
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(int64_t version, PresentVersion(call.connections));
    pb::EditCatalogRequest request;
    request.set_delete_provider(call.words[0]);
    return Edit(call, std::move(request), *arguments, version, absl::StrCat("provider ", call.words[0]));
  };
}

}  // namespace

std::vector<Command> ProviderCommands() {
  return {
      {"provider list",
       "",
       "Lists the providers: Images switch, health, format, credentials, proxy, calls at once, seconds for "
       "one.",
       "prismatic provider list",
       DeclareList,
       {.prints_table = true}},
      {"provider show", "NAME", "Shows a provider: its switch, how provider-proxy finds it, its YAML.",
       "prismatic provider show sandbox", DeclareShow},
      {"provider states",
       "",
       "Lists how provider-proxy finds the providers now: health, calls in flight, credentials.",
       "prismatic provider states",
       DeclareStates,
       {.prints_table = true}},
      {"provider images", "NAME on|off", "Flips a provider's Images switch; the next request feels it.",
       "prismatic provider images sandbox off", DeclareImages},
      {"provider put", "FILE", "Adds or replaces a provider: one entry of `providers`, as YAML or JSON.",
       "prismatic provider put openai.yaml --note 'a second credential'", DeclarePut},
      {"provider remove", "NAME", "Removes a provider that no route uses.",
       "prismatic provider remove sandbox-sdapi", DeclareRemove},
  };
}

}  // namespace prismatic::cli
