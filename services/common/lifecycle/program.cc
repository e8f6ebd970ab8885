#include "services/common/lifecycle/program.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "absl/strings/str_cat.h"
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

absl::Status UseLogLevel(const std::string& name) {
  std::optional<log::Level> level = log::ParseLevel(name);
  if (!level) {
    return absl::InvalidArgumentError(
        absl::StrCat("--log-level: \"", name, "\" is not one of debug, info, warning, error"));
  }
  log::SetLevel(*level);
  return absl::OkStatus();
}

}  // namespace

int RunProgram(config::Flags& flags, int argc, const char* const* argv,
               const std::function<absl::Status()>& run) {
  std::string level = "info";
  flags.Text("log-level", &level, "the least log lines that are written: debug, info, warning or error");
  absl::Status status = flags.Parse(argc, argv);
  if (status.ok()) status = UseLogLevel(level);
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
