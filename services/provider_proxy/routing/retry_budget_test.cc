#include "services/provider_proxy/routing/retry_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/fake_clock.h"

namespace prismatic::provider_proxy {
namespace {

class RetryBudgetTest : public ::testing::Test {
 protected:
  int TakeAll() {
    int taken = 0;
    while (budget_.TryTake()) ++taken;
    return taken;
  }
  double Exhausted() { return metrics_.GetCounter("prismatic_retry_budget_exhausted_total", "").value(); }

  ::prismatic::testing::FakeClock clock_;
  metrics::Registry metrics_;
  RetryBudget budget_{clock_, metrics_};
};

TEST_F(RetryBudgetTest, BeginsWithWhatCanBeSavedAndCountsEachRefusal) {
  EXPECT_EQ(TakeAll(), 100);
  EXPECT_EQ(Exhausted(), 1);
  EXPECT_FALSE(budget_.TryTake());
  EXPECT_EQ(Exhausted(), 2);
}

TEST_F(RetryBudgetTest, FiveFirstCallsEarnOneFurtherCall) {
  TakeAll();
  for (int i = 0; i < 4; ++i) budget_.NoteFirstCall();
  EXPECT_EQ(TakeAll(), 0);
  budget_.NoteFirstCall();
  EXPECT_EQ(TakeAll(), 1);
  for (int i = 0; i < 50; ++i) budget_.NoteFirstCall();
  EXPECT_EQ(TakeAll(), 10);
}

TEST_F(RetryBudgetTest, AQuietSystemEarnsOnePerSecond) {
  TakeAll();
  clock_.Advance(absl::Milliseconds(900));
  EXPECT_EQ(TakeAll(), 0);
  clock_.Advance(absl::Milliseconds(100));
  EXPECT_EQ(TakeAll(), 1);
  clock_.Advance(absl::Seconds(7));
  EXPECT_EQ(TakeAll(), 7);
}

TEST_F(RetryBudgetTest, WhatIsSavedIsBounded) {
  for (int i = 0; i < 10'000; ++i) budget_.NoteFirstCall();
  clock_.Advance(absl::Hours(24));
  EXPECT_EQ(TakeAll(), 100);
}

TEST_F(RetryBudgetTest, AClockThatIsSetBackTakesNothingAway) {
  TakeAll();
  clock_.Advance(-absl::Hours(1));
  for (int i = 0; i < 5; ++i) budget_.NoteFirstCall();
  EXPECT_EQ(TakeAll(), 1);
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(TakeAll(), 2);
}

TEST_F(RetryBudgetTest, ThreadsTogetherTakeNoMoreThanThereIs) {
  TakeAll();
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        budget_.NoteFirstCall();
        for (int more = 0; more < 3; ++more) taken += budget_.TryTake() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken + TakeAll(), 4 * 500 / 5);
}

}  // namespace
}  // namespace prismatic::provider_proxy
