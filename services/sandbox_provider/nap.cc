#include "services/sandbox_provider/nap.h"

#include <memory>
#include <utility>

namespace prismatic::sandbox {
namespace {

// Touched on the loop only.
struct State {
  std::unique_ptr<loop::Loop::Timer> timer;
  Callback<bool>::Done done;
  bool over = false;
};

void End(const std::shared_ptr<State>& state) {
  if (std::exchange(state->over, true)) return;
  // The timer's function holds the state, and the state the timer.
  std::shared_ptr<State> alive = state;
  std::unique_ptr<loop::Loop::Timer> timer = std::move(alive->timer);
  if (Callback<bool>::Done done = std::move(alive->done)) done(true);
}

}  // namespace

Task<void> Nap(loop::Loop* loop, absl::Duration delay, Cancellation cancellation) {
  auto state = std::make_shared<State>();
  Cancellation::Registration registration =
      cancellation.OnCancel([loop, state] { loop->Post([state] { End(state); }); });
  Callback<bool> end([loop, delay, state](Callback<bool>::Done done) {
    loop->Post([loop, delay, state, done] {
      // Cancelled before it began.
      if (state->over) return done(true);
      state->done = done;
      state->timer = loop->After(delay, [state] { End(state); });
    });
  });
  co_await end;
}

}  // namespace prismatic::sandbox
