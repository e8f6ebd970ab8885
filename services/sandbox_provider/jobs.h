#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_JOBS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_JOBS_H_

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {

struct Job {
  const WireFormat* format = nullptr;
  ImageCall call;
  Steering steering;
  // How often it is found unfinished before it is done.
  int polls_left = 0;
};

// Jobs that were submitted, the last 4,096. Thread-safe.
class JobShelf {
 public:
  // The job's ID.
  std::string Put(Job job);
  // Whether it is there and not done; if so, it is one poll nearer to it.
  bool Poll(const std::string& id);
  std::optional<Job> Get(const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Job> jobs_;  // guarded by mutex_
  std::deque<std::string> order_;    // guarded by mutex_; oldest first
};

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_JOBS_H_
