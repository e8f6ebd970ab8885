#ifndef PRISMATIC_SERVICES_COMMON_LOOP_TICKER_H_
#define PRISMATIC_SERVICES_COMMON_LOOP_TICKER_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "services/common/loop/loop.h"

namespace prismatic::loop {

// Does something on a loop, again and again.
class Ticker {
 public:
  // `tick` runs on the loop, every `every` after the last time, first after one of them. It must not block.
  Ticker(Loop& loop, absl::Duration every, std::function<void()> tick);
  // No tick runs from here on. Not on the loop, and before it ends.
  ~Ticker();
  Ticker(const Ticker&) = delete;

 private:
  struct State;
  static void Arm(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace prismatic::loop

#endif  // PRISMATIC_SERVICES_COMMON_LOOP_TICKER_H_
