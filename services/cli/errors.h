#ifndef PRISMATIC_SERVICES_CLI_ERRORS_H_
#define PRISMATIC_SERVICES_CLI_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace prismatic::cli {

// What scripts decide by; listed in `prismatic --help` and docs/reference/cli.md. Never renumbered.
enum ExitCode : int {
  kDone = 0,
  kRefused = 1,
  kWrongUsage = 2,
  kUnreachable = 3,
  kDifferent = 4,
};

// The command line, a setting or an input file is wrong; nothing was asked of any service.
absl::Status UsageError(absl::string_view message);
// A service gave no answer of its own: not there, or not in time.
absl::Status Unreachable(absl::string_view message);
// A service said no. `reason` is a name of the catalogue of reasons, or the best word there is.
absl::Status Refused(absl::string_view reason, absl::string_view message);
// The work was done and its result could not be kept here (a full disk, a closed pipe).
absl::Status OutputFailed(absl::string_view message);

// Two things that were compared are not the same, which has been printed: no error, and an exit code of its
// own.
absl::Status Different();

ExitCode ExitCodeOf(const absl::Status& status);
// "<REASON>: message", as it follows `error: `.
std::string ErrorText(const absl::Status& status);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_ERRORS_H_
