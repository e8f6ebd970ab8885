#include "services/sandbox_provider/jobs.h"

#include <utility>

#include "services/common/uuid/uuid.h"

namespace prismatic::sandbox {
namespace {

// More than any test has in flight; with the longest prompts half a gigabyte.
constexpr size_t kJobsMax = 4096;

}  // namespace

std::string JobShelf::Put(Job job) {
  std::string id = NewUuidV7();
  std::lock_guard<std::mutex> lock(mutex_);
  jobs_.emplace(id, std::move(job));
  order_.push_back(id);
  if (order_.size() > kJobsMax) {
    jobs_.erase(order_.front());
    order_.pop_front();
  }
  return id;
}

bool JobShelf::Poll(const std::string& id) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto job = jobs_.find(id);
  if (job == jobs_.end() || job->second.polls_left == 0) return false;
  --job->second.polls_left;
  return true;
}

std::optional<Job> JobShelf::Get(const std::string& id) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto job = jobs_.find(id);
  return job == jobs_.end() ? std::nullopt : std::optional(job->second);
}

}  // namespace prismatic::sandbox
