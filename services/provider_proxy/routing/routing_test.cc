#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "services/provider_proxy/routing/route_picker.h"
#include "services/provider_proxy/routing/slots.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;

catalog::v1::Route NamedRoute(const std::string& name, int priority, int weight,
                              catalog::v1::ReferenceImages references = catalog::v1::REFERENCE_IMAGES_NONE) {
  catalog::v1::Route route;
  route.set_provider(name);
  route.set_priority(priority);
  route.set_weight(weight);
  route.set_reference_images(references);
  return route;
}

std::vector<Candidate> CandidatesOf(const std::vector<catalog::v1::Route>& routes) {
  std::vector<Candidate> candidates;
  for (const catalog::v1::Route& route : routes) {
    candidates.push_back({&route, nullptr, AdapterFor(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES)});
  }
  return candidates;
}

// Those whose routes honour all parameters, by index.
std::vector<Candidate> OfWhichHonourAll(std::vector<Candidate> candidates,
                                        const std::set<size_t>& honouring) {
  for (size_t i = 0; i < candidates.size(); ++i) candidates[i].honours_all = honouring.count(i) > 0;
  return candidates;
}

std::vector<std::string> NamesOf(const std::vector<Candidate>& candidates) {
  std::vector<std::string> names;
  for (const Candidate& each : candidates) names.push_back(each.route->provider());
  return names;
}

// Where all are in good health.
std::vector<Candidate> InOrder(std::vector<Candidate> candidates, const Random& random) {
  metrics::Registry metrics;
  Health health(Clock::Real(), metrics);
  return InOrderOfTrial(std::move(candidates), random, health);
}

TEST(RoutePickerTest, LowerPrioritiesComeFirstWhateverTheirWeight) {
  std::vector<catalog::v1::Route> routes = {NamedRoute("c", 3, 10000), NamedRoute("a", 1, 1),
                                            NamedRoute("b", 2, 5)};
  EXPECT_THAT(NamesOf(InOrder(CandidatesOf(routes), RealRandom())), ElementsAre("a", "b", "c"));
}

TEST(RoutePickerTest, WithinAPriorityThoseThatHonourEveryParameterComeFirst) {
  std::vector<catalog::v1::Route> routes = {NamedRoute("a", 1, 10000), NamedRoute("b", 1, 1),
                                            NamedRoute("c", 2, 1), NamedRoute("d", 1, 1)};
  for (int i = 0; i < 50; ++i) {
    std::vector<Candidate> candidates = OfWhichHonourAll(CandidatesOf(routes), {1, 2});
    std::vector<std::string> order = NamesOf(InOrder(candidates, RealRandom()));
    EXPECT_EQ(order[0], "b");
    EXPECT_EQ(order[3], "c") << "a priority is more";
  }
}

TEST(RoutePickerTest, WithinAPriorityEachEachIsDrawnByItsWeight) {
  std::vector<catalog::v1::Route> routes = {NamedRoute("a", 1, 20), NamedRoute("b", 1, 30),
                                            NamedRoute("c", 1, 50)};
  std::map<std::string, int> first;
  for (uint32_t drawn = 0; drawn < 100; ++drawn) {
    Random fixed = [&](uint32_t bound) { return drawn % bound; };
    ++first[NamesOf(InOrder(CandidatesOf(routes), fixed))[0]];
  }
  EXPECT_EQ(first["a"], 20);
  EXPECT_EQ(first["b"], 30);
  EXPECT_EQ(first["c"], 50);
}

TEST(RoutePickerTest, EveryRouteStaysInTheOrderOnce) {
  std::vector<catalog::v1::Route> routes = {NamedRoute("a", 1, 1), NamedRoute("b", 1, 100),
                                            NamedRoute("c", 1, 7)};
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(NamesOf(InOrder(CandidatesOf(routes), RealRandom())),
                ::testing::UnorderedElementsAre("a", "b", "c"));
  }
}

TEST(RoutePickerTest, RoutesWithoutReferenceImagesAreLeftOutWhenTheyAreWanted) {
  std::vector<catalog::v1::Route> routes = {NamedRoute("none", 1, 1),
                                            NamedRoute("native", 1, 1, catalog::v1::REFERENCE_IMAGES_NATIVE)};
  EXPECT_THAT(NamesOf(ThatTakeReferences(CandidatesOf(routes), 1)), ElementsAre("native"));
  EXPECT_THAT(NamesOf(ThatTakeReferences(CandidatesOf(routes), 0)), ElementsAre("none", "native"));
}

// Happens once.
class Event {
 public:
  void Notify() {
    std::lock_guard<std::mutex> lock(mutex_);
    happened_ = true;
    condition_.notify_all();
  }
  bool happened() {
    std::lock_guard<std::mutex> lock(mutex_);
    return happened_;
  }
  void Await() {
    std::unique_lock<std::mutex> lock(mutex_);
    condition_.wait(lock, [this] { return happened_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool happened_ = false;
};

class SlotsTest : public ::testing::Test {
 protected:
  // Begins a wait; its result arrives in `got`.
  void BeginTake(absl::Duration timeout, Cancellation cancellation, std::vector<std::string>& order,
                 std::string name, std::optional<Slots::Slot>& got, Event& ended) {
    Start<std::optional<Slots::Slot>>(slots_.Take("p", 1, timeout, cancellation),
                                      [&, name](std::optional<Slots::Slot> slot) {
                                        order.push_back(name);
                                        if (slot) got.emplace(*std::move(slot));
                                        ended.Notify();
                                      });
  }
  double InFlight() {
    return metrics_.GetGauge("prismatic_upstream_in_flight", "", {{"provider", "p"}}).value();
  }

  loop::Loop loop_{"test"};
  metrics::Registry metrics_;
  Slots slots_{loop_, metrics_};
};

TEST_F(SlotsTest, HoldsTheLimitAndGivesBack) {
  std::optional<Slots::Slot> first = slots_.TryTake("p", 2);
  std::optional<Slots::Slot> second = slots_.TryTake("p", 2);
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(slots_.TryTake("p", 2).has_value());
  EXPECT_TRUE(slots_.TryTake("other", 2).has_value()) << "each provider has its own";
  EXPECT_EQ(InFlight(), 2);
  first.reset();
  EXPECT_TRUE(slots_.TryTake("p", 2).has_value());
  second.reset();
  EXPECT_EQ(InFlight(), 0);
}

TEST_F(SlotsTest, ThoseWhoWaitGetTheirTurnInOrderOfArrival) {
  std::optional<Slots::Slot> held = slots_.TryTake("p", 1);
  std::vector<std::string> order;
  std::optional<Slots::Slot> first, second;
  Event first_ended, second_ended;
  BeginTake(absl::Minutes(1), Cancellation(), order, "first", first, first_ended);
  BeginTake(absl::Minutes(1), Cancellation(), order, "second", second, second_ended);
  EXPECT_FALSE(first_ended.happened());
  held.reset();
  first_ended.Await();
  EXPECT_TRUE(first.has_value());
  EXPECT_FALSE(second_ended.happened());
  EXPECT_FALSE(slots_.TryTake("p", 1).has_value()) << "nobody overtakes";
  first.reset();
  second_ended.Await();
  EXPECT_THAT(order, ElementsAre("first", "second"));
  second.reset();
  EXPECT_EQ(InFlight(), 0);
}

TEST_F(SlotsTest, ARaisedLimitLetsInAsManyOfThoseWhoWaitAsItAdds) {
  std::optional<Slots::Slot> held = slots_.TryTake("p", 1);
  std::vector<std::string> order;
  std::optional<Slots::Slot> got[3];
  Event ended[3];
  for (int i = 0; i < 3; ++i) {
    BeginTake(absl::Minutes(1), Cancellation(), order, std::to_string(i), got[i], ended[i]);
  }
  slots_.SetLimit("p", 3);
  EXPECT_THAT(order, ElementsAre("0", "1"));
  EXPECT_EQ(InFlight(), 3);
  slots_.SetLimit("p", 4);
  EXPECT_FALSE(slots_.TryTake("p", 4).has_value()) << "a higher limit is for those who came before";
  EXPECT_THAT(order, ElementsAre("0", "1", "2"));
  EXPECT_EQ(InFlight(), 4);
}

TEST_F(SlotsTest, ALoweredLimitLetsNobodyInUntilEnoughHaveGone) {
  std::optional<Slots::Slot> first = slots_.TryTake("p", 2);
  std::optional<Slots::Slot> second = slots_.TryTake("p", 2);
  std::vector<std::string> order;
  std::optional<Slots::Slot> got;
  Event ended;
  slots_.SetLimit("p", 1);
  BeginTake(absl::Minutes(1), Cancellation(), order, "x", got, ended);
  first.reset();
  EXPECT_FALSE(ended.happened());
  second.reset();
  EXPECT_TRUE(ended.happened() && got.has_value());
  EXPECT_EQ(InFlight(), 1);
}

TEST_F(SlotsTest, WhoTakesWithAnOlderCatalogRaisesNoLimit) {
  slots_.SetLimit("p", 1);
  std::optional<Slots::Slot> held = slots_.TryTake("p", 64);
  EXPECT_TRUE(held.has_value());
  EXPECT_FALSE(slots_.TryTake("p", 64).has_value());
  std::optional<Slots::Slot> waits = Wait(slots_.Take("p", 64, absl::Milliseconds(1), Cancellation()));
  EXPECT_FALSE(waits.has_value());
  EXPECT_EQ(InFlight(), 1);
}

TEST_F(SlotsTest, AWaitEndsWithItsTimeoutOrItsCaller) {
  std::optional<Slots::Slot> held = slots_.TryTake("p", 1);
  std::vector<std::string> order;
  std::optional<Slots::Slot> timed, cancelled, early;
  Event timed_ended, cancelled_ended, early_ended;
  Cancellation cancellation;
  BeginTake(absl::Milliseconds(1), Cancellation(), order, "timed", timed, timed_ended);
  timed_ended.Await();
  EXPECT_FALSE(timed.has_value());
  BeginTake(absl::Minutes(1), cancellation, order, "cancelled", cancelled, cancelled_ended);
  EXPECT_FALSE(cancelled_ended.happened());
  cancellation.Cancel();
  cancelled_ended.Await();
  EXPECT_FALSE(cancelled.has_value());
  BeginTake(absl::Minutes(1), cancellation, order, "early", early, early_ended);
  EXPECT_TRUE(early_ended.happened()) << "already cancelled";
  held.reset();
  EXPECT_EQ(InFlight(), 0);
}

// Many takers with short timeouts: whatever wins each race, no slot is lost or given twice.
TEST_F(SlotsTest, NoSlotIsLostInRacesBetweenTurnAndTimeout) {
  std::vector<std::thread> threads;
  std::atomic<int> holders = 0, most = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        std::optional<Slots::Slot> slot = Wait(slots_.Take("p", 2, absl::Microseconds(300), Cancellation()));
        if (!slot) continue;
        int now = ++holders;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        --holders;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 2);
  EXPECT_EQ(InFlight(), 0);
}

}  // namespace
}  // namespace prismatic::provider_proxy
