#ifndef PRISMATIC_SERVICES_COMMON_TASK_CANCEL_H_
#define PRISMATIC_SERVICES_COMMON_TASK_CANCEL_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "services/common/trace/trace_context.h"

namespace prismatic {

// Tells work that nobody wants its result any more. Copies share one state; thread-safe.
class Cancellation {
 public:
  Cancellation() : state_(std::make_shared<State>()) {}

  // Undoes OnCancel when it goes. It does not wait for a callback that is running already.
  class Registration {
   public:
    Registration() = default;
    Registration(Registration&& other) noexcept : undo_(std::exchange(other.undo_, nullptr)) {}
    Registration& operator=(Registration&& other) noexcept {
      if (undo_) undo_();
      undo_ = std::exchange(other.undo_, nullptr);
      return *this;
    }
    ~Registration() {
      if (undo_) undo_();
    }

   private:
    friend class Cancellation;
    explicit Registration(std::function<void()> undo) : undo_(std::move(undo)) {}
    std::function<void()> undo_;
  };

  void Cancel() {
    std::map<int, std::function<void()>> callbacks;
    {
      std::lock_guard<std::mutex> lock(state_->mutex);
      if (std::exchange(state_->cancelled, true)) return;
      callbacks.swap(state_->callbacks);
    }
    for (auto& [id, callback] : callbacks) callback();
  }

  bool cancelled() const {
    std::lock_guard<std::mutex> lock(state_->mutex);
    return state_->cancelled;
  }

  // Calls `callback` once, when cancelled; at once if it already is.
  [[nodiscard]] Registration OnCancel(std::function<void()> callback) {
    {
      std::lock_guard<std::mutex> lock(state_->mutex);
      if (!state_->cancelled) {
        int id = state_->next_id++;
        state_->callbacks.emplace(id, std::move(callback));
        return Registration([weak = std::weak_ptr<State>(state_), id] {
          std::shared_ptr<State> state = weak.lock();
          if (state == nullptr) return;
          std::lock_guard<std::mutex> lock(state->mutex);
          state->callbacks.erase(id);
        });
      }
    }
    callback();
    return Registration();
  }

 private:
  struct State {
    std::mutex mutex;
    bool cancelled = false;                          // guarded by mutex
    int next_id = 0;                                 // guarded by mutex
    std::map<int, std::function<void()>> callbacks;  // guarded by mutex
  };
  std::shared_ptr<State> state_;
};

// What travels with every call from one room to another, in process or over gRPC.
struct CallContext {
  // UUIDv7 of the client's request; in every log line about it.
  std::string request_id;
  // The trace of the client's request and this process's span; in the same log lines. Never sent to
  // providers.
  TraceContext trace;
  // After this the caller no longer waits.
  absl::Time deadline = absl::InfiniteFuture();
  Cancellation cancellation;
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_TASK_CANCEL_H_
