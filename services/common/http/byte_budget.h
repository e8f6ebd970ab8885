#ifndef PRISMATIC_SERVICES_COMMON_HTTP_BYTE_BUDGET_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_BYTE_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <utility>

namespace prismatic {

// Bytes of bodies that a process holds in memory at a time, counted as they exist. Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(int64_t max) : max_(max) {}
  ByteBudget(const ByteBudget&) = delete;

  int64_t used() const { return used_.load(std::memory_order_relaxed); }
  int64_t max() const { return max_; }
  // Three quarters are taken: what has not begun should not begin, so that what has can be finished.
  bool crowded() const { return used() >= max_ / 4 * 3; }

  // What one request holds; gives it back when it goes. One thread at a time.
  class Share {
   public:
    Share() = default;
    explicit Share(ByteBudget* budget) : budget_(budget) {}
    Share(Share&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      Set(0);
      budget_ = std::exchange(other.budget_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    ~Share() { Set(0); }

    // The share is `bytes` now. Never fails: for what exists already.
    void Set(int64_t bytes) {
      if (budget_ != nullptr) budget_->used_.fetch_add(bytes - bytes_, std::memory_order_relaxed);
      bytes_ = bytes;
    }
    // The same for what can still be refused; false, and nothing changed, when it does not fit.
    bool TrySet(int64_t bytes) {
      if (budget_ != nullptr && bytes > bytes_ && budget_->used() + bytes - bytes_ > budget_->max_)
        return false;
      Set(bytes);
      return true;
    }

   private:
    ByteBudget* budget_ = nullptr;
    int64_t bytes_ = 0;
  };

 private:
  const int64_t max_;
  std::atomic<int64_t> used_{0};
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_BYTE_BUDGET_H_
