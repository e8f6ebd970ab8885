#include "services/common/lifecycle/program.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "services/common/log/log.h"

namespace prismatic::lifecycle {
namespace {

// All that is ours has ended. What libraries keep for the whole process is left to the kernel: the threads of
// gRPC's callbacks may still be at work on it (1.51 frees a completion queue twice then).
[[noreturn]] void EndProcess() {
#ifdef __SANITIZE_ADDRESS__
  __lsan_do_leak_check();
#endif
  std::fflush(nullptr);
  std::_Exit(0);
}

}  // namespace

int RunProgram(config::Flags& flags, int argc, const char* const* argv,
               const std::function<absl::Status()>& run) {
  absl::Status status = flags.Parse(argc, argv);
  int code = 2;
  if (status.ok()) {
    for (const std::string& warning : flags.warnings()) log::Warning(warning);
    status = run();
    code = 1;
  }
  if (status.ok()) EndProcess();
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return code;
}

}  // namespace prismatic::lifecycle
