#include "services/common/lifecycle/program.h"

#include <cstdio>
#include <string>

#include "services/common/log/log.h"

namespace prismatic::lifecycle {

int RunProgram(config::Flags& flags, int argc, const char* const* argv,
               const std::function<absl::Status()>& run) {
  absl::Status status = flags.Parse(argc, argv);
  int code = 2;
  if (status.ok()) {
    for (const std::string& warning : flags.warnings()) log::Warning(warning);
    status = run();
    code = 1;
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return code;
}

}  // namespace prismatic::lifecycle
