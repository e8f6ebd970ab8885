#include "services/common/byte_budget/byte_room.h"

#include <algorithm>

namespace prismatic {

std::shared_ptr<ByteRoom> ByteRoom::Make(ByteBudget* budget, int parts, int64_t bytes_most) {
  return std::shared_ptr<ByteRoom>(new ByteRoom(budget, std::max(1, parts), bytes_most));
}

ByteRoom::Entry ByteRoom::Join(int64_t bytes) {
  if (budget_ == nullptr) return Entry();
  Change(bytes);
  return Entry(shared_from_this(), bytes);
}

void ByteRoom::Enter(int64_t bytes, int parts, Entered entered) {
  if (budget_ == nullptr || bytes <= kUncountedMax) return entered(Entry());
  ByteBudget::Share too_small;
  int64_t wait = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    bool fits = used_ + bytes <= share_.bytes();
    // Who holds something does not wait.
    if (!waiting_ && (fits || used_ > 0)) {
      used_ += bytes;
      if (!fits) share_.Set(used_);
      waiting_ = false;
    } else {
      waiters_.push_back({bytes, std::move(entered)});
      if (waiting_) return;
      waiting_ = true;
      wait = ++waits_;
      too_small = std::move(share_);
      entered = nullptr;
    }
  }
  if (entered != nullptr) return entered(Entry(shared_from_this(), bytes));
  too_small = ByteBudget::Share();
  int answers = (parts_ + std::max(1, parts) - 1) / std::max(1, parts);
  WaitForAll(std::max(bytes, std::min(bytes * answers, bytes_most_)), wait);
}

void ByteRoom::WaitForAll(int64_t bytes, int64_t wait) {
  ByteBudget::Place place = budget_->Wait(bytes, [weak = weak_from_this()](ByteBudget::Share share) {
    if (std::shared_ptr<ByteRoom> room = weak.lock()) room->OnGranted(std::move(share));
  });
  // Granted by now, and perhaps waiting anew, it has no use for this place, which goes outside of the lock.
  std::unique_lock<std::mutex> lock(mutex_);
  if (waiting_ && waits_ == wait) std::swap(place_, place);
  lock.unlock();
}

void ByteRoom::OnGranted(ByteBudget::Share share) {
  std::vector<Waiter> entering;
  ByteBudget::Place done;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    share_ = std::move(share);
    done = std::move(place_);
    waiting_ = false;
    entering.swap(waiters_);
    for (const Waiter& waiter : entering) used_ += waiter.bytes;
    if (used_ > share_.bytes()) share_.Set(used_);
  }
  for (Waiter& waiter : entering) waiter.entered(Entry(shared_from_this(), waiter.bytes));
}

// Giving back lets other rooms in while this one is locked; those are waiting ones, and a room that waits
// gives nothing back, so that no two wait for one another's lock.
void ByteRoom::Change(int64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  used_ += bytes;
  if (used_ > share_.bytes() || closed_) share_.Set(used_);
}

void ByteRoom::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  share_.Set(used_);
}

ByteBudget::Share ByteRoom::TakeShare() {
  Close();
  std::lock_guard<std::mutex> lock(mutex_);
  return std::move(share_);
}

}  // namespace prismatic
