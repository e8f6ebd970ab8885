#include "gateway/generation/background.h"

#include <utility>

namespace prismatic::gateway {

void Background::Run(Task<void> task) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++running_;
  }
  Start(std::move(task), [this] {
    std::lock_guard<std::mutex> lock(mutex_);
    if (--running_ == 0) idle_.notify_all();
  });
}

bool Background::stopping() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

bool Background::Drain(absl::Duration grace) {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  return idle_.wait_for(lock, absl::ToChronoNanoseconds(grace), [this] { return running_ == 0; });
}

}  // namespace prismatic::gateway
