#include <memory>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/admin_json/billing_json.h"
#include "services/cli/command.h"
#include "services/cli/errors.h"
#include "services/cli/files.h"
#include "services/cli/limits.h"
#include "services/cli/output.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

namespace pb = billing::v1;

// As in billing.proto.
constexpr absl::Duration kExpiryMax = absl::Hours(24 * 3650);

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
    admin_json::WriteKeyMembers(writer, key);
    if (!api_key.empty()) writer.Key("api_key").String(api_key);
    writer.EndObject();
    return PrintJson(call.out, writer);
  }
  Facts facts;
  facts.Add("key ID", key.id()).Add("account", key.account()).Add("revoked", YesNo(key.revoked()));
  AddLimits(facts, key.limits());
  facts.Add("models", ModelsText(key))
      .Add("expires", ExpiryText(key))
      .Add("created", TimeText(key.create_time_us()))
      .Add("imported", YesNo(key.imported()));
  if (!api_key.empty()) facts.Add("API key", api_key);
  facts.Print(call.out);
  if (!api_key.empty()) call.err << "note: the API key is shown this once; keep it now\n";
}

// Of --expires-in; 0 for an empty text. `otherwise`: what else could have been given.
absl::StatusOr<int64_t> SecondsOfLife(const std::string& text, absl::string_view otherwise) {
  if (text.empty()) return 0;
  std::optional<absl::Duration> life = config::ParseDuration(text);
  if (!life || *life < absl::Seconds(1) || *life > kExpiryMax) {
    return UsageError(absl::StrCat("--expires-in: \"", text,
                                   "\" is no time with a unit (s, m, h or d) such as 12h or 30d, from 1s to "
                                   "3650d",
                                   otherwise));
  }
  return absl::ToInt64Seconds(absl::Ceil(*life, absl::Seconds(1)));
}

// What a new key may do, whether it is made or imported.
struct NewKeyFlags {
  std::string account;
  LimitFlags limits;
  std::vector<std::string> models;
  std::string expires_in;

  void Declare(config::Flags& flags) {
    flags.Text("account", &account, "whose key");
    flags.Require("account");
    limits.Declare(flags);
    flags.List("models", &models, "models that the key may use, a,b, by name or public ID; absent: all");
    flags.Text("expires-in", &expires_in,
               "when it ends, from now: a number with s, m, h or d, such as 12h or 30d; absent: never");
  }
};

Action DeclareCreate(config::Flags& flags) {
  auto arguments = std::make_shared<NewKeyFlags>();
  arguments->Declare(flags);
  return [arguments](Invocation& call) -> absl::Status {
    pb::CreateKeyRequest request;
    request.set_account(arguments->account);
    *request.mutable_limits() = arguments->limits.ToProto();
    ASSIGN_OR_RETURN(int64_t seconds, SecondsOfLife(arguments->expires_in, ""));
    request.set_expires_in_seconds(seconds);
    for (const std::string& model : arguments->models) request.add_allowed_models(model);
    ASSIGN_OR_RETURN(pb::CreateKeyResponse response, call.connections.CreateKey(request));
    PrintKey(call, response.key(), response.api_key());
    return absl::OkStatus();
  };
}

struct ImportArguments {
  NewKeyFlags key;
  std::string sha256;
  std::string key_file;
};

// The 32 bytes: as they are given, or of the key that a file holds, which goes nowhere.
absl::StatusOr<std::string> HashOf(const ImportArguments& arguments) {
  if (arguments.sha256.empty() == arguments.key_file.empty()) {
    return UsageError("give either --sha256 or --key-file");
  }
  if (!arguments.key_file.empty()) {
    ASSIGN_OR_RETURN(std::string key, ReadSecret(arguments.key_file));
    return crypto::Sha256(key);
  }
  bool hex = absl::c_all_of(arguments.sha256, [](unsigned char c) { return absl::ascii_isxdigit(c); });
  if (arguments.sha256.size() != 64 || !hex) return UsageError("--sha256 has 64 hexadecimal digits");
  return absl::HexStringToBytes(arguments.sha256);
}

Action DeclareImport(config::Flags& flags) {
  auto arguments = std::make_shared<ImportArguments>();
  arguments->key.Declare(flags);
  flags.Text("sha256", &arguments->sha256, "SHA-256 of the whole API key, 64 hexadecimal digits");
  flags.Text("key-file", &arguments->key_file,
             "file that holds the API key, - is standard input; only its SHA-256 is sent");
  return [arguments](Invocation& call) -> absl::Status {
    pb::ImportKeyRequest request;
    request.set_account(arguments->key.account);
    ASSIGN_OR_RETURN(*request.mutable_api_key_sha256(), HashOf(*arguments));
    *request.mutable_limits() = arguments->key.limits.ToProto();
    ASSIGN_OR_RETURN(int64_t seconds, SecondsOfLife(arguments->key.expires_in, ""));
    request.set_expires_in_seconds(seconds);
    for (const std::string& model : arguments->key.models) request.add_allowed_models(model);
    ASSIGN_OR_RETURN(pb::ImportKeyResponse response, call.connections.ImportKey(request));
    PrintKey(call, response.key(), "");
    if (response.replayed()) call.err << "note: the key had been imported before; it is as it was\n";
    return absl::OkStatus();
  };
}

struct UpdateArguments {
  LimitChangeFlags limits;
  std::string models;
  std::string expires_in;
};

absl::StatusOr<pb::UpdateKeyRequest> UpdateRequest(const std::string& key_id,
                                                   const UpdateArguments& arguments) {
  if (arguments.limits.empty() && arguments.models.empty() && arguments.expires_in.empty()) {
    return UsageError("nothing to change: give at least one flag");
  }
  pb::UpdateKeyRequest request;
  request.set_key_id(key_id);
  if (!arguments.limits.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_limits(), arguments.limits.ToProto());
  }
  if (!arguments.models.empty()) {
    pb::ModelList* list = request.mutable_allowed_models();
    if (arguments.models != "all") {
      for (absl::string_view model : absl::StrSplit(arguments.models, ',', absl::SkipEmpty())) {
        list->add_models(std::string(model));
      }
      // An empty list would allow all.
      if (list->models().empty()) return UsageError("--models names no model");
    }
  }
  if (arguments.expires_in == "never") {
    request.set_expires_in_seconds(0);
  } else if (!arguments.expires_in.empty()) {
    ASSIGN_OR_RETURN(int64_t seconds, SecondsOfLife(arguments.expires_in, ", nor never"));
    request.set_expires_in_seconds(seconds);
  }
  return request;
}

Action DeclareUpdate(config::Flags& flags) {
  auto arguments = std::make_shared<UpdateArguments>();
  arguments->limits.Declare(flags);
  flags.Text("models", &arguments->models,
             "models that the key may use, a,b, by name or public ID, or all; absent: stays");
  flags.Text(
      "expires-in", &arguments->expires_in,
      "when it ends, from now: a number with s, m, h or d, such as 12h or 30d, or never; absent: stays");
  return [arguments](Invocation& call) -> absl::Status {
    ASSIGN_OR_RETURN(pb::UpdateKeyRequest request, UpdateRequest(call.words[0], *arguments));
    ASSIGN_OR_RETURN(pb::UpdateKeyResponse response, call.connections.UpdateKey(request));
    PrintKey(call, response.key(), "");
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
      admin_json::WriteKeyMembers(writer, key);
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
  PrintTable(call, table);
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
      {"key import", "", "Lets an API key of elsewhere in, of which only the SHA-256 is sent.",
       "prismatic key import --account acme --key-file old-key.txt", DeclareImport},
      {"key update", "KEY_ID", "Changes limits, models or expiry; what is not named stays.",
       "prismatic key update acme.1 --max-concurrent 20 --models all --expires-in never", DeclareUpdate},
      {"key revoke", "KEY_ID", "Ends a key at once and for ever.", "prismatic key revoke acme.1",
       DeclareRevoke},
      {"key list",
       "",
       "Lists an account's keys, without their secrets.",
       "prismatic key list --account acme",
       DeclareList,
       {.prints_table = true}},
  };
}

}  // namespace prismatic::cli
