#include "services/common/byte_budget/byte_room.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

namespace prismatic {
namespace {

constexpr int64_t kImage = 1 << 20;

// Keeps what entered.
struct Seat {
  std::optional<ByteRoom::Entry> entry;
  ByteRoom::Entered Take() {
    return [this](ByteRoom::Entry entered) { entry.emplace(std::move(entered)); };
  }
};

TEST(ByteRoomTest, TheFirstBodyMakesRoomForAll) {
  ByteBudget budget(10 * kImage);
  auto room = ByteRoom::Make(&budget, 4);
  Seat seats[4];
  room->Enter(kImage, 1, seats[0].Take());
  ASSERT_TRUE(seats[0].entry);
  EXPECT_EQ(budget.used(), 4 * kImage);
  for (int i = 1; i < 4; ++i) room->Enter(kImage, 1, seats[i].Take());
  EXPECT_TRUE(seats[3].entry);
  EXPECT_EQ(budget.used(), 4 * kImage);
}

TEST(ByteRoomTest, AnAnswerWithSeveralPartsCountsForAllOfThem) {
  ByteBudget budget(100 * kImage);
  auto room = ByteRoom::Make(&budget, 10);
  Seat seat;
  room->Enter(8 * kImage, 4, seat.Take());
  EXPECT_EQ(budget.used(), 3 * 8 * kImage) << "three answers of at most four";
}

TEST(ByteRoomTest, TwoThatTogetherDoNotFitNeverStopOneAnother) {
  ByteBudget budget(3 * kImage);
  auto first = ByteRoom::Make(&budget, 2);
  auto second = ByteRoom::Make(&budget, 2);
  Seat a, b, c, d;
  first->Enter(kImage, 1, a.Take());
  second->Enter(kImage, 1, b.Take());
  EXPECT_FALSE(b.entry) << "it holds nothing, so it can wait";
  second->Enter(kImage, 1, d.Take());
  first->Enter(kImage, 1, c.Take());
  EXPECT_TRUE(c.entry) << "it holds something, so it must not wait";
  a.entry.reset();
  c.entry.reset();
  EXPECT_FALSE(b.entry) << "its room is kept for what may come";
  first->Close();
  EXPECT_TRUE(b.entry && d.entry);
  EXPECT_EQ(budget.used(), 2 * kImage);
}

TEST(ByteRoomTest, AGuessThatWasTooSmallGrowsWithoutWaiting) {
  ByteBudget budget(2 * kImage);
  auto room = ByteRoom::Make(&budget, 2);
  Seat a, b;
  room->Enter(kImage, 1, a.Take());
  room->Enter(5 * kImage, 1, b.Take());
  EXPECT_TRUE(b.entry);
  EXPECT_EQ(budget.used(), 6 * kImage);
  a.entry->Set(7 * kImage);
  EXPECT_EQ(budget.used(), 12 * kImage);
}

TEST(ByteRoomTest, ARoomWhoseBodiesHaveGoneWaitsAnewForALargerOne) {
  ByteBudget budget(4 * kImage);
  auto room = ByteRoom::Make(&budget, 1);
  Seat failed, other, next;
  room->Enter(kImage, 1, failed.Take());
  failed.entry.reset();
  auto elsewhere = ByteRoom::Make(&budget, 1);
  elsewhere->Enter(3 * kImage, 1, other.Take());
  room->Enter(2 * kImage, 1, next.Take());
  EXPECT_FALSE(next.entry);
  EXPECT_EQ(budget.used(), 3 * kImage) << "who waits holds nothing";
  elsewhere->Close();
  other.entry.reset();
  EXPECT_TRUE(next.entry);
}

TEST(ByteRoomTest, NeverReservesMoreThanAllTogetherMayBe) {
  ByteBudget budget(100 * kImage);
  auto room = ByteRoom::Make(&budget, 16, 32 * kImage);
  Seat seat;
  room->Enter(20 * kImage, 1, seat.Take());
  EXPECT_EQ(budget.used(), 32 * kImage);
}

TEST(ByteRoomTest, WhatJoinsIsCountedAndDoesNotWait) {
  ByteBudget budget(kImage);
  auto room = ByteRoom::Make(&budget, 1);
  {
    ByteRoom::Entry entry = room->Join(3 * kImage);
    EXPECT_EQ(budget.used(), 3 * kImage);
    room->Close();
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST(ByteRoomTest, SmallBodiesAndNoBudgetAreNotCounted) {
  ByteBudget budget(1);
  Seat small, free;
  ByteRoom::Make(&budget, 1)->Enter(ByteRoom::kUncountedMax, 1, small.Take());
  ByteRoom::Make(nullptr, 1)->Enter(kImage, 1, free.Take());
  EXPECT_TRUE(small.entry && free.entry);
  small.entry->Set(kImage);
  EXPECT_EQ(budget.used(), 0);
}

TEST(ByteRoomTest, ARoomThatGoesLeavesTheQueue) {
  ByteBudget budget(kImage);
  auto holder = ByteRoom::Make(&budget, 1);
  auto leaver = ByteRoom::Make(&budget, 1);
  Seat held, never;
  holder->Enter(kImage, 1, held.Take());
  leaver->Enter(kImage, 1, never.Take());
  EXPECT_EQ(budget.waiting(), 1);
  leaver.reset();
  EXPECT_EQ(budget.waiting(), 0);
}

TEST(ByteRoomTest, TheShareIsHandedOver) {
  ByteBudget budget(10 * kImage);
  ByteBudget::Share share;
  {
    auto room = ByteRoom::Make(&budget, 3);
    Seat seat;
    room->Enter(kImage, 1, seat.Take());
    seat.entry->Set(kImage / 2);
    share = room->TakeShare();
    EXPECT_EQ(budget.used(), kImage / 2);
  }
  EXPECT_EQ(budget.used(), kImage / 2);
  share = ByteBudget::Share();
  EXPECT_EQ(budget.used(), 0);
}

TEST(ByteRoomTest, ManyRequestsPassATightBudgetAndLeaveNothingBehind) {
  ByteBudget budget(5 * kImage);
  std::atomic<int> entered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        auto room = ByteRoom::Make(&budget, 3);
        std::mutex mutex;
        std::vector<ByteRoom::Entry> entries;
        std::atomic<int> here = 0;
        for (int part = 0; part < 3; ++part) {
          room->Enter(kImage, 1, [&](ByteRoom::Entry entry) {
            std::lock_guard<std::mutex> lock(mutex);
            entries.push_back(std::move(entry));
            ++entered;
            ++here;
          });
        }
        while (here < 3) std::this_thread::yield();
        std::lock_guard<std::mutex> lock(mutex);
        entries.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(entered, 4 * 500 * 3);
  EXPECT_EQ(budget.used(), 0);
  EXPECT_EQ(budget.waiting(), 0);
}

}  // namespace
}  // namespace prismatic
