#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/files.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = model_registry::v1;
using catalog::v1::Provider;

// As in model_registry.proto.
constexpr int64_t kCatalogBytesMax = int64_t{8} << 20;
// As in catalog.proto: what a provider has of which an older catalog says nothing.
constexpr int kTimeoutSecondsDefault = 295;

std::string FormatWord(catalog::v1::WireFormat format) {
  return EnumWord(catalog::v1::WireFormat_Name(format), "WIRE_FORMAT_", format);
}

std::string MappingWord(catalog::v1::JobMapping mapping) {
  return EnumWord(catalog::v1::JobMapping_Name(mapping), "JOB_MAPPING_", mapping);
}

// `gemini`, `async_job (fal)`.
std::string FormatText(const Provider& provider) {
  std::string format = FormatWord(provider.wire_format());
  if (provider.job_mapping() == catalog::v1::JOB_MAPPING_UNSPECIFIED) return format;
  return absl::StrCat(format, " (", MappingWord(provider.job_mapping()), ")");
}

int TimeoutSeconds(const Provider& provider) {
  return provider.timeout_seconds() > 0 ? provider.timeout_seconds() : kTimeoutSecondsDefault;
}

void WriteProvider(json::Writer& writer, const Provider& provider) {
  writer.BeginObject();
  writer.Key("name").String(provider.name()).Key("wire_format").String(FormatWord(provider.wire_format()));
  writer.Key("base_url").String(provider.base_url());
  writer.Key("credentials").BeginArray();
  for (const std::string& credential : provider.credentials()) writer.String(credential);
  writer.EndArray();
  writer.Key("images_enabled").Bool(provider.images_enabled()).Key("images_override");
  if (provider.has_images_override()) {
    const catalog::v1::ImagesOverride& flipped = provider.images_override();
    writer.BeginObject().Key("enabled").Bool(flipped.enabled()).Key("actor").String(flipped.actor());
    WriteTime(writer, "time", flipped.time_unix_ms() * 1000);
    writer.EndObject();
  } else {
    writer.Null();
  }
  writer.Key("max_concurrent").Int(provider.max_concurrent());
  writer.Key("timeout_seconds").Int(TimeoutSeconds(provider));
  WriteText(writer, "egress_proxy", provider.egress_proxy());
  bool jobs = provider.job_mapping() != catalog::v1::JOB_MAPPING_UNSPECIFIED;
  WriteText(writer, "job_mapping", jobs ? MappingWord(provider.job_mapping()) : "");
  writer.EndObject();
}

std::string OverrideText(const Provider& provider) {
  if (!provider.has_images_override()) return "";
  const catalog::v1::ImagesOverride& flipped = provider.images_override();
  return absl::StrCat("by ", flipped.actor(), " at ", TimeText(flipped.time_unix_ms() * 1000));
}

Action DeclareProviderList(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::ListProvidersResponse response, call.connections.ListProviders({}));
    if (call.settings.json()) {
      json::Writer writer;
      writer.BeginObject().Key("providers").BeginArray();
      for (const Provider& provider : response.providers()) WriteProvider(writer, provider);
      writer.EndArray().Key("catalog_version").Int(response.catalog_version()).EndObject();
      PrintJson(call.out, writer);
      return absl::OkStatus();
    }
    Table table({{"NAME"},
                 {"IMAGES"},
                 {"FLIPPED"},
                 {"WIRE FORMAT"},
                 {"BASE URL"},
                 {"CREDENTIALS"},
                 {"EGRESS PROXY"},
                 {"MAX", true},
                 {"SECONDS", true}});
    for (const Provider& provider : response.providers()) {
      table.Row({provider.name(), provider.images_enabled() ? "on" : "off", OverrideText(provider),
                 FormatText(provider), provider.base_url(), absl::StrJoin(provider.credentials(), ", "),
                 provider.egress_proxy(), absl::StrCat(provider.max_concurrent()),
                 absl::StrCat(TimeoutSeconds(provider))});
    }
    PrintTable(call, table);
    return absl::OkStatus();
  };
}

Action DeclareProviderImages(config::Flags&) {
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
      writer.BeginObject().Key("provider");
      WriteProvider(writer, provider);
      writer.Key("catalog_version").Int(response.catalog_version()).EndObject();
      PrintJson(call.out, writer);
      return absl::OkStatus();
    }
    Facts()
        .Add("provider", provider.name())
        .Add("images", provider.images_enabled() ? "on" : "off")
        .Add("flipped", OverrideText(provider))
        .Add("catalog version", absl::StrCat(response.catalog_version()))
        .Print(call.out);
    return absl::OkStatus();
  };
}

using PublicModel = pb::ListModelsResponse::PublicModel;

void WriteModel(json::Writer& writer, const PublicModel& model) {
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

Action DeclareModelList(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::ListModelsResponse response, call.connections.ListModels({}));
    if (call.settings.json()) {
      json::Writer writer;
      writer.BeginObject().Key("models").BeginArray();
      for (const PublicModel& model : response.models()) WriteModel(writer, model);
      writer.EndArray().Key("catalog_version").Int(response.catalog_version()).EndObject();
      PrintJson(call.out, writer);
      return absl::OkStatus();
    }
    Table table({{"PUBLIC ID"}, {"MODEL"}, {"OWNED BY"}, {"AVAILABLE"}, {"USD PER IMAGE", true}});
    for (const PublicModel& model : response.models()) {
      table.Row({model.public_id(), model.model(), model.owned_by(), YesNo(model.available()),
                 model.has_retail_generation_nano_usd() ? UsdText(model.retail_generation_nano_usd()) : ""});
    }
    PrintTable(call, table);
    return absl::OkStatus();
  };
}

struct ApplyArguments {
  bool validate = false;
  bool drop_overrides = false;
};

absl::Status Apply(Invocation& call, const ApplyArguments& arguments) {
  pb::ApplyCatalogRequest request;
  ASSIGN_OR_RETURN(*request.mutable_yaml(), ReadFile(call.words[0], kCatalogBytesMax));
  request.set_validate_only(arguments.validate);
  request.set_drop_overrides(arguments.drop_overrides);
  ASSIGN_OR_RETURN(pb::ApplyCatalogResponse response, call.connections.ApplyCatalog(request));
  if (!response.errors().empty()) {
    std::vector<std::string> lines;
    for (const std::string& error : response.errors())
      lines.push_back(absl::StrCat("  ", call.words[0], ":", error));
    return Refused("CATALOG_INVALID",
                   absl::StrCat("nothing was changed, because\n", absl::StrJoin(lines, "\n")));
  }
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("valid").Bool(true).Key("applied").Bool(!arguments.validate);
    writer.Key("changed").Bool(response.changed());
    writer.Key("catalog_version").Int(response.catalog_version()).EndObject();
    PrintJson(call.out, writer);
  } else if (arguments.validate) {
    call.out << call.words[0] << " is valid; nothing was changed\n";
  } else {
    Facts()
        .Add("catalog version", absl::StrCat(response.catalog_version()))
        .Add("changed", response.changed() ? "yes" : "no, it was in force already")
        .Print(call.out);
  }
  return absl::OkStatus();
}

Action DeclareApply(config::Flags& flags) {
  auto arguments = std::make_shared<ApplyArguments>();
  flags.Switch("validate", &arguments->validate, "check only");
  flags.Switch("drop-overrides", &arguments->drop_overrides,
               "forget switches flipped at run time, so that the file alone counts");
  return [arguments](Invocation& call) { return Apply(call, *arguments); };
}

Action DeclareValidate(config::Flags&) {
  return [](Invocation& call) { return Apply(call, {.validate = true}); };
}

}  // namespace

std::vector<Command> CatalogCommands() {
  return {
      {"provider list",
       "",
       "Lists the providers: Images switch, format, credentials, proxy, calls at once, seconds for one.",
       "prismatic provider list",
       DeclareProviderList,
       {.prints_table = true}},
      {"provider images", "NAME on|off", "Flips a provider's Images switch; the next request feels it.",
       "prismatic provider images sandbox off", DeclareProviderImages},
      {"model list",
       "",
       "Lists the public model IDs with their prices.",
       "prismatic model list",
       DeclareModelList,
       {.prints_table = true}},
      {"catalog apply", "FILE", "Replaces the catalog by a YAML file, whole or not at all.",
       "prismatic catalog apply catalog.yaml --validate", DeclareApply},
      {"catalog validate", "FILE", "Checks a YAML catalog and changes nothing.",
       "prismatic catalog validate catalog.yaml", DeclareValidate},
  };
}

}  // namespace prismatic::cli
