#ifndef PRISMATIC_SERVICES_COMMON_LIFECYCLE_LIFECYCLE_H_
#define PRISMATIC_SERVICES_COMMON_LIFECYCLE_LIFECYCLE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/common/config/flags.h"

namespace prismatic::lifecycle {

// How a process ends.
struct DrainOptions {
  // Between the fall of readiness and the refusal of new work, so that those who send work have heard of it.
  // Some seconds where others are there to take it over, as on Kubernetes.
  absl::Duration delay = absl::ZeroDuration();

  void AddTo(config::Flags& flags);
};

// The life of a process: main builds its parts, then waits here for SIGTERM or SIGINT. Then everything says
// that it is not ready any more and is served all the same for a while, and then the steps of the drain run
// in the order in which they were added: first what stops taking work, then what finishes it.
//
//   lifecycle::Process process;            // first in main: blocks the signals in all threads
//   ...
//   process.OnLeave([&] { server.StopBeingReady(); });
//   process.OnDrain("stop accepting", [&] { server.Drain(grace); });
//   process.RunUntilSignal(options.drain);
class Process {
 public:
  // Blocks SIGTERM and SIGINT and ignores SIGPIPE, for all threads started later. Raises the limit of open
  // files to what the system allows. Sets malloc's mmap and trim thresholds together, so that image-sized
  // blocks are reused instead of mapped anew.
  Process();

  // What says that the process is not ready any more. Must not block.
  void OnLeave(std::function<void()> step);
  void OnDrain(std::string name, std::function<void()> step);

  // Returns after the drain. A second signal ends the process at once, with 1, also during the delay.
  void RunUntilSignal(const DrainOptions& options);

 private:
  struct Step {
    std::string name;
    std::function<void()> run;
  };
  std::vector<std::function<void()>> leaving_;
  std::vector<Step> steps_;
};

}  // namespace prismatic::lifecycle

#endif  // PRISMATIC_SERVICES_COMMON_LIFECYCLE_LIFECYCLE_H_
