#include "services/common/task/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "services/common/task/cancel.h"
#include "services/common/task/workers.h"

namespace prismatic {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

Task<int> Number(int value) { co_return value; }

Task<int> Sum(int a, int b) {
  auto first = Number(a);
  int x = co_await first;
  auto second = Number(b);
  int y = co_await second;
  co_return x + y;
}

Task<void> Set(bool* ran) {
  *ran = true;
  co_return;
}

Task<std::unique_ptr<std::string>> MoveOnly(std::string text) {
  co_return std::make_unique<std::string>(std::move(text));
}

TEST(TaskTest, GivesItsValue) {
  EXPECT_EQ(Wait(Sum(40, 2)), 42);
  EXPECT_EQ(*Wait(MoveOnly("moved")), "moved");
}

TEST(TaskTest, RunsOnlyWhenAwaited) {
  bool ran = false;
  { Task<void> never = Set(&ran); }
  EXPECT_FALSE(ran);
  Wait(Set(&ran));
  EXPECT_TRUE(ran);
}

TEST(TaskTest, AnUnawaitedTaskFreesItsParameters) {
  auto shared = std::make_shared<int>(7);
  auto hold = [](std::shared_ptr<int> value) -> Task<int> { co_return *value; };
  {
    Task<int> never = hold(shared);
    EXPECT_EQ(shared.use_count(), 2);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

Task<int> Deep(int depth) {
  if (depth == 0) co_return 0;
  auto next = Deep(depth - 1);
  int below = co_await next;
  co_return below + 1;
}

TEST(TaskTest, TasksNest) { EXPECT_EQ(Wait(Deep(500)), 500); }

TEST(TaskTest, StartGivesTheValueToItsCallback) {
  int got = 0;
  Start<int>(Sum(1, 2), [&](int value) { got = value; });
  EXPECT_EQ(got, 3);
  bool ran = false;
  bool ended = false;
  Start(Set(&ran), [&] { ended = ran; });
  EXPECT_TRUE(ended);
}

TEST(TaskTest, AFinishedTaskHoldsNothingWhenItsValueIsHandedOver) {
  auto shared = std::make_shared<int>(7);
  auto hold = [](std::shared_ptr<int> value, Executor* executor) -> Task<int> {
    std::shared_ptr<int> local = value;
    ResumeOn resume(executor);
    co_await resume;
    co_return *local;
  };
  auto hold_only = [](std::shared_ptr<int> value, Executor* executor) -> Task<void> {
    ResumeOn resume(executor);
    co_await resume;
  };
  for (bool elsewhere : {false, true}) {
    std::atomic<int64_t> users{-1}, users_of_void{-1};
    {
      Workers workers(1);
      Executor* executor = elsewhere ? &workers : nullptr;
      Start<int>(hold(shared, executor), [&](int) { users = shared.use_count(); });
    }
    {
      Workers workers(1);
      Executor* executor = elsewhere ? &workers : nullptr;
      Start(hold_only(shared, executor), [&] { users_of_void = shared.use_count(); });
    }
    EXPECT_EQ(users, 1);
    EXPECT_EQ(users_of_void, 1);
  }
}

Task<int> AwaitsCallback(std::function<void(std::function<void(int)>)> start) {
  Callback<int> answer(std::move(start));
  int value = co_await answer;
  co_return value;
}

TEST(TaskTest, ACallbackMayAnswerBeforeItsStarterReturns) {
  EXPECT_EQ(Wait(AwaitsCallback([](std::function<void(int)> done) { done(5); })), 5);
}

TEST(TaskTest, ACallbackMayAnswerFromAnotherThread) {
  std::thread thread;
  EXPECT_EQ(
      Wait(AwaitsCallback([&](std::function<void(int)> done) { thread = std::thread([done] { done(6); }); })),
      6);
  thread.join();
}

Task<std::thread::id> ThreadAfter(Executor* executor) {
  ResumeOn resume(executor);
  co_await resume;
  co_return std::this_thread::get_id();
}

TEST(TaskTest, ResumeOnContinuesOnTheExecutor) {
  Workers workers(1);
  EXPECT_NE(Wait(ThreadAfter(&workers)), std::this_thread::get_id());
  EXPECT_EQ(Wait(ThreadAfter(&workers)), Wait(ThreadAfter(&workers)));
  EXPECT_EQ(Wait(ThreadAfter(nullptr)), std::this_thread::get_id());
}

Task<int> OnWorkers(Workers* workers, int value) {
  ResumeOn resume(workers);
  co_await resume;
  co_return value;
}

TEST(WhenAllTest, GivesAllValuesInOrderWhateverEndsFirst) {
  Workers workers(4);
  std::vector<Task<int>> tasks;
  std::vector<int> expected;
  for (int i = 0; i < 200; ++i) {
    tasks.push_back(i % 3 == 0 ? Number(i) : OnWorkers(&workers, i));
    expected.push_back(i);
  }
  EXPECT_EQ(Wait(WhenAll(std::move(tasks))), expected);
}

TEST(WhenAllTest, OfNothingIsNothing) { EXPECT_TRUE(Wait(WhenAll(std::vector<Task<int>>())).empty()); }

TEST(WhenAllTest, StartsEveryTaskBeforeItWaitsForOne) {
  std::vector<std::function<void(int)>> answers;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(
        AwaitsCallback([&](std::function<void(int)> done) { answers.push_back(std::move(done)); }));
  }
  std::vector<int> values;
  Start<std::vector<int>>(WhenAll(std::move(tasks)), [&](std::vector<int> all) { values = std::move(all); });
  ASSERT_EQ(answers.size(), 3u);
  answers[2](30);
  answers[0](10);
  EXPECT_TRUE(values.empty());
  answers[1](20);
  EXPECT_THAT(values, ElementsAre(10, 20, 30));
}

TEST(WorkersTest, RunEverythingPostedBeforeTheyEnd) {
  std::atomic<int> count{0};
  {
    Workers workers(3);
    for (int i = 0; i < 1000; ++i) workers.Post([&] { ++count; });
  }
  EXPECT_EQ(count, 1000);
}

TEST(WorkersTest, OneWorkerKeepsTheOrder) {
  std::vector<int> order;
  {
    Workers workers(1);
    for (int i = 0; i < 100; ++i) workers.Post([&order, i] { order.push_back(i); });
  }
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order.size(), 100u);
}

TEST(CancellationTest, CallsEveryCallbackOnce) {
  Cancellation cancellation;
  int calls = 0;
  auto first = cancellation.OnCancel([&] { ++calls; });
  auto second = cancellation.OnCancel([&] { ++calls; });
  EXPECT_FALSE(cancellation.cancelled());
  Cancellation copy = cancellation;
  copy.Cancel();
  cancellation.Cancel();
  EXPECT_TRUE(cancellation.cancelled());
  EXPECT_EQ(calls, 2);
}

TEST(CancellationTest, ALateCallbackIsCalledAtOnce) {
  Cancellation cancellation;
  cancellation.Cancel();
  bool called = false;
  auto registration = cancellation.OnCancel([&] { called = true; });
  EXPECT_TRUE(called);
}

TEST(CancellationTest, ARegistrationThatWentIsNotCalled) {
  Cancellation cancellation;
  bool called = false;
  {
    auto registration = cancellation.OnCancel([&] { called = true; });
    auto moved = std::move(registration);
  }
  cancellation.Cancel();
  EXPECT_FALSE(called);
}

TEST(CancellationTest, ARegistrationMayOutliveTheCancellation) {
  Cancellation::Registration registration;
  {
    Cancellation cancellation;
    registration = cancellation.OnCancel([] {});
  }
}

TEST(CancellationTest, ACallbackMayAskAndRegisterAgain) {
  Cancellation cancellation;
  std::vector<bool> seen;
  Cancellation::Registration inner;
  auto outer = cancellation.OnCancel([&] {
    seen.push_back(cancellation.cancelled());
    inner = cancellation.OnCancel([&] { seen.push_back(true); });
  });
  cancellation.Cancel();
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_THAT(seen, Each(true));
}

}  // namespace
}  // namespace prismatic
