// Several callers at a provider, one of whom may mean harm.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/provider_proxy/routing/simulation_fixture.h"

namespace prismatic::provider_proxy {
namespace {

using Chance = Simulation::Chance;
using Client = Simulation::Client;
using Request = Simulation::Request;

bool Refused(const Request& request) { return request.answered_at_once; }
bool Found(const Request& request) { return request.found; }
bool Any(const Request&) { return true; }

// Fails one call in fifty, as providers do.
Outcome Honest(double, const Chance& chance) {
  return chance(0.02) ? outcome::Failed("server_error") : Images();
}

Client Attacker(double per_second, double from = 0) {
  return {.name = "mallory",
          .per_second = per_second,
          .from = from,
          .brings = outcome::Failed("a word of tomorrow")};
}

class SimulationOfCallers : public ::testing::TestWithParam<int> {
 protected:
  uint32_t seed() const { return static_cast<uint32_t>(GetParam()) * 7919; }
};
INSTANTIATE_TEST_SUITE_P(Seeds, SimulationOfCallers, ::testing::Range(1, 4));

TEST_P(SimulationOfCallers, OneWhoAlwaysFailsHasNobodyElseRefused) {
  for (double honest : {0.02, 0.2, 5.0, 50.0}) {
    for (double attacker : {0.5, 10.0, 300.0}) {
      SCOPED_TRACE(absl::StrCat("honest ", honest, "/s, attacker ", attacker, "/s"));
      Simulation simulation(seed(), {{"only", Honest}});
      double seconds = attacker > 100 ? 120 : 600;
      simulation.Run(seconds, {{.name = "a", .per_second = honest},
                               {.name = "b", .per_second = honest / 3, .from = 1.5},
                               Attacker(attacker)});
      int refused = 0;
      for (const char* client : {"a", "b"}) {
        refused += simulation.Count(client, 0, seconds, Refused);
        EXPECT_GT(simulation.Count(client, 0, seconds, Found), 0);
      }
      EXPECT_EQ(refused, 0);
    }
  }
}

TEST_P(SimulationOfCallers, NorWhenThereIsOnlyOneOther) {
  for (double attacker : {0.5, 10.0, 300.0}) {
    Simulation simulation(seed(), {{"only", Honest}});
    simulation.Run(300, {{.name = "a", .per_second = 1, .from = 60}, Attacker(attacker)});
    EXPECT_EQ(simulation.Count("a", 0, 300, Refused), 0) << attacker;
    EXPECT_GT(simulation.first_opening(), 0) << "he was alone at first";
    EXPECT_LT(simulation.first_opening(), 60);
  }
}

TEST_P(SimulationOfCallers, WithASecondProviderNothingIsPutLastForHim) {
  Simulation simulation(seed(), {{"x", Honest}, {"y", Honest}});
  simulation.Run(600, {{.name = "a", .per_second = 10}, {.name = "b", .per_second = 3}, Attacker(30)});
  EXPECT_LT(simulation.first_ejection(), 0);
}

TEST_P(SimulationOfCallers, ADeadOneIsFoundOutByTwo) {
  for (const char* label : {"server_error", "connect_error", "not_found"}) {
    for (double share : {1.0, 0.1, 0.01}) {
      auto dies = [label](double at, const Chance&) {
        return at >= 60 ? outcome::NotStarted(label) : Images();
      };
      Simulation simulation(seed(), {{"only", dies}});
      simulation.Run(300, {{.name = "a", .per_second = 20}, {.name = "b", .per_second = 20 * share}});
      int calls = simulation.calls_before_opening() - simulation.CallsOf("only", 0, 60);
      std::string what = absl::StrCat(label, "_other_", share);
      Tell(absl::StrCat(what, "_calls"), calls);
      Tell(absl::StrCat(what, "_seconds"), simulation.first_opening() - 60);
      ASSERT_GT(simulation.first_opening(), 60) << what;
      // As soon as one alone when they call alike, or when it is nobody's doing.
      bool at_once = share == 1.0 || std::string(label) == "connect_error";
      EXPECT_LE(calls, at_once ? 30 : 20 * 50) << what;
    }
  }
}

TEST_P(SimulationOfCallers, WhoPollsForProbesToFailThemKeepsNobodyOut) {
  auto dies = [](double at, const Chance&) {
    return at >= 60 && at < 180 ? outcome::Failed("server_error") : Images();
  };
  Simulation simulation(seed(), {{"only", dies}});
  simulation.Run(600, {{.name = "a", .per_second = 1}, {.name = "b", .per_second = 1}, Attacker(200, 30)});
  double back = 600;
  for (const Request& each : simulation.requests()) {
    if (each.client == "mallory" || each.at < 180 || !each.found) continue;
    back = std::min(back, each.at - 180);
  }
  EXPECT_LE(back, 2 * absl::ToDoubleSeconds(Circuit::kProbeIntervalMax));
  EXPECT_EQ(simulation.Count("a", 320, 600, Found), simulation.Count("a", 320, 600, Any));
  Tell("honest_back_after_s", back);
}

}  // namespace
}  // namespace prismatic::provider_proxy
