#include "services/common/byte_budget/byte_budget.h"

#include <algorithm>
#include <memory>
#include <optional>

namespace prismatic {

int64_t ByteBudget::used() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return used_;
}

int64_t ByteBudget::waiting() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int64_t>(queue_.size());
}

void ByteBudget::Change(int64_t bytes, bool ends_waited) {
  std::vector<Waiter> admitted;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    used_ += bytes;
    if (ends_waited) --waited_held_;
    if (bytes < 0 || ends_waited) admitted = Admit();
  }
  Grant(std::move(admitted));
}

bool ByteBudget::TryAdd(int64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (used_ + bytes > max_) return false;
  used_ += bytes;
  return true;
}

std::vector<ByteBudget::Waiter> ByteBudget::Admit() {
  std::vector<Waiter> admitted;
  while (!queue_.empty()) {
    int64_t bytes = queue_.front().bytes;
    if (used_ + bytes > max_ && waited_held_ > 0) break;
    used_ += bytes;
    ++waited_held_;
    admitted.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return admitted;
}

void ByteBudget::Grant(std::vector<Waiter> admitted) {
  for (Waiter& waiter : admitted) {
    Share share(this);
    share.bytes_ = waiter.bytes;
    share.waited_ = true;
    waiter.granted(std::move(share));
  }
}

ByteBudget::Place ByteBudget::Wait(int64_t bytes, Granted granted) {
  std::vector<Waiter> admitted;
  int64_t number;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    number = next_number_++;
    queue_.push_back({number, std::max<int64_t>(0, bytes), std::move(granted)});
    admitted = Admit();
  }
  // Once granted the number is no longer known, and the place is worth nothing.
  Grant(std::move(admitted));
  return Place(this, number);
}

void ByteBudget::Leave(int64_t number) {
  std::vector<Waiter> admitted;
  std::optional<Waiter> left;  // what its callback holds goes outside of the lock
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found =
        std::lower_bound(queue_.begin(), queue_.end(), number,
                         [](const Waiter& waiter, int64_t wanted) { return waiter.number < wanted; });
    if (found == queue_.end() || found->number != number) return;
    left = std::move(*found);
    queue_.erase(found);
    // It may have stood in front of somebody smaller.
    admitted = Admit();
  }
  Grant(std::move(admitted));
}

ByteBudget::Place& ByteBudget::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  budget_ = std::exchange(other.budget_, nullptr);
  number_ = std::exchange(other.number_, 0);
  return *this;
}

void ByteBudget::Place::Leave() {
  if (budget_ != nullptr) std::exchange(budget_, nullptr)->Leave(number_);
}

ByteBudget::Share& ByteBudget::Share::operator=(Share&& other) noexcept {
  if (this == &other) return *this;
  GiveBack();
  budget_ = std::exchange(other.budget_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  waited_ = std::exchange(other.waited_, false);
  return *this;
}

void ByteBudget::Share::Set(int64_t bytes) {
  int64_t more = bytes - std::exchange(bytes_, bytes);
  if (budget_ != nullptr && more != 0) budget_->Change(more, false);
}

bool ByteBudget::Share::TrySet(int64_t bytes) {
  if (budget_ != nullptr && bytes > bytes_) {
    if (!budget_->TryAdd(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  Set(bytes);
  return true;
}

void ByteBudget::Share::GiveBack() {
  ByteBudget* budget = std::exchange(budget_, nullptr);
  int64_t bytes = std::exchange(bytes_, 0);
  bool waited = std::exchange(waited_, false);
  if (budget != nullptr && (bytes != 0 || waited)) budget->Change(-bytes, waited);
}

namespace {

// A share that somebody awaits, until it is granted or taken back, whichever comes first.
class Taking {
 public:
  explicit Taking(ByteBudget::Granted done) : done_(std::move(done)) {}

  // Keeps what takes it back, unless it has ended meanwhile.
  void Keep(ByteBudget::Place place, Cancellation::Registration on_cancel) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (done_ == nullptr) return;
    place_ = std::move(place);
    on_cancel_ = std::move(on_cancel);
  }

  void End(ByteBudget::Share share) {
    ByteBudget::Granted done;
    ByteBudget::Place place;
    Cancellation::Registration on_cancel;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      done = std::exchange(done_, nullptr);
      place = std::move(place_);
      on_cancel = std::move(on_cancel_);
    }
    place = ByteBudget::Place();
    if (done) done(std::move(share));
  }

 private:
  std::mutex mutex_;
  ByteBudget::Granted done_;  // guarded by mutex_, as all below
  ByteBudget::Place place_;
  Cancellation::Registration on_cancel_;
};

}  // namespace

Task<ByteBudget::Share> ByteBudget::Take(int64_t bytes, Cancellation cancellation) {
  Callback<Share> ended([this, bytes, cancellation](Callback<Share>::Done done) mutable {
    auto taking = std::make_shared<Taking>(std::move(done));
    Place place = Wait(bytes, [taking](Share share) { taking->End(std::move(share)); });
    Cancellation::Registration on_cancel = cancellation.OnCancel([taking] { taking->End(Share()); });
    taking->Keep(std::move(place), std::move(on_cancel));
  });
  Share share = co_await ended;
  co_return share;
}

}  // namespace prismatic
