#ifndef PRISMATIC_SERVICES_COMMON_BYTE_BUDGET_BYTE_ROOM_H_
#define PRISMATIC_SERVICES_COMMON_BYTE_BUDGET_BYTE_ROOM_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "services/common/byte_budget/byte_budget.h"

namespace prismatic {

// Room in a budget for bodies that belong together and are all kept until the last has come: the images of
// one request. The first body waits for room for all of them, as large as itself; the others find it made.
// So nobody who holds something ever waits for more, which could stop everybody: where a guess was too small
// the room grows without asking. Thread-safe.
class ByteRoom : public std::enable_shared_from_this<ByteRoom> {
 public:
  // What is smaller is not worth a place in a queue: error bodies, lists of URLs.
  static constexpr int64_t kUncountedMax = 64 << 10;

  // For `parts` bodies, which are `bytes_most` at most together. Null: nothing is counted and nobody waits.
  // The budget outlives the room.
  static std::shared_ptr<ByteRoom> Make(ByteBudget* budget, int parts,
                                        int64_t bytes_most = std::numeric_limits<int64_t>::max());

  // What one body takes of the room, which it keeps. One thread at a time.
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept : room_(std::move(other.room_)), bytes_(std::exchange(other.bytes_, 0)) {}
    Entry& operator=(Entry&& other) noexcept {
      Leave();
      room_ = std::move(other.room_);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    ~Entry() { Leave(); }

    // It takes `bytes` now. Never fails: for what exists already.
    void Set(int64_t bytes) {
      if (room_ != nullptr) room_->Change(bytes - bytes_);
      bytes_ = bytes;
    }
    int64_t bytes() const { return bytes_; }

   private:
    friend class ByteRoom;
    Entry(std::shared_ptr<ByteRoom> room, int64_t bytes) : room_(std::move(room)), bytes_(bytes) {}
    void Leave() {
      if (std::shared_ptr<ByteRoom> room = std::exchange(room_, nullptr))
        room->Change(-std::exchange(bytes_, 0));
    }

    std::shared_ptr<ByteRoom> room_;
    int64_t bytes_ = 0;
  };

  // Lets a body of `bytes`, which holds so many of the parts, in as soon as there is room. `entered` is
  // called once, here or on the thread that makes room; never, when the room has gone by then.
  using Entered = std::function<void(Entry)>;
  void Enter(int64_t bytes, int parts, Entered entered);
  // For what turns out to be larger than it said: lets it in without waiting.
  Entry Join(int64_t bytes);

  // All that belongs here has come: what was reserved beyond it is given back, and from now on the room
  // shrinks with its entries.
  void Close();
  // Closes, and hands over what the entries take: they count for nothing from now on.
  ByteBudget::Share TakeShare();

 private:
  struct Waiter {
    int64_t bytes;
    Entered entered;
  };

  ByteRoom(ByteBudget* budget, int parts, int64_t bytes_most)
      : budget_(budget), parts_(parts), bytes_most_(bytes_most), share_(budget) {}
  void WaitForAll(int64_t bytes, int64_t wait);
  void OnGranted(ByteBudget::Share share);
  void Change(int64_t bytes);

  ByteBudget* const budget_;
  const int parts_;
  const int64_t bytes_most_;
  std::mutex mutex_;
  ByteBudget::Share share_;      // guarded by mutex_, as all below
  ByteBudget::Place place_;      // while the room waits
  std::vector<Waiter> waiters_;  // empty unless it waits
  int64_t used_ = 0;
  bool waiting_ = false;
  int64_t waits_ = 0;  // tells one wait from the next
  bool closed_ = false;
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_BYTE_BUDGET_BYTE_ROOM_H_
