#include "services/cli/settings.h"

#include <pwd.h>
#include <unistd.h>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "services/cli/errors.h"
#include "services/cli/files.h"
#include "services/common/status/status_macros.h"

namespace prismatic::cli {
namespace {

// Longer than the longest work; a typing error of "h" for "s" shows.
constexpr absl::Duration kTimeoutMax = absl::Hours(1);

constexpr absl::string_view kSettings[] = {
    "billing-admin-addr",
    "billing-addr",
    "registry-admin-addr",
    "registry-addr",
    "provider-addr",
    "admin-token",
    "admin-token-file",
    "actor",
    "base-url",
    "api-key",
    "output",
    "timeout",
};

constexpr absl::string_view kOutputs[] = {"table", "text", "json", "csv"};

// What may stand in a header's value.
bool IsToken(absl::string_view text) {
  return absl::c_all_of(text, [](unsigned char c) { return absl::ascii_isgraph(c); });
}

// As billing.proto has it.
constexpr size_t kActorBytesMax = 128;

bool IsActor(absl::string_view text) {
  return !text.empty() && text.size() <= kActorBytesMax &&
         absl::c_all_of(text, [](unsigned char c) { return absl::ascii_isprint(c); });
}

// The login name; `cli` where there is none (a container's bare user number).
std::string SystemUser() {
  passwd entry;
  passwd* found = nullptr;
  char buffer[4096];
  if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) return "cli";
  return IsActor(found->pw_name) ? found->pw_name : "cli";
}

}  // namespace

void DeclareSettings(config::Flags& flags, Settings* settings) {
  flags.Text("billing-admin-addr", &settings->billing_admin_addr, "billing's admin port, host:port");
  flags.Text("billing-addr", &settings->billing_addr, "billing's port for callers, host:port");
  flags.Text("registry-admin-addr", &settings->registry_admin_addr, "model-registry's admin port, host:port");
  flags.Text("registry-addr", &settings->registry_addr, "model-registry's port for callers, host:port");
  flags.Text("provider-addr", &settings->provider_addr, "provider-proxy's port, host:port");
  flags.Text("admin-token", &settings->admin_token,
             "token of the admin ports, or of a session; better in the environment or a file, where `ps` "
             "does not show it");
  flags.Text("admin-token-file", &settings->admin_token_file,
             "file that holds the token; counts before --admin-token");
  flags.Text("actor", &settings->actor,
             "who acts, for the audit log; absent: the login name of the system's user");
  flags.Text("base-url", &settings->base_url, "the public API, http://host:port/v1");
  flags.Text("api-key", &settings->api_key,
             "API key of the one who pays, pk_...; better in the environment, where `ps` does not show it");
  flags.Text("output", &settings->output,
             "table (or text), for people, json, for programs, or csv, of lists");
  flags.Duration("timeout", &settings->timeout, absl::Milliseconds(1), kTimeoutMax,
                 "how long to wait for each answer");
}

absl::Status CheckSettings(Settings* settings) {
  if (!absl::c_linear_search(kOutputs, settings->output)) {
    return UsageError(
        absl::StrCat("--output is \"", settings->output, "\"; it can be table or json, or csv"));
  }
  if (!settings->admin_token_file.empty()) {
    ASSIGN_OR_RETURN(settings->admin_token, ReadSecret(settings->admin_token_file));
  }
  if (!IsToken(settings->admin_token)) {
    return UsageError("the admin token holds blanks or characters that are not printable ASCII");
  }
  if (!IsToken(settings->api_key)) {
    return UsageError("the API key holds blanks or characters that are not printable ASCII");
  }
  if (settings->actor.empty()) settings->actor = SystemUser();
  if (!IsActor(settings->actor)) return UsageError("--actor has 1 to 128 characters of printable ASCII");
  return absl::OkStatus();
}

bool IsSetting(absl::string_view flag) { return absl::c_linear_search(kSettings, flag); }

std::vector<std::string> SettingsOf(const std::vector<std::string>& environment) {
  std::vector<std::string> settings;
  for (const std::string& variable : environment) {
    absl::string_view name = variable;
    name = name.substr(0, name.find('='));
    if (!absl::ConsumePrefix(&name, "PRISMATIC_")) continue;
    std::string flag = absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
    if (IsSetting(flag)) settings.push_back(variable);
  }
  return settings;
}

}  // namespace prismatic::cli
