#include "services/common/loop/ticker.h"

#include <future>
#include <utility>

namespace prismatic::loop {

// On the loop alone, once it is made.
struct Ticker::State {
  Loop& loop;
  const absl::Duration every;
  const std::function<void()> tick;
  std::unique_ptr<Loop::Timer> timer;
};

Ticker::Ticker(Loop& loop, absl::Duration every, std::function<void()> tick)
    : state_(new State{loop, every, std::move(tick), nullptr}) {
  loop.Post([state = state_] { Arm(state); });
}

void Ticker::Arm(const std::shared_ptr<State>& state) {
  state->timer = state->loop.After(state->every, [state] {
    state->tick();
    Arm(std::shared_ptr<State>(state));  // a copy: the timer that holds this one goes
  });
}

Ticker::~Ticker() {
  std::promise<void> ended;
  state_->loop.Post([&] {
    state_->timer.reset();
    ended.set_value();
  });
  ended.get_future().wait();
}

}  // namespace prismatic::loop
