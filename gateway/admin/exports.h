#ifndef PRISMATIC_GATEWAY_ADMIN_EXPORTS_H_
#define PRISMATIC_GATEWAY_ADMIN_EXPORTS_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "services/common/byte_budget/byte_budget.h"

namespace prismatic::gateway::admin {

// Bounds the texts that are made in memory as a whole: they grow where nothing else counts them, in the
// process that serves the public port too. Thread-safe; outlives its places and shares.
class Exports {
 public:
  // Each reads up to 100,000 entries from billing and takes a worker's time line by line; two leave both to
  // others.
  static constexpr int kAtOnceMax = 2;
  // All texts, until their clients have them: two of the longest (32 MiB) that are being made and may have
  // doubled their memory just now. Clients that take theirs slowly leave less for new ones.
  static constexpr int64_t kBytesMax = int64_t{128} << 20;

  // One that is being made.
  class Place {
   public:
    Place(Place&& other) noexcept : exports_(std::exchange(other.exports_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (exports_ != nullptr) --exports_->running_;
    }

   private:
    friend class Exports;
    explicit Place(Exports* exports) : exports_(exports) {}
    Exports* exports_;
  };
  // Nothing: enough are being made.
  std::optional<Place> Begin() {
    if (++running_ <= kAtOnceMax) return Place(this);
    --running_;
    return std::nullopt;
  }
  // What a text takes, to be set as it grows.
  ByteBudget::Share NewShare() { return ByteBudget::Share(&bytes_); }

 private:
  std::atomic<int> running_{0};
  ByteBudget bytes_{kBytesMax};
};

}  // namespace prismatic::gateway::admin

#endif  // PRISMATIC_GATEWAY_ADMIN_EXPORTS_H_
