// Who a failure comes from: what one caller can bring about, and what he cannot.
#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <vector>

#include "services/provider_proxy/routing/circuit.h"
#include "services/provider_proxy/routing/health.h"
#include "tests/support/fake_clock.h"

namespace prismatic::provider_proxy {
namespace {

using State = Circuit::State;
constexpr uint64_t kOne = 11, kOther = 22, kThird = 33;

class CallersTest : public ::testing::Test {
 protected:
  void Succeed(uint64_t caller, int times = 1) {
    for (int i = 0; i < times; ++i) circuit_.Succeed(now_, circuit_.Begin(now_, caller));
  }
  void Fail(uint64_t caller, int times = 1) {
    for (int i = 0; i < times; ++i) circuit_.Fail(now_, circuit_.Begin(now_, caller));
  }
  bool Refused(uint64_t caller) {
    bool refused = circuit_.UntilMayCall(now_, caller) > absl::ZeroDuration();
    if (refused) circuit_.NoteRefused(caller);
    return refused;
  }
  // By two, so that it is open for all.
  void GetOpened() {
    while (circuit_.state() != State::kOpen) {
      Fail(kOne);
      Fail(kOther);
    }
  }

  absl::Time now_ = absl::FromUnixSeconds(1'767'225'600);
  Circuit circuit_{now_};
};

TEST_F(CallersTest, OneWhoAlwaysFailsAmongOthersIsNoTrouble) {
  for (int i = 0; i < 1000; ++i) {
    Fail(kOne, 4);
    Succeed(i % 2 == 0 ? kOther : kThird);
    ASSERT_EQ(circuit_.state(), State::kClosed) << i;
    now_ += absl::Milliseconds(100);
  }
}

TEST_F(CallersTest, NotEvenWhenHeCallsAHundredTimesAsOften) {
  std::deque<int64_t> pictures;  // of the others, which take their time
  for (int i = 0; i < 100; ++i) {
    pictures.push_back(circuit_.Begin(now_, i % 10 == 3 ? kThird : kOther));
    Fail(kOne, 200);
    ASSERT_EQ(circuit_.state(), State::kClosed) << i;
    now_ += absl::Seconds(1);
    if (i % 10 == 5) Fail(kOther);  // as happens
    if (pictures.size() <= 3) continue;
    circuit_.Succeed(now_, pictures.front());
    pictures.pop_front();
  }
}

// He calls so little that most failures are another's, who is well all the same.
TEST_F(CallersTest, NorWhenAnotherHasMoreFailuresThanHe) {
  for (int i = 0; i < 200; ++i) {
    for (int call = 0; call < 10; ++call) {
      if (call % 10 < 3) {
        Fail(kOther);
      } else {
        Succeed(kOther);
      }
    }
    Fail(kOne, 2);
    ASSERT_EQ(circuit_.state(), State::kClosed) << i;
    now_ += absl::Milliseconds(100);
  }
}

TEST_F(CallersTest, TwoCallersOpenADeadOneAsSoonAsOneAlone) {
  Succeed(kOne, 10);
  Succeed(kOther, 10);
  for (int i = 0; i < Circuit::kFailuresInARow - 1; ++i) Fail(i % 2 == 0 ? kOne : kOther);
  EXPECT_NE(circuit_.state(), State::kOpen);
  Fail(kOther);
  EXPECT_EQ(circuit_.state(), State::kOpen);
}

TEST_F(CallersTest, ADeadOneIsFoundOutThoughOneCallerDrownsTheOthers) {
  Succeed(kOne);
  Succeed(kOther);
  int of_others = 0;
  while (circuit_.state() != State::kOpen && of_others < 20) {
    Fail(kOne, 100);
    Fail(kOther);
    ++of_others;
    now_ += absl::Seconds(1);
  }
  EXPECT_EQ(of_others, Circuit::kOthersInARow);
}

TEST_F(CallersTest, AQuietDeadOneIsFoundOutByFewOfTheOthers) {
  for (int i = 0; i < Circuit::kOthersInARowQuiet; ++i) {
    EXPECT_NE(circuit_.state(), State::kOpen);
    now_ += Circuit::kQuiet;
    Fail(kOther);
    Fail(kOne, 8);
  }
  EXPECT_EQ(circuit_.state(), State::kOpen);
}

TEST_F(CallersTest, OneThatFailsHalfOfTwoCallersIsFoundOutWithinTwoWindows) {
  Succeed(kOne, 1000);
  Succeed(kOther, 1000);
  int calls = 0;
  for (; circuit_.state() == State::kClosed && calls < 1000; calls += 4) {
    Fail(kOne);
    Succeed(kOne);
    Fail(kOther);
    Succeed(kOther);
  }
  EXPECT_LE(calls, 2 * Circuit::kWindowCalls);
}

TEST_F(CallersTest, WhatNoCallerCanBringAboutCountsWhoeverCalled) {
  Succeed(kOther);
  for (int i = 0; i < Circuit::kFailuresInARow; ++i) {
    circuit_.Fail(now_, circuit_.Begin(now_, kOne), Circuit::Doing::kNobodys);
  }
  EXPECT_EQ(circuit_.state(), State::kOpen);
  EXPECT_GT(circuit_.UntilMayCall(now_, kOther), absl::ZeroDuration()) << "for all";
}

TEST_F(CallersTest, WhatOneAloneOpenedIsOpenForHimAlone) {
  Fail(kOne, Circuit::kFailuresInARow);
  EXPECT_EQ(circuit_.state(), State::kOpen);
  EXPECT_TRUE(Refused(kOne));
  EXPECT_FALSE(Refused(kOther));
  int64_t before = circuit_.Begin(now_, kOther);
  EXPECT_EQ(circuit_.UntilMayCall(now_, kOne), Circuit::kProbeInterval) << "he took no probe";
  EXPECT_FALSE(Refused(kThird)) << "nor does one of them wait for another";
  circuit_.Succeed(now_, before);
  EXPECT_EQ(circuit_.state(), State::kReturning);
  EXPECT_FALSE(Refused(kOne));
  Fail(kOne, 100);
  EXPECT_EQ(circuit_.state(), State::kReturning) << "for there are others now";
}

TEST_F(CallersTest, WhatOneAloneOpenedIsOpenForAllWhenOthersFailToo) {
  Fail(kOne, Circuit::kFailuresInARow);
  Fail(kOther);
  Fail(kThird);
  EXPECT_FALSE(Refused(kOther));
  Fail(kOther);
  EXPECT_TRUE(Refused(kOther));
  EXPECT_TRUE(Refused(kThird));
  now_ += Circuit::kProbeInterval;
  EXPECT_FALSE(Refused(kThird));
}

TEST_F(CallersTest, AfterAMinuteWithoutOthersOneIsAloneAgain) {
  Succeed(kOther);
  now_ += Circuit::kWindowAge + absl::Seconds(1);
  Fail(kOne, Circuit::kFailuresInARowQuiet);
  EXPECT_EQ(circuit_.state(), State::kOpen);
}

// One who asks a thousand times a second against one who does as he is told.
TEST_F(CallersTest, WhoFailsEveryProbeOnPurposeDoesNotGetThemAll) {
  GetOpened();
  int taken = 0;
  absl::Time asks = now_;
  for (int i = 0; i < 600'000 && circuit_.state() == State::kOpen; ++i) {
    now_ += absl::Milliseconds(1);
    if (!Refused(kOne)) {
      ++taken;
      Fail(kOne);
    }
    if (now_ < asks) continue;
    if (!Refused(kThird)) {
      Succeed(kThird);
    } else {
      asks = now_ + absl::Ceil(circuit_.UntilMayCall(now_, kThird), absl::Seconds(1));
    }
  }
  EXPECT_EQ(circuit_.state(), State::kReturning);
  EXPECT_LE(taken, 1);
}

// Also when he has failed one himself, while it was dead indeed, and they are many.
TEST_F(CallersTest, ProbesGoRoundAmongThoseWhoAsk) {
  GetOpened();
  std::vector<uint64_t> probes;
  for (int i = 0; i < 1'000'000 && probes.size() < 12; ++i) {
    now_ += absl::Milliseconds(10);
    for (uint64_t caller : {kOne, kOther, kThird}) {
      if (Refused(caller)) continue;
      probes.push_back(caller);
      Fail(caller);
    }
  }
  ASSERT_EQ(probes.size(), 12u);
  for (size_t i = 0; i + 3 <= probes.size(); ++i) {
    EXPECT_EQ(std::set<uint64_t>(probes.begin() + i, probes.begin() + i + 3).size(), 3u) << i;
  }
}

TEST_F(CallersTest, WhoAskedAndLeftHoldsUpTheOthersForOneIntervalOnly) {
  GetOpened();
  now_ += Circuit::kProbeInterval;
  Fail(kOne);
  EXPECT_TRUE(Refused(kOther));
  now_ += 2 * Circuit::kProbeInterval;
  EXPECT_EQ(circuit_.UntilMayCall(now_, kOther), absl::ZeroDuration());
  EXPECT_EQ(circuit_.UntilMayCall(now_, kOne), 2 * Circuit::kProbeInterval);
  now_ += 2 * Circuit::kProbeInterval;
  EXPECT_EQ(circuit_.UntilMayCall(now_, kOne), absl::ZeroDuration());
}

TEST_F(CallersTest, AProbeThatIsTakenBackLeavesTheTurnsAsTheyWere) {
  GetOpened();
  now_ += Circuit::kProbeInterval;
  Fail(kOne);
  EXPECT_TRUE(Refused(kOther));
  now_ += 2 * Circuit::kProbeInterval;
  circuit_.TakeBack(circuit_.Begin(now_, kOther));
  EXPECT_EQ(circuit_.UntilMayCall(now_, kOther), absl::ZeroDuration());
  EXPECT_GT(circuit_.UntilMayCall(now_, kOne), absl::ZeroDuration()) << "it is still the other's turn";
  int64_t hangs = circuit_.Begin(now_, kOther);
  now_ += 4 * Circuit::kProbeInterval;
  circuit_.Begin(now_, kThird);
  circuit_.TakeBack(hangs);
  EXPECT_GT(circuit_.UntilMayCall(now_, kOther), absl::ZeroDuration()) << "another's probe is under way";
}

class HealthOfCallersTest : public ::testing::Test {
 protected:
  HealthOfCallersTest() {
    catalog_.add_providers()->set_name("p");
    catalog::v1::Route* route = catalog_.add_models()->add_routes();
    route->set_provider("p");
    route->set_upstream_model("m");
    health_.UseCatalog(catalog_);
  }
  Health::Permit MayCall(absl::string_view caller) { return health_.MayCall("p", "m", caller); }
  void Fail(absl::string_view caller, int times, const char* label = "server_error") {
    for (int i = 0; i < times; ++i) MayCall(caller).Report(outcome::Failed(label));
  }

  ::prismatic::testing::FakeClock clock_;
  metrics::Registry metrics_;
  catalog::v1::Catalog catalog_;
  Health health_{clock_, metrics_};
};

TEST_F(HealthOfCallersTest, OneCallersFailuresRefuseNobodyElse) {
  MayCall("honest").Drop();
  Fail("mallory", 500);
  EXPECT_TRUE(MayCall("honest"));
  EXPECT_EQ(health_.StandingOf("p", "m", RealRandom(), "honest"), Standing::kReady);
}

TEST_F(HealthOfCallersTest, AloneHeRefusesOnlyHimself) {
  Fail("mallory", 500);
  EXPECT_FALSE(MayCall("mallory"));
  EXPECT_EQ(health_.StandingOf("p", "m", RealRandom(), "mallory"), Standing::kNotNow);
  EXPECT_EQ(health_.StandingOf("p", "m", RealRandom(), "honest"), Standing::kLast);
  EXPECT_TRUE(MayCall("honest"));
}

TEST_F(HealthOfCallersTest, AllThatAreUnknownAreOneCaller) {
  MayCall("honest").Drop();
  Fail("", 500);
  EXPECT_TRUE(MayCall(""));
}

TEST_F(HealthOfCallersTest, NoConnectionIsNobodysDoing) {
  MayCall("honest").Drop();
  Fail("mallory", Circuit::kFailuresInARow, "connect_error");
  EXPECT_FALSE(MayCall("honest"));
}

// Calls of one request: the first tells, the others are dropped.
TEST_F(HealthOfCallersTest, DroppedCallsSayNothingAndFreeNoProbe) {
  int requests = 0;
  for (; MayCall("a") && requests < 100; ++requests) {
    Health::Permit first = MayCall("a");
    std::vector<Health::Permit> others;
    for (int i = 0; i < 9; ++i) others.push_back(MayCall("a"));
    first.Report(outcome::Failed("server_error"));
    for (Health::Permit& other : others) other.Drop();
  }
  EXPECT_GE(requests, Circuit::kFailuresInARow) << "not calls";
  EXPECT_FALSE(MayCall("a"));
  clock_.Advance(Circuit::kProbeInterval);
  Health::Permit probe = MayCall("a");
  EXPECT_TRUE(probe);
  probe.Drop();
  EXPECT_FALSE(MayCall("a")) << "it was made";
  clock_.Advance(Circuit::kProbeInterval);
  EXPECT_TRUE(MayCall("a"));
}

TEST_F(HealthOfCallersTest, WhatSaysNothingAgainstAnUpstreamIsNoReasonToLetItRest) {
  Outcome page = outcome::NotStarted("forbidden_page", absl::Seconds(60));
  MayCall("a").Report(page);
  EXPECT_TRUE(MayCall("b"));
  MayCall("a").Report(outcome::NotStarted("rate_limited", absl::Seconds(60)));
  EXPECT_FALSE(MayCall("b"));
}

}  // namespace
}  // namespace prismatic::provider_proxy
