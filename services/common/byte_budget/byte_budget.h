#ifndef PRISMATIC_SERVICES_COMMON_BYTE_BUDGET_BYTE_BUDGET_H_
#define PRISMATIC_SERVICES_COMMON_BYTE_BUDGET_BYTE_BUDGET_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic {

// Bytes of bodies that a process holds in memory at a time, counted as they exist. What can be refused is
// refused when it does not fit (TrySet); what cannot, and can be left unread, waits in order (Wait, Take).
// Thread-safe. Outlives its shares and places.
class ByteBudget {
 public:
  explicit ByteBudget(int64_t max) : max_(max) {}
  ByteBudget(const ByteBudget&) = delete;

  int64_t used() const;
  int64_t max() const { return max_; }
  // How many wait for a share.
  int64_t waiting() const;
  // Three quarters are taken: what has not begun should not begin, so that what has can be finished.
  bool crowded() const { return used() >= max_ / 4 * 3; }

  // What one body holds; gives it back when it goes, and then what waits gets its turn on this thread. One
  // thread at a time.
  class Share {
   public:
    Share() = default;
    explicit Share(ByteBudget* budget) : budget_(budget) {}
    Share(Share&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)),
          waited_(std::exchange(other.waited_, false)) {}
    Share& operator=(Share&& other) noexcept;
    ~Share() { GiveBack(); }

    // The share is `bytes` now. Never fails: for what exists already.
    void Set(int64_t bytes);
    // The same for what can still be refused; false, and nothing changed, when it does not fit.
    bool TrySet(int64_t bytes);

    int64_t bytes() const { return bytes_; }
    // Whether it came from Wait or Take, and has not been moved away.
    bool granted() const { return waited_; }

   private:
    friend class ByteBudget;
    void GiveBack();

    ByteBudget* budget_ = nullptr;
    int64_t bytes_ = 0;
    bool waited_ = false;
  };

  // A place in the queue. Whoever lets go of it leaves the queue; it does not wait for a grant that is on
  // its way already.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), number_(std::exchange(other.number_, 0)) {}
    Place& operator=(Place&& other) noexcept;
    ~Place() { Leave(); }

   private:
    friend class ByteBudget;
    Place(ByteBudget* budget, int64_t number) : budget_(budget), number_(number) {}
    void Leave();

    ByteBudget* budget_ = nullptr;
    int64_t number_ = 0;
  };

  using Granted = std::function<void(Share)>;
  // A share of `bytes` as soon as it fits and all who came earlier have theirs. While no waited-for share
  // is held the first one gets its own although it does not fit: one at a time always passes. `granted` is
  // called once, inside Wait or later on the thread that makes room, outside of any lock.
  [[nodiscard]] Place Wait(int64_t bytes, Granted granted);

  // The same to be awaited. Cancelled: a share that is not granted(). Resumes on the thread that makes
  // room, or that cancels.
  Task<Share> Take(int64_t bytes, Cancellation cancellation);

 private:
  struct Waiter {
    int64_t number;
    int64_t bytes;
    Granted granted;
  };
  // Adds to what is used, and ends a waited-for share when told to; then what fits now gets its turn.
  void Change(int64_t bytes, bool ends_waited);
  bool TryAdd(int64_t bytes);
  void Leave(int64_t number);
  // Takes from the queue what is granted now. With mutex_ held.
  std::vector<Waiter> Admit();
  void Grant(std::vector<Waiter> admitted);

  const int64_t max_;
  mutable std::mutex mutex_;
  int64_t used_ = 0;         // guarded by mutex_, as all below
  int64_t waited_held_ = 0;  // waited-for shares that somebody holds
  int64_t next_number_ = 1;
  std::deque<Waiter> queue_;
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_BYTE_BUDGET_BYTE_BUDGET_H_
