#ifndef PRISMATIC_SERVICES_CLI_PROGRESS_H_
#define PRISMATIC_SERVICES_CLI_PROGRESS_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "services/cli/command.h"

namespace prismatic::cli {

// Tells people that long work goes on: one line on standard error with the seconds that it has taken, drawn
// anew each second and wiped away at the end. Does nothing where standard error is no terminal. While it
// lives nobody else writes there.
class Progress {
 public:
  Progress(const Invocation& call, std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What stands behind the seconds from the next drawing on: "12000 entries".
  void Update(std::string detail);

 private:
  void Draw();
  void Run();

  std::ostream& err_;
  const bool shown_;
  const std::string what_;
  const absl::Time start_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Both guarded by mutex_.
  std::string detail_;
  bool done_ = false;
  std::thread drawer_;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_PROGRESS_H_
