// Providers that misbehave, and how much of it is noticed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/provider_proxy/routing/simulation_fixture.h"

namespace prismatic::provider_proxy {
namespace {

using Chance = Simulation::Chance;

Outcome Healthy(double, const Chance&) { return Images(); }
Outcome Dead(double, const Chance&) { return outcome::NotStarted("connect_error"); }

// Until `end` it fails half of its calls with this; then it is well.
Simulation::Upstream FailsHalf(Outcome failure, double end = 1e9) {
  return [failure, end](double at, const Chance& chance) {
    return at < end && chance(0.5) ? failure : Images();
  };
}

// The seconds after `from` until a provider gets two fifths of the requests again; -1: it never does.
double SecondsUntilBack(const Simulation& simulation, const std::string& provider, double from, double to) {
  for (double at = from; at + 5 <= to; ++at) {
    if (simulation.CallsOf(provider, at, at + 5) >= 0.4 * 5 * kPerSecond) return at - from;
  }
  return -1;
}

// What a RetryBudget lets through beyond the first calls.
double FurtherCallsMax(const Simulation& simulation, double seconds) {
  return RetryBudget::kSavedMax + RetryBudget::kEarnedPerSecond * seconds +
         RetryBudget::kEarnedPerCall * static_cast<double>(simulation.requests().size());
}

int FurtherCalls(const Simulation& simulation) {
  int further = 0;
  for (const Simulation::Request& each : simulation.requests()) further += std::max(0, each.calls - 1);
  return further;
}

class SimulationOfTwo : public ::testing::TestWithParam<int> {
 protected:
  uint32_t seed() const { return static_cast<uint32_t>(GetParam()) * 7919; }
};
INSTANTIATE_TEST_SUITE_P(Seeds, SimulationOfTwo, ::testing::Range(1, 4));

TEST_P(SimulationOfTwo, OneThatFailsHalfOfItsCallsIsHardlyNoticedAndComesBackWhenItIsWell) {
  for (const char* label : {"connect_error", "overloaded", "forbidden"}) {
    SCOPED_TRACE(label);
    Simulation simulation(seed(), {{"bad", FailsHalf(outcome::NotStarted(label), 600)}, {"good", Healthy}});
    simulation.Run(600);
    ASSERT_GE(simulation.first_ejection(), 0);
    EXPECT_LT(simulation.first_ejection(), 15) << "the rests after \"overloaded\" make it slower";
    double found = simulation.FoundShare(simulation.first_ejection());
    EXPECT_GE(found, 0.999);
    EXPECT_LE(FurtherCalls(simulation), FurtherCallsMax(simulation, 600));
    int calls_of_bad = simulation.CallsOf("bad", 0, 600);
    EXPECT_LT(calls_of_bad, 0.1 * 600 * kPerSecond);
    Tell(absl::StrCat(label, "_first_ejection_s"), simulation.first_ejection());
    Tell(absl::StrCat(label, "_found_share"), found);
    Tell(absl::StrCat(label, "_further_calls"), FurtherCalls(simulation));
    Tell(absl::StrCat(label, "_calls_of_bad"), calls_of_bad);

    simulation.Run(240);
    double back = SecondsUntilBack(simulation, "bad", 600, 840);
    EXPECT_GE(back, 0) << "never came back";
    EXPECT_LE(back, absl::ToDoubleSeconds(Circuit::kEjectionMax + Circuit::kReturnTime));
    EXPECT_EQ(simulation.FoundShare(610), 1);
    Tell(absl::StrCat(label, "_back_after_s"), back);
  }
}

TEST_P(SimulationOfTwo, OneThatIsDeadGetsProbesAloneAndIsBackSoonAfterItsDeath) {
  auto dies = [](double at, const Chance&) {
    return at >= 60 && at < 660 ? outcome::NotStarted("connect_error") : Images();
  };
  Simulation simulation(seed(), {{"bad", dies}, {"good", Healthy}});
  simulation.Run(840);
  EXPECT_EQ(simulation.FoundShare(0), 1) << "nobody notices";
  int calls = simulation.CallsOf("bad", 65, 660);
  EXPECT_LE(calls, 40);
  double back = SecondsUntilBack(simulation, "bad", 660, 840);
  EXPECT_GE(back, 0);
  EXPECT_LE(back, absl::ToDoubleSeconds(Circuit::kEjectionMax + Circuit::kReturnTime));
  Tell("calls_while_dead", calls);
  Tell("further_calls", FurtherCalls(simulation));
  Tell("back_after_s", back);
}

TEST_P(SimulationOfTwo, OneThatFlapsIsKeptOutForLongerAndLonger) {
  auto flaps = [](double at, const Chance&) {
    return static_cast<int>(at / 10) % 2 == 1 ? outcome::NotStarted("connect_error") : Images();
  };
  Simulation simulation(seed(), {{"bad", flaps}, {"good", Healthy}});
  simulation.Run(600);
  EXPECT_GE(simulation.FoundShare(0), 0.999);
  EXPECT_EQ(simulation.refused_retries(), 0);
  EXPECT_LE(FurtherCalls(simulation), 0.02 * static_cast<double>(simulation.requests().size()));
  EXPECT_LE(simulation.CallsOf("bad", 300, 600), simulation.CallsOf("bad", 0, 300));
  Tell("found_share", simulation.FoundShare(0));
  Tell("further_calls", FurtherCalls(simulation));
  Tell("calls_of_bad_first_half", simulation.CallsOf("bad", 0, 300));
  Tell("calls_of_bad_second_half", simulation.CallsOf("bad", 300, 600));
}

// Failures that forbid a second call cost the request. Then all that helps is to ask it less.
TEST_P(SimulationOfTwo, FailuresThatForbidASecondCallBecomeRare) {
  Simulation simulation(seed(), {{"bad", FailsHalf(outcome::Failed("server_error"))}, {"good", Healthy}});
  simulation.Run(600);
  double found = simulation.FoundShare(simulation.first_ejection());
  EXPECT_GE(found, 0.995);
  Tell("found_share", found);
}

TEST_P(SimulationOfTwo, BothDeadMeansAnswersAtOnceAndProbesAlone) {
  Simulation simulation(seed(), {{"a", Dead}, {"b", Dead}});
  simulation.Run(300);
  EXPECT_LE(simulation.Attempts(), 150);
  for (const Simulation::Request& each : simulation.requests()) {
    if (each.calls > 0) continue;
    EXPECT_TRUE(each.answered_at_once);
    EXPECT_GT(each.wait, absl::ZeroDuration());
    EXPECT_LE(each.wait, absl::Seconds(60)) << "for the Retry-After";
  }
  Tell("attempts", simulation.Attempts());
}

TEST_P(SimulationOfTwo, AStormOf429IsNotAnsweredWithMoreCallsThanRequests) {
  for (absl::Duration said : {absl::Seconds(1), absl::Seconds(60), -absl::Seconds(1), absl::Hours(1)}) {
    auto full = [said](double, const Chance&) { return outcome::NotStarted("rate_limited", said); };
    Simulation simulation(seed(), {{"a", full}, {"b", full}});
    simulation.Run(120);
    EXPECT_LE(simulation.Attempts(), 1.1 * static_cast<double>(simulation.requests().size()));
    Tell(absl::StrCat("attempts_", absl::ToInt64Seconds(said)), simulation.Attempts());
  }
}

TEST_P(SimulationOfTwo, TheOnlyProviderStaysInUseThoughHalfOfItsCallsFail) {
  Simulation simulation(seed(), {{"only", FailsHalf(outcome::NotStarted("connect_error"))}});
  simulation.Run(600);
  double called = simulation.CallsOf("only", 0, 600) / (600.0 * kPerSecond);
  EXPECT_GE(called, 0.99);
  EXPECT_NEAR(simulation.FoundShare(0), 0.5, 0.02);
  Tell("called_share", called);
}

// Slow and quick pictures, quick and slow failures, many requests and few.
TEST_P(SimulationOfTwo, AtAnyPaceHalfOfTheFailuresIsSeenAndNeverTakenForDeath) {
  for (int per_second : {1, 10, 300}) {
    for (absl::Duration render : {absl::Milliseconds(200), absl::Seconds(5), absl::Seconds(60)}) {
      for (absl::Duration failing : {absl::Milliseconds(20), absl::Seconds(30)}) {
        SCOPED_TRACE(absl::StrCat(per_second, "/s, ", absl::FormatDuration(render), ", fails after ",
                                  absl::FormatDuration(failing)));
        Simulation::Pace pace{per_second, render, failing};
        double seconds = per_second > 100 ? 100 : 900;
        auto failure = outcome::NotStarted("connect_error");
        Simulation two(seed(), {{"bad", FailsHalf(failure)}, {"good", Healthy}}, pace);
        two.Run(seconds);
        EXPECT_GE(two.first_ejection(), 0);
        // Failures that take half a minute come in hundreds before the first of them tells; then the
        // budget may run out.
        EXPECT_GE(two.FoundShare(two.first_ejection()), failing < absl::Seconds(1) ? 0.999 : 0.99);
        EXPECT_LE(FurtherCalls(two), FurtherCallsMax(two, seconds));

        Simulation one(seed(), {{"only", FailsHalf(failure)}}, pace);
        one.Run(seconds);
        EXPECT_GE(one.Attempts(), 0.98 * static_cast<double>(one.requests().size()));
      }
    }
  }
}

TEST_P(SimulationOfTwo, TheOnlyProviderThatIsDeadForAWhileIsBackWithinAProbe) {
  auto dies = [](double at, const Chance&) {
    return at >= 60 && at < 120 ? outcome::NotStarted("connect_error") : Images();
  };
  Simulation simulation(seed(), {{"only", dies}});
  simulation.Run(240);
  EXPECT_LE(simulation.CallsOf("only", 65, 120), 12);
  EXPECT_EQ(simulation.FoundShare(120 + absl::ToDoubleSeconds(Circuit::kProbeIntervalMax + kRender)), 1);
  Tell("calls_while_dead", simulation.CallsOf("only", 60, 120));
}

}  // namespace
}  // namespace prismatic::provider_proxy
