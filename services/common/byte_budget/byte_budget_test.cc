#include "services/common/byte_budget/byte_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "services/common/task/workers.h"

namespace prismatic {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Share = ByteBudget::Share;
using Place = ByteBudget::Place;

// Shares in the order in which they are granted, by the name of who waited.
class Grants {
 public:
  ByteBudget::Granted As(char name) {
    return [this, name](Share share) {
      order_.push_back(name);
      shares_.emplace(name, std::move(share));
    };
  }
  void Release(char name) {
    auto released = shares_.extract(name);  // granting others comes back here
  }
  const std::vector<char>& order() const { return order_; }

 private:
  std::vector<char> order_;
  std::map<char, Share> shares_;
};

TEST(ByteBudgetTest, CountsWhatExistsAndGivesItBack) {
  ByteBudget budget(100);
  {
    Share share(&budget);
    share.Set(80);
    EXPECT_EQ(budget.used(), 80);
    EXPECT_TRUE(budget.crowded());
    share.Set(120);
    EXPECT_EQ(budget.used(), 120) << "what exists is counted, also beyond the end";
    share.Set(10);
    Share moved = std::move(share);
    EXPECT_EQ(budget.used(), 10);
    EXPECT_EQ(moved.bytes(), 10);
    EXPECT_FALSE(budget.crowded());
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST(ByteBudgetTest, WhatCanBeRefusedIsRefusedWhenItDoesNotFit) {
  ByteBudget budget(100);
  Share first(&budget);
  Share second(&budget);
  EXPECT_TRUE(first.TrySet(60));
  EXPECT_FALSE(second.TrySet(41));
  EXPECT_EQ(budget.used(), 60);
  EXPECT_TRUE(second.TrySet(40));
  EXPECT_TRUE(second.TrySet(1)) << "less always fits";
  EXPECT_EQ(budget.used(), 61);
}

TEST(ByteBudgetTest, AShareWithoutABudgetCountsNothing) {
  Share share;
  share.Set(5);
  EXPECT_TRUE(share.TrySet(1'000'000));
  EXPECT_EQ(share.bytes(), 1'000'000);
}

TEST(ByteBudgetTest, WhatFitsIsGrantedAtOnce) {
  ByteBudget budget(100);
  Grants grants;
  Place a = budget.Wait(60, grants.As('a'));
  Place b = budget.Wait(40, grants.As('b'));
  EXPECT_THAT(grants.order(), ElementsAre('a', 'b'));
  EXPECT_EQ(budget.used(), 100);
  EXPECT_EQ(budget.waiting(), 0);
}

TEST(ByteBudgetTest, WhatDoesNotFitWaitsInOrderAndNobodyOvertakes) {
  ByteBudget budget(100);
  Grants grants;
  Place a = budget.Wait(90, grants.As('a'));
  Place b = budget.Wait(50, grants.As('b'));
  Place c = budget.Wait(5, grants.As('c'));
  EXPECT_THAT(grants.order(), ElementsAre('a')) << "c would fit, but came later";
  EXPECT_EQ(budget.waiting(), 2);
  grants.Release('a');
  EXPECT_THAT(grants.order(), ElementsAre('a', 'b', 'c'));
  EXPECT_EQ(budget.used(), 55);
}

TEST(ByteBudgetTest, ASmallerShareMakesRoom) {
  ByteBudget budget(100);
  Grants grants;
  std::optional<Share> held;
  Place a = budget.Wait(90, [&](Share share) { held = std::move(share); });
  Place b = budget.Wait(50, grants.As('b'));
  EXPECT_THAT(grants.order(), IsEmpty());
  held->Set(20);
  EXPECT_THAT(grants.order(), ElementsAre('b'));
}

TEST(ByteBudgetTest, BodiesOfAnotherKindMakeRoomToo) {
  ByteBudget budget(100);
  Grants grants;
  Share body(&budget);
  body.Set(60);
  Place a = budget.Wait(30, grants.As('a'));
  Place b = budget.Wait(30, grants.As('b'));
  EXPECT_THAT(grants.order(), ElementsAre('a'));
  body.Set(0);
  EXPECT_THAT(grants.order(), ElementsAre('a', 'b'));
}

TEST(ByteBudgetTest, OneAtATimeAlwaysPasses) {
  ByteBudget budget(100);
  Grants grants;
  Share bodies(&budget);
  bodies.Set(100);
  Place a = budget.Wait(70, grants.As('a'));
  Place b = budget.Wait(500, grants.As('b'));
  EXPECT_THAT(grants.order(), ElementsAre('a')) << "with nothing left, but alone";
  grants.Release('a');
  EXPECT_THAT(grants.order(), ElementsAre('a', 'b')) << "larger than everything";
  Place c = budget.Wait(1, grants.As('c'));
  EXPECT_EQ(budget.waiting(), 1);
  grants.Release('b');
  EXPECT_THAT(grants.order(), ElementsAre('a', 'b', 'c'));
}

TEST(ByteBudgetTest, WhoLetsGoOfThePlaceLeavesTheQueue) {
  ByteBudget budget(100);
  Grants grants;
  Place a = budget.Wait(90, grants.As('a'));
  Place b = budget.Wait(80, grants.As('b'));
  Place c = budget.Wait(10, grants.As('c'));
  b = Place();
  EXPECT_THAT(grants.order(), ElementsAre('a', 'c')) << "who stood behind moves up";
  a = Place();
  EXPECT_EQ(budget.used(), 100) << "a place that was used up gives nothing back";
  EXPECT_EQ(budget.waiting(), 0);
}

TEST(ByteBudgetTest, AGrantMayAskAgain) {
  ByteBudget budget(100);
  Grants grants;
  Place inner;
  Place a = budget.Wait(90, [&](Share) { inner = budget.Wait(95, grants.As('i')); });
  EXPECT_THAT(grants.order(), ElementsAre('i')) << "no lock is held, and what a had is back";
  EXPECT_EQ(budget.used(), 95);
}

TEST(ByteBudgetTest, ATaskTakesItsShareWhenThereIsRoom) {
  ByteBudget budget(100);
  Share first = Wait(budget.Take(80, {}));
  EXPECT_TRUE(first.granted());
  std::optional<Share> second;
  Start<Share>(budget.Take(60, {}), [&](Share share) { second = std::move(share); });
  EXPECT_FALSE(second.has_value());
  first = Share();
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(second->granted());
  EXPECT_EQ(budget.used(), 60);
}

TEST(ByteBudgetTest, ATaskThatIsTakenBackGetsNothingAndLeavesTheQueue) {
  ByteBudget budget(100);
  Share first = Wait(budget.Take(80, {}));
  Cancellation cancellation;
  std::optional<Share> second;
  Start<Share>(budget.Take(60, cancellation), [&](Share share) { second = std::move(share); });
  EXPECT_EQ(budget.waiting(), 1);
  cancellation.Cancel();
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(second->granted());
  EXPECT_EQ(budget.waiting(), 0);
  EXPECT_EQ(budget.used(), 80);
  Share third = Wait(budget.Take(60, cancellation));
  EXPECT_FALSE(third.granted()) << "cancelled before it began";
  EXPECT_EQ(budget.used(), 80);
}

// Many at once, a part of them taken back at any moment: whoever holds a share is within the limit, and at
// the end nothing is left.
TEST(ByteBudgetTest, ThreadsShareIt) {
  constexpr int kTasks = 2000;
  constexpr int64_t kMax = 1000;
  ByteBudget budget(kMax);
  std::atomic<int64_t> held{0};
  std::atomic<int64_t> most{0};
  std::atomic<int> granted{0};
  std::atomic<int> ended{0};
  std::vector<Cancellation> cancellations(kTasks);
  {
    Workers workers(4);
    for (int i = 0; i < kTasks; ++i) {
      int64_t bytes = 100 + i % 7 * 50;
      workers.Post([&, i, bytes] {
        Start<Share>(budget.Take(bytes, cancellations[static_cast<size_t>(i)]), [&, bytes](Share share) {
          if (share.granted()) {
            int64_t now = held += bytes;
            for (int64_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
            }
            ++granted;
          }
          auto keep = std::make_shared<Share>(std::move(share));
          workers.Post([&, keep, bytes] {
            if (keep->granted()) held -= bytes;
            *keep = Share();
            ++ended;
          });
        });
      });
      if (i % 3 == 0) workers.Post([&, i] { cancellations[static_cast<size_t>(i)].Cancel(); });
    }
    while (ended < kTasks) std::this_thread::yield();
  }
  EXPECT_LE(most, kMax);
  EXPECT_GE(granted, kTasks * 2 / 3);
  EXPECT_EQ(budget.used(), 0);
  EXPECT_EQ(budget.waiting(), 0);
}

}  // namespace
}  // namespace prismatic
