#include "services/common/loop/ticker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace prismatic::loop {
namespace {

TEST(TickerTest, TicksUntilItGoes) {
  Loop loop("test");
  std::atomic<int> ticks = 0;
  std::promise<void> third;
  {
    Ticker ticker(loop, absl::Milliseconds(1), [&] {
      if (++ticks == 3) third.set_value();
    });
    third.get_future().wait();
  }
  int seen = ticks;
  std::promise<void> later;
  loop.Post([&] { later.set_value(); });
  later.get_future().wait();
  EXPECT_EQ(ticks, seen);
}

TEST(TickerTest, OneThatGoesBeforeItsFirstTickNeverTicks) {
  Loop loop("test");
  {
    Ticker ticker(loop, absl::Hours(1), [] { ADD_FAILURE(); });
  }
}

}  // namespace
}  // namespace prismatic::loop
