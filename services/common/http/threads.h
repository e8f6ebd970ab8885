#ifndef PRISMATIC_SERVICES_COMMON_HTTP_THREADS_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_THREADS_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "absl/time/time.h"

namespace prismatic::http {

// Threads that come when there is work and go when there is none. Thread-safe.
class Threads {
 public:
  explicit Threads(int max) : max_(max) {}
  // Waits until all work has ended.
  ~Threads();

  // Runs `work` on a thread of its own. Waits while `max` are at work; after Stop it is false instead.
  bool Run(std::function<void()> work);
  // Nobody waits in Run from now on, and threads end with their work.
  void Stop();

 private:
  void Loop();

  const int max_;
  std::mutex mutex_;
  std::condition_variable work_;             // a piece of work, or the end
  std::condition_variable free_;             // a thread is idle or gone
  std::deque<std::function<void()>> queue_;  // guarded by mutex_; one idle thread for each
  int threads_ = 0;                          // guarded by mutex_
  int idle_ = 0;                             // guarded by mutex_; not promised to a piece of work
  bool stopped_ = false;                     // guarded by mutex_
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_THREADS_H_
