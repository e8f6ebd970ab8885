#ifndef PRISMATIC_SERVICES_COMMON_LIFECYCLE_PROGRAM_H_
#define PRISMATIC_SERVICES_COMMON_LIFECYCLE_PROGRAM_H_

#include <functional>

#include "absl/status/status.h"
#include "services/common/config/flags.h"

namespace prismatic::lifecycle {

// The frame of every main: reads the settings, logs their warnings, runs. Ends the process with 0 when `run`
// ended well, without the destructors of static objects; else returns the exit code: 1 when it failed, 2 when
// a setting was wrong; what was wrong is on standard error.
int RunProgram(config::Flags& flags, int argc, const char* const* argv,
               const std::function<absl::Status()>& run);

}  // namespace prismatic::lifecycle

#endif  // PRISMATIC_SERVICES_COMMON_LIFECYCLE_PROGRAM_H_
