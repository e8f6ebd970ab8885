#include "services/common/http/threads.h"

#include <chrono>
#include <thread>
#include <utility>

namespace prismatic::http {
namespace {

// Long enough for the next burst of a load test, short enough to give stacks back.
constexpr std::chrono::seconds kIdleTime(10);

}  // namespace

Threads::~Threads() {
  Stop();
  std::unique_lock<std::mutex> lock(mutex_);
  free_.wait(lock, [this] { return threads_ == 0; });
}

bool Threads::Run(std::function<void()> work) {
  std::unique_lock<std::mutex> lock(mutex_);
  free_.wait(lock, [this] { return stopped_ || idle_ > 0 || threads_ < max_; });
  if (idle_ == 0 && threads_ >= max_) return false;
  if (idle_ > 0) {
    --idle_;
    queue_.push_back(std::move(work));
    work_.notify_one();
    return true;
  }
  ++threads_;
  std::thread([this, work = std::move(work)]() mutable {
    work();
    work = nullptr;
    Loop();
  }).detach();
  return true;
}

void Threads::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    ++idle_;
    free_.notify_all();
    work_.wait_for(lock, kIdleTime, [this] { return stopped_ || !queue_.empty(); });
    if (queue_.empty()) break;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
  --idle_;
  --threads_;
  // Under the lock: the destructor may follow at once.
  free_.notify_all();
}

void Threads::Stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  work_.notify_all();
  free_.notify_all();
}

}  // namespace prismatic::http
