#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_SLOTS_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_SLOTS_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"

namespace prismatic::provider_proxy {

// How many calls each provider has under way, held below its `max_concurrent`. Those that wait get
// their turn in order of arrival. Thread-safe; outlives its slots.
//
// Metric: prismatic_upstream_in_flight{provider}.
class Slots {
 public:
  Slots(loop::Loop& loop, metrics::Registry& metrics) : loop_(loop), metrics_(metrics) {}
  Slots(const Slots&) = delete;

  // The right to one call at a time; goes back when it is destroyed.
  class Slot {
   public:
    Slot(Slot&& other) noexcept
        : slots_(std::exchange(other.slots_, nullptr)), provider_(std::move(other.provider_)) {}
    Slot& operator=(Slot&& other) = delete;
    ~Slot() {
      if (slots_ != nullptr) slots_->GiveBack(provider_);
    }

   private:
    friend class Slots;
    Slot(Slots* slots, std::string provider) : slots_(slots), provider_(std::move(provider)) {}
    Slots* slots_;
    std::string provider_;
  };

  // Empty when the provider is at its limit, or others wait already. `limit` is for a provider that is not
  // known yet: whoever takes may hold an older catalog than the one that set it.
  std::optional<Slot> TryTake(const std::string& provider, int limit);
  // How many are taken, how many there are, and how many wait for one.
  struct View {
    int in_flight = 0;
    int limit = 0;
    int waiting = 0;
  };
  View Look(const std::string& provider);
  // The limit has changed; those who wait get what it adds. Resumes them on this thread.
  void SetLimit(const std::string& provider, int limit);
  // Waits for at most `timeout`; empty when there was none, or the caller gave up. Resumes on whatever
  // thread gives a slot back or sets a limit, on the loop, or on that of the cancellation.
  Task<std::optional<Slot>> Take(std::string provider, int limit, absl::Duration timeout,
                                 Cancellation cancellation);

 private:
  // One who waits. Whoever sets `over` decides what it gets.
  struct Waiter {
    bool over = false;               // guarded by mutex_
    std::function<void(bool)> done;  // guarded by mutex_; set while it stands in the queue
  };
  struct Provider {
    int in_flight = 0;
    int limit = 0;
    std::deque<std::shared_ptr<Waiter>> waiting;
    metrics::Gauge gauge;
  };

  using Turns = std::vector<std::function<void(bool)>>;

  Provider& Of(const std::string& name, int limit_of_new = 0);
  // Takes off the queue whom there is room for; to be called with `true` outside the lock.
  static Turns HandOutLocked(Provider& provider);
  void GiveBack(const std::string& provider);
  void Queue(const std::string& provider, const std::shared_ptr<Waiter>& waiter,
             std::function<void(bool)> done);
  void GiveUp(const std::string& provider, const std::shared_ptr<Waiter>& waiter);

  loop::Loop& loop_;
  metrics::Registry& metrics_;
  std::mutex mutex_;
  std::map<std::string, Provider> providers_;  // guarded by mutex_
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ROUTING_SLOTS_H_
