#ifndef PRISMATIC_SERVICES_COMMON_LIFECYCLE_LIFECYCLE_H_
#define PRISMATIC_SERVICES_COMMON_LIFECYCLE_LIFECYCLE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace prismatic::lifecycle {

// The life of a process: main builds its parts, then waits here for SIGTERM or SIGINT, then the steps
// of the drain run in the order in which they were added: first what tells the world (readiness), then
// what stops taking work, then what finishes it.
//
//   lifecycle::Process process;            // first in main: blocks the signals in all threads
//   ...
//   process.OnDrain("stop accepting", [&] { server.Drain(grace); });
//   process.RunUntilSignal();
class Process {
 public:
  // Blocks SIGTERM and SIGINT and ignores SIGPIPE, for all threads started later. Raises the limit of open
  // files to what the system allows. Sets malloc's mmap and trim thresholds together, so that image-sized
  // blocks are reused instead of mapped anew.
  Process();

  void OnDrain(std::string name, std::function<void()> step);

  // Returns after the drain. A second signal during the drain ends the process at once, with 1.
  void RunUntilSignal();

 private:
  struct Step {
    std::string name;
    std::function<void()> run;
  };
  std::vector<Step> steps_;
};

}  // namespace prismatic::lifecycle

#endif  // PRISMATIC_SERVICES_COMMON_LIFECYCLE_LIFECYCLE_H_
