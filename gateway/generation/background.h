#ifndef PRISMATIC_GATEWAY_GENERATION_BACKGROUND_H_
#define PRISMATIC_GATEWAY_GENERATION_BACKGROUND_H_

#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"
#include "services/common/task/task.h"

namespace prismatic::gateway {

// Tasks that no answer waits for, and the end of them all. Outlives its tasks: Drain before it goes.
// Thread-safe.
class Background {
 public:
  void Run(Task<void> task);
  // Drain has begun: what could go on for hours ends.
  bool stopping() const;
  // True when nothing is left within `grace`. Blocks.
  bool Drain(absl::Duration grace);

 private:
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;        // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
};

}  // namespace prismatic::gateway

#endif  // PRISMATIC_GATEWAY_GENERATION_BACKGROUND_H_
