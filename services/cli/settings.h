#ifndef PRISMATIC_SERVICES_CLI_SETTINGS_H_
#define PRISMATIC_SERVICES_CLI_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/config/flags.h"

namespace prismatic::cli {

// Administration answers in milliseconds; ten seconds is a service that hangs.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(10);
// The gateway ends every generation by then (300 s to generate, 30 s to settle).
inline constexpr absl::Duration kGenerateTimeout = absl::Seconds(330);

// Where the services are and how to speak to them: flags of every command, and variables of the
// environment, as in the `env` file that scripts/run writes.
struct Settings {
  std::string billing_admin_addr;
  std::string billing_addr;
  std::string registry_admin_addr;
  std::string registry_addr;
  std::string provider_addr;
  // The token itself, or a session's; CheckSettings fills it from admin_token_file when that is given.
  std::string admin_token;
  std::string admin_token_file;
  // Who acts, for the audit logs; CheckSettings fills in the login name of the system's user. With the token
  // of a session the session's operator counts.
  std::string actor;
  // The public API, with its /v1.
  std::string base_url;
  std::string api_key;
  // "table" (or "text", which is the same), "json", or "csv" for commands that print tables.
  std::string output = "table";
  absl::Duration timeout = kCallTimeout;

  bool json() const { return output == "json"; }
  bool csv() const { return output == "csv"; }
};

void DeclareSettings(config::Flags& flags, Settings* settings);
// What Flags cannot check by itself; reads the token's file. A usage error.
absl::Status CheckSettings(Settings* settings);

// True for the flags of DeclareSettings, "billing-addr".
bool IsSetting(absl::string_view flag);
// Those variables (NAME=value) that are settings; others that scripts/run or Kubernetes set for the
// whole suite are not worth a warning here.
std::vector<std::string> SettingsOf(const std::vector<std::string>& environment);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_SETTINGS_H_
