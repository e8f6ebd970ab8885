#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/cli/command.h"
#include "services/cli/limits.h"
#include "services/cli/output.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// As in billing.proto.
constexpr absl::Duration kExpiryMax = absl::Hours(24 * 3650);

void WriteKey(json::Writer& writer, const pb::Key& key) {
  writer.Key("id").String(key.id()).Key("account").String(key.account());
  writer.Key("revoked").Bool(key.revoked());
  WriteLimits(writer, key.limits());
  writer.Key("models").BeginArray();
  for (const std::string& model : key.allowed_models()) writer.String(model);
  writer.EndArray();
  writer.Key("concurrent").Int(key.concurrent());
  WriteTime(writer, "create_time", key.create_time_us());
  WriteTime(writer, "expire_time", key.expire_time_us());
}

std::string ModelsText(const pb::Key& key) {
  return key.allowed_models().empty() ? "all" : absl::StrJoin(key.allowed_models(), ",");
}

std::string ExpiryText(const pb::Key& key) {
  return key.expire_time_us() == 0 ? "never" : TimeText(key.expire_time_us());
}

// `api_key` is the secret, empty unless the key is new.
void PrintKey(const Invocation& call, const pb::Key& key, absl::string_view api_key) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject();
    WriteKey(writer, key);
    if (!api_key.empty()) writer.Key("api_key").String(api_key);
    writer.EndObject();
    return PrintJson(call.out, writer);
  }
  Facts facts;
  facts.Add("key ID", key.id()).Add("account", key.account()).Add("revoked", YesNo(key.revoked()));
  AddLimits(facts, key.limits());
  facts.Add("models", ModelsText(key))
      .Add("expires", ExpiryText(key))
      .Add("created", TimeText(key.create_time_us()));
  if (!api_key.empty()) facts.Add("API key", api_key);
  facts.Print(call.out);
  if (!api_key.empty()) call.err << "note: the API key is shown this once; keep it now\n";
}

Action DeclareCreate(config::Flags& flags) {
  struct Arguments {
    std::string account;
    LimitFlags limits;
    std::vector<std::string> models;
    absl::Duration expires_in;
  };
  auto arguments = std::make_shared<Arguments>();
  flags.Text("account", &arguments->account, "whose key");
  flags.Require("account");
  arguments->limits.Declare(flags);
  flags.List("models", &arguments->models, "canonical models that the key may use, a,b; absent: all");
  flags.Duration("expires-in", &arguments->expires_in, absl::Seconds(1), kExpiryMax,
                 "when it ends, such as 12h or 30d; absent: never");
  return [arguments](Invocation& call) -> absl::Status {
    pb::CreateKeyRequest request;
    request.set_account(arguments->account);
    *request.mutable_limits() = arguments->limits.ToProto();
    request.set_expires_in_seconds(absl::ToInt64Seconds(absl::Ceil(arguments->expires_in, absl::Seconds(1))));
    for (const std::string& model : arguments->models) request.add_allowed_models(model);
    ASSIGN_OR_RETURN(pb::CreateKeyResponse response, call.connections.CreateKey(request));
    PrintKey(call, response.key(), response.api_key());
    return absl::OkStatus();
  };
}

Action DeclareRevoke(config::Flags&) {
  return [](Invocation& call) -> absl::Status {
    pb::RevokeKeyRequest request;
    request.set_key_id(call.words[0]);
    ASSIGN_OR_RETURN(pb::RevokeKeyResponse response, call.connections.RevokeKey(request));
    PrintKey(call, response.key(), "");
    return absl::OkStatus();
  };
}

void PrintKeys(const Invocation& call, const pb::ListKeysResponse& response) {
  if (call.settings.json()) {
    json::Writer writer;
    writer.BeginObject().Key("keys").BeginArray();
    for (const pb::Key& key : response.keys()) {
      writer.BeginObject();
      WriteKey(writer, key);
      writer.EndObject();
    }
    writer.EndArray().EndObject();
    return PrintJson(call.out, writer);
  }
  Table table({{"KEY ID"},
               {"REVOKED"},
               {"REQUESTS/MIN", true},
               {"IMAGES/MIN", true},
               {"CONCURRENT MAX", true},
               {"IN FLIGHT", true},
               {"MODELS"},
               {"EXPIRES"},
               {"CREATED"}});
  for (const pb::Key& key : response.keys()) {
    const pb::Limits& limits = key.limits();
    table.Row({key.id(), YesNo(key.revoked()),
               LimitText(limits.has_requests_per_minute(), limits.requests_per_minute()),
               LimitText(limits.has_images_per_minute(), limits.images_per_minute()),
               LimitText(limits.has_max_concurrent(), limits.max_concurrent()),
               absl::StrCat(key.concurrent()), ModelsText(key), ExpiryText(key),
               TimeText(key.create_time_us())});
  }
  table.Print(call.out);
}

Action DeclareList(config::Flags& flags) {
  auto account = std::make_shared<std::string>();
  flags.Text("account", account.get(), "whose keys");
  flags.Require("account");
  return [account](Invocation& call) -> absl::Status {
    pb::ListKeysRequest request;
    request.set_account(*account);
    ASSIGN_OR_RETURN(pb::ListKeysResponse response, call.connections.ListKeys(request));
    PrintKeys(call, response);
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Command> KeyCommands() {
  return {
      {"key create", "", "Makes an API key and shows its secret, this once.",
       "prismatic key create --account acme --images-per-minute 60 --models imagen-4 --expires-in 30d",
       DeclareCreate},
      {"key revoke", "KEY_ID", "Ends a key at once and for ever.", "prismatic key revoke acme.1",
       DeclareRevoke},
      {"key list", "", "Lists an account's keys, without their secrets.", "prismatic key list --account acme",
       DeclareList},
  };
}

}  // namespace prismatic::cli
