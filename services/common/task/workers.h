#ifndef PRISMATIC_SERVICES_COMMON_TASK_WORKERS_H_
#define PRISMATIC_SERVICES_COMMON_TASK_WORKERS_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "services/common/task/task.h"

namespace prismatic {

// A small set of threads for CPU work (JSON, base64, image checks). Work must not block.
// The destructor runs what is queued and joins.
class Workers : public Executor {
 public:
  explicit Workers(int threads);
  ~Workers() override;

  void Post(std::function<void()> work) override;

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_TASK_WORKERS_H_
