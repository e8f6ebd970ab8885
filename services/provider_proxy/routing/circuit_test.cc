#include "services/provider_proxy/routing/circuit.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace prismatic::provider_proxy {
namespace {

using State = Circuit::State;

class CircuitTest : public ::testing::Test {
 protected:
  void Succeed(int times = 1) {
    for (int i = 0; i < times; ++i) circuit_.Succeed(now_, circuit_.Begin(now_));
  }
  void Fail(int times = 1) {
    for (int i = 0; i < times; ++i) circuit_.Fail(now_, circuit_.Begin(now_));
  }
  // Into trouble by the share of failures, not by their row.
  void GetEjected() {
    while (circuit_.state() != State::kEjected) {
      Succeed();
      Fail();
    }
  }
  void GetOpened() { Fail(Circuit::kFailuresInARow); }
  State After(absl::Duration passed) {
    now_ += passed;
    circuit_.Advance(now_);
    return circuit_.state();
  }
  // How long it is out when it is ejected now.
  absl::Duration TimeOut() {
    GetEjected();
    absl::Duration out = absl::ZeroDuration();
    while (After(absl::Seconds(1)) == State::kEjected) out += absl::Seconds(1);
    return out + absl::Seconds(1);
  }

  absl::Time now_ = absl::FromUnixSeconds(1'767'225'600);
  Circuit circuit_{now_};
};

TEST_F(CircuitTest, AFailureNowAndThenIsNoTrouble) {
  for (int i = 0; i < 1000; ++i) {
    Succeed(4);
    Fail();
    now_ += absl::Milliseconds(50);
  }
  EXPECT_EQ(circuit_.state(), State::kClosed);
}

TEST_F(CircuitTest, FewCallsAreNotEnoughForAVerdict) {
  Succeed();
  Fail(Circuit::kCallsEnough - 2);
  EXPECT_EQ(circuit_.state(), State::kClosed);
  Fail();
  EXPECT_EQ(circuit_.state(), State::kEjected);
}

TEST_F(CircuitTest, OneThatFailsHalfIsFoundOutWithinAWindowHoweverWellItDidBefore) {
  Succeed(10'000);
  int calls = 0;
  while (circuit_.state() == State::kClosed) {
    Fail();
    Succeed();
    calls += 2;
  }
  EXPECT_LE(calls, Circuit::kWindowCalls);
}

TEST_F(CircuitTest, WhatWasLongAgoIsNotHeldAgainstIt) {
  Fail(Circuit::kFailuresInARowQuiet - 1);
  now_ += Circuit::kWindowAge + absl::Seconds(1);
  Succeed(Circuit::kCallsEnough);
  Fail(4);
  EXPECT_EQ(circuit_.state(), State::kClosed);
}

TEST_F(CircuitTest, TheTimeOutDoublesWithEachReturnIntoTroubleUpToACap) {
  for (int seconds : {10, 20, 40, 80, 120, 120, 120}) EXPECT_EQ(TimeOut(), absl::Seconds(seconds));
}

TEST_F(CircuitTest, TroubleIsForgottenAfterAWhileWithoutAny) {
  EXPECT_EQ(TimeOut(), absl::Seconds(10));
  EXPECT_EQ(TimeOut(), absl::Seconds(20));
  EXPECT_EQ(After(Circuit::kReturnTime), State::kClosed);
  now_ += Circuit::kTroubleMemory - absl::Seconds(1);
  EXPECT_EQ(TimeOut(), absl::Seconds(40)) << "not yet";
  EXPECT_EQ(After(Circuit::kReturnTime), State::kClosed);
  now_ += Circuit::kTroubleMemory;
  EXPECT_EQ(TimeOut(), absl::Seconds(10));
}

TEST_F(CircuitTest, ItReturnsWithAGrowingShare) {
  GetEjected();
  EXPECT_EQ(circuit_.SharePercent(now_), 0);
  EXPECT_EQ(After(Circuit::kEjectionBase), State::kReturning);
  EXPECT_EQ(circuit_.SharePercent(now_), 10);
  After(Circuit::kReturnTime / 2);
  EXPECT_EQ(circuit_.SharePercent(now_), 50);
  int before = 0;
  for (; circuit_.state() == State::kReturning; After(absl::Seconds(1))) {
    EXPECT_GE(circuit_.SharePercent(now_), before);
    before = circuit_.SharePercent(now_);
  }
  EXPECT_EQ(circuit_.state(), State::kClosed);
  EXPECT_EQ(circuit_.SharePercent(now_), 100);
}

TEST_F(CircuitTest, WhileItIsOutNothingButTheTimeBringsItBack) {
  GetEjected();
  Succeed(100);
  EXPECT_EQ(circuit_.state(), State::kEjected);
  EXPECT_EQ(circuit_.UntilMayCall(now_), absl::ZeroDuration()) << "last, but not held back";
  for (int i = 0; i < 100; ++i) {
    Fail();
    Succeed();
  }
  EXPECT_EQ(After(Circuit::kEjectionBase), State::kReturning) << "its failures did not make it longer";
}

TEST_F(CircuitTest, WhatBeganBeforeAChangeSaysNothingAfterIt) {
  std::vector<int64_t> before;
  for (int i = 0; i < 100; ++i) before.push_back(circuit_.Begin(now_));
  GetEjected();
  After(Circuit::kEjectionBase);
  for (int i = 0; i < 50; ++i) circuit_.Fail(now_, before[i]);  // timeouts that report at last
  EXPECT_EQ(circuit_.state(), State::kReturning);
  GetOpened();
  for (int i = 50; i < 100; ++i) circuit_.Succeed(now_, before[i]);
  EXPECT_EQ(circuit_.state(), State::kOpen);
}

// Failures report at once, pictures after a while: what is under way is no failure.
TEST_F(CircuitTest, QuickFailuresAmongSlowPicturesAreNoRow) {
  std::vector<int64_t> pictures;
  for (int i = 0; i < 1000; ++i) {
    pictures.push_back(circuit_.Begin(now_));
    Fail();
    EXPECT_NE(circuit_.state(), State::kOpen);
  }
  EXPECT_EQ(circuit_.state(), State::kEjected) << "although none has succeeded, half is enough to see";
}

TEST_F(CircuitTest, AFewQuickFailuresAmongSlowPicturesAreNoTrouble) {
  for (int i = 0; i < 1000; ++i) {
    for (int more = 0; more < 4; ++more) circuit_.Begin(now_);
    Fail();
    EXPECT_EQ(circuit_.state(), State::kClosed);
  }
}

TEST_F(CircuitTest, SlowFailuresAmongQuickPicturesAreSeenAsWell) {
  std::deque<int64_t> hanging;
  for (int i = 0; i < 1000 && circuit_.state() == State::kClosed; ++i) {
    hanging.push_back(circuit_.Begin(now_));
    Succeed();
    now_ += absl::Seconds(1);
    if (hanging.size() < 200) continue;
    circuit_.Fail(now_, hanging.front());
    hanging.pop_front();
  }
  EXPECT_EQ(circuit_.state(), State::kEjected);
}

// Whatever the pattern, the window of a slow failure is still known when it reports.
TEST_F(CircuitTest, SlowFailuresAreSeenThoughManyMoreCallsHaveReportedMeanwhile) {
  std::deque<int64_t> hanging;
  for (int i = 0; i < 1000 && circuit_.state() == State::kClosed; ++i) {
    for (int more = 0; more < 3; ++more) hanging.push_back(circuit_.Begin(now_));
    Succeed(3);
    now_ += absl::Milliseconds(300);
    while (hanging.size() > 1500) {
      circuit_.Fail(now_, hanging.front());
      hanging.pop_front();
    }
  }
  EXPECT_EQ(circuit_.state(), State::kEjected);
}

TEST_F(CircuitTest, LateTimeoutsOfATroubleThatIsOverAreNotHeldAgainstIt) {
  std::vector<int64_t> hung;
  for (int i = 0; i < 200; ++i) hung.push_back(circuit_.Begin(now_));
  now_ += absl::Seconds(200);
  Succeed(Circuit::kWindowCalls);
  for (int64_t call : hung) circuit_.Fail(now_, call);
  EXPECT_EQ(circuit_.state(), State::kClosed);
}

TEST_F(CircuitTest, OneInWhichEveryCallHangsIsOpenedByTheFirstTimeouts) {
  std::vector<int64_t> hung;
  for (int i = 0; i < 64; ++i) hung.push_back(circuit_.Begin(now_));
  now_ += absl::Seconds(295);
  for (int i = 0; i < Circuit::kFailuresInARowQuiet; ++i) circuit_.Fail(now_, hung[i]);
  EXPECT_EQ(circuit_.state(), State::kOpen);
}

TEST_F(CircuitTest, OneCallThatHangsIsForgottenInTime) {
  int64_t hangs = circuit_.Begin(now_);
  Succeed(20'000);
  circuit_.Fail(now_, hangs);
  Fail();
  EXPECT_EQ(circuit_.state(), State::kClosed);
}

TEST_F(CircuitTest, ManyFailuresInARowOpenIt) {
  Succeed(Circuit::kWindowCalls);
  Fail(Circuit::kFailuresInARow - 1);
  EXPECT_EQ(circuit_.state(), State::kClosed);
  Fail();
  EXPECT_EQ(circuit_.state(), State::kOpen);
}

TEST_F(CircuitTest, AFewFailuresOpenAQuietOneWhenNothingSucceedsForAWhile) {
  Succeed();
  for (int i = 0; i < Circuit::kFailuresInARowQuiet - 1; ++i) {
    now_ += absl::Seconds(10);
    Fail();
  }
  EXPECT_EQ(circuit_.state(), State::kClosed);
  now_ += absl::Seconds(10);
  Fail();
  EXPECT_EQ(circuit_.state(), State::kOpen);
}

TEST_F(CircuitTest, OpenLetsOneProbeThroughPerInterval) {
  GetOpened();
  EXPECT_EQ(circuit_.UntilMayCall(now_), Circuit::kProbeInterval);
  now_ += Circuit::kProbeInterval;
  EXPECT_EQ(circuit_.UntilMayCall(now_), absl::ZeroDuration());
  circuit_.Begin(now_);
  EXPECT_EQ(circuit_.UntilMayCall(now_), Circuit::kProbeInterval) << "taken";
  now_ += Circuit::kProbeInterval;
  EXPECT_EQ(circuit_.UntilMayCall(now_), absl::ZeroDuration()) << "one that never reports holds up nothing";
}

TEST_F(CircuitTest, ProbesThatFailBecomeRarerUpToACap) {
  GetOpened();
  for (int seconds : {5, 10, 20, 40, 60, 60}) {
    EXPECT_EQ(circuit_.UntilMayCall(now_), absl::Seconds(seconds));
    now_ += absl::Seconds(seconds);
    Fail();
  }
}

TEST_F(CircuitTest, AProbeThatWasNotMadeIsFreeAgain) {
  int64_t before = circuit_.Begin(now_);
  GetOpened();
  now_ += Circuit::kProbeInterval;
  int64_t probe = circuit_.Begin(now_);
  circuit_.TakeBack(before);
  EXPECT_GT(circuit_.UntilMayCall(now_), absl::ZeroDuration()) << "no probe";
  circuit_.TakeBack(probe);
  EXPECT_EQ(circuit_.UntilMayCall(now_), absl::ZeroDuration());
}

TEST_F(CircuitTest, AProbesSuccessBeginsASlowReturn) {
  GetOpened();
  now_ += Circuit::kProbeInterval;
  Succeed();
  EXPECT_EQ(circuit_.state(), State::kReturning);
  EXPECT_EQ(circuit_.SharePercent(now_), 10);
  Succeed(6);
  Fail(6);
  EXPECT_EQ(circuit_.state(), State::kEjected) << "and trouble on the return ends it at once";
  EXPECT_EQ(After(Circuit::kEjectionBase), State::kEjected) << "for twice as long";
  EXPECT_EQ(After(Circuit::kEjectionBase), State::kReturning);
}

TEST_F(CircuitTest, EachChangeSaysWhy) {
  Succeed(6);
  Fail(3);
  std::optional<Circuit::Change> change;
  while (!change) change = circuit_.Fail(now_, circuit_.Begin(now_));
  EXPECT_EQ(change->why, "failure_share");
  EXPECT_EQ(change->from, State::kClosed);
  EXPECT_EQ(change->to, State::kEjected);
  change.reset();
  while (!change) change = circuit_.Fail(now_, circuit_.Begin(now_));
  EXPECT_EQ(change->why, "failures_in_a_row");
  now_ += absl::Minutes(1);
  EXPECT_EQ(circuit_.Succeed(now_, circuit_.Begin(now_))->why, "probe_succeeded");
  now_ += absl::Minutes(1);
  EXPECT_EQ(circuit_.Advance(now_)->why, "recovered");
}

}  // namespace
}  // namespace prismatic::provider_proxy
