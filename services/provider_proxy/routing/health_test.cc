#include "services/provider_proxy/routing/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/log/log.h"
#include "services/provider_proxy/routing/blame.h"
#include "services/provider_proxy/routing/route_picker.h"
#include "tests/support/fake_clock.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Outcome Images() {
  Outcome outcome;
  outcome.verdict = Verdict::kImages;
  outcome.label = "ok";
  return outcome;
}

// Provider `p` with the models m1 and m2, provider `q` with m1.
catalog::v1::Catalog TwoProviders() {
  catalog::v1::Catalog catalog;
  catalog.add_providers()->set_name("p");
  catalog.add_providers()->set_name("q");
  catalog::v1::Model* model = catalog.add_models();
  for (auto [provider, upstream_model] : {std::pair("p", "m1"), std::pair("p", "m2"), std::pair("q", "m1")}) {
    catalog::v1::Route* route = model->add_routes();
    route->set_provider(provider);
    route->set_upstream_model(upstream_model);
    route->set_priority(1);
    route->set_weight(100);
  }
  return catalog;
}

class HealthTest : public ::testing::Test {
 protected:
  HealthTest() { health_.UseCatalog(catalog_); }

  // False: it may not be called.
  bool Call(const std::string& provider, const std::string& model, const Outcome& outcome) {
    Health::Permit permit = health_.MayCall(provider, model);
    if (permit) permit.Report(outcome);
    return static_cast<bool>(permit);
  }
  void Call(const std::string& provider, const std::string& model, const Outcome& outcome, int times) {
    for (int i = 0; i < times; ++i) Call(provider, model, outcome);
  }
  Standing StandingOf(const std::string& provider, const std::string& model, uint32_t drawn = 99) {
    return health_.StandingOf(provider, model, [drawn](uint32_t bound) { return drawn % bound; });
  }
  absl::Duration Wait(const std::string& provider, const std::string& model) {
    return health_.MayCall(provider, model).wait();
  }
  void Eject(const std::string& provider, const std::string& model) {
    Call(provider, model, Images(), 6);
    Call(provider, model, outcome::Failed("server_error"), 6);
  }
  double Gauge(const std::string& provider) {
    return metrics_.GetGauge("prismatic_upstream_breaker", "", {{"provider", provider}}).value();
  }
  double Ejections(const std::string& provider, const std::string& reason) {
    return metrics_
        .GetCounter("prismatic_upstream_ejections_total", "", {{"provider", provider}, {"reason", reason}})
        .value();
  }

  ::prismatic::testing::FakeClock clock_;
  metrics::Registry metrics_;
  catalog::v1::Catalog catalog_ = TwoProviders();
  Health health_{clock_, metrics_};
};

TEST(BlameTest, SaysOfWhomEachOutcomeSpeaks) {
  EXPECT_EQ(BlameOf(Images()), Blame::kNobody);
  EXPECT_EQ(BlameOf(outcome::Moderated()), Blame::kNobody);
  EXPECT_EQ(BlameOf(outcome::Rejected()), Blame::kNobody);
  EXPECT_EQ(BlameOf(outcome::Failed("cancelled")), Blame::kNothing);
  EXPECT_EQ(BlameOf(outcome::NotStarted("not_expressible")), Blame::kNothing);
  EXPECT_EQ(BlameOf(outcome::Failed("too_large")), Blame::kNothing);
  EXPECT_EQ(BlameOf(outcome::NotStarted("forbidden_page")), Blame::kNothing);
  EXPECT_EQ(BlameOf(outcome::Failed("no_image")), Blame::kNobody);
  for (const char* label : {"connect_error", "unauthorized", "payment_required", "no_credential"}) {
    EXPECT_EQ(BlameOf(outcome::NotStarted(label)), Blame::kProvider) << label;
  }
  for (const char* label : {"not_found", "rate_limited", "overloaded", "empty_answer", "unusable_image"}) {
    EXPECT_EQ(BlameOf(outcome::NotStarted(label)), Blame::kTarget) << label;
  }
  for (const char* label : {"server_error", "timeout", "gateway_timeout", "broken", "bad_answer", "forbidden",
                            "a word of tomorrow"}) {
    EXPECT_EQ(BlameOf(outcome::Failed(label)), Blame::kEither) << label;
  }
}

TEST_F(HealthTest, WhatCannotBeReachedIsOutWithAllItsModels) {
  Call("p", "m1", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kNotNow);
  EXPECT_EQ(StandingOf("p", "m2"), Standing::kNotNow);
  EXPECT_FALSE(Call("p", "m2", Images()));
  EXPECT_EQ(StandingOf("q", "m1"), Standing::kReady);
  EXPECT_EQ(Gauge("p"), 3);
  EXPECT_EQ(Gauge("q"), 0);
}

TEST_F(HealthTest, AModelThatIsGoneDoesNotTakeTheOthersWithIt) {
  for (int i = 0; i < 100; ++i) Call("p", "m1", outcome::NotStarted("not_found"));
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kNotNow);
  EXPECT_EQ(StandingOf("p", "m2"), Standing::kReady);
  EXPECT_EQ(Gauge("p"), 3) << "the worst of its circuits";
}

TEST_F(HealthTest, AModelThatAlwaysBreaksDoesNotTakeTheOthersWithItEither) {
  for (int i = 0; i < 2000; ++i) {
    Call("p", "m1", outcome::Failed("server_error"));
    Call("p", "m2", Images());
    EXPECT_EQ(StandingOf("p", "m2"), Standing::kReady) << i;
    clock_.Advance(absl::Milliseconds(100));
  }
  EXPECT_NE(StandingOf("p", "m1"), Standing::kReady);
}

TEST_F(HealthTest, FailuresThatSpreadOverManyModelsAreTheProviders) {
  for (int model = 0; model < 10; ++model) {
    catalog::v1::Route* route = catalog_.mutable_models(0)->add_routes();
    route->set_provider("p");
    route->set_upstream_model(absl::StrCat("s", model));
  }
  health_.UseCatalog(catalog_);
  for (int i = 0; i < 20; ++i) Call("p", absl::StrCat("s", i % 10), outcome::Failed("server_error"));
  EXPECT_NE(StandingOf("p", "m2"), Standing::kReady) << "which was never called";
}

TEST_F(HealthTest, RefusalsOfContentAreNoFailures) {
  Call("p", "m1", outcome::Moderated(), 100);
  Call("p", "m1", outcome::Rejected(), 100);
  Call("p", "m1", outcome::Failed("cancelled"), 100);
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kReady);
  Call("p", "m1", outcome::Failed("server_error"), Circuit::kFailuresInARow - 1);
  Call("p", "m1", outcome::Failed("cancelled"));
  Call("p", "m1", outcome::Failed("server_error"));
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kNotNow) << "and a caller that leaves is no success";
}

TEST_F(HealthTest, TheOnlyProviderThatFailsHalfOfItsCallsStaysInUse) {
  for (int i = 0; i < 5000; ++i) {
    Outcome outcome = i % 2 == 0 ? Images() : outcome::NotStarted("connect_error");
    EXPECT_TRUE(Call("p", "m1", outcome)) << i;
    clock_.Advance(absl::Milliseconds(10));
  }
}

TEST_F(HealthTest, RetryAfterIsHonouredWithinBounds) {
  struct Case {
    std::optional<absl::Duration> said;
    absl::Duration rest;
  };
  for (const Case& each :
       {Case{absl::Seconds(7), absl::Seconds(7)}, Case{std::nullopt, absl::Seconds(2)},
        Case{absl::ZeroDuration(), absl::Seconds(1)}, Case{-absl::Seconds(5), absl::Seconds(1)},
        Case{absl::Hours(3), absl::Seconds(60)}, Case{absl::InfiniteDuration(), absl::Seconds(60)}}) {
    Call("p", "m1", Images(), 5);
    EXPECT_TRUE(Call("p", "m1", outcome::NotStarted("rate_limited", each.said)));
    EXPECT_EQ(StandingOf("p", "m1"), Standing::kNotNow);
    EXPECT_EQ(Wait("p", "m1"), each.rest);
    EXPECT_EQ(StandingOf("p", "m2"), Standing::kReady);
    clock_.Advance(each.rest - absl::Nanoseconds(1));
    EXPECT_FALSE(Call("p", "m1", Images()));
    clock_.Advance(absl::Nanoseconds(1));
    EXPECT_TRUE(Call("p", "m1", Images()));
  }
}

TEST_F(HealthTest, AShorterRestDoesNotEndALongerOne) {
  Health::Permit first = health_.MayCall("p", "m1");
  Health::Permit second = health_.MayCall("p", "m1");
  first.Report(outcome::NotStarted("overloaded", absl::Seconds(30)));
  second.Report(outcome::NotStarted("overloaded", absl::Seconds(3)));
  EXPECT_EQ(Wait("p", "m1"), absl::Seconds(30));
}

TEST_F(HealthTest, AProbeGoesToOneOnlyAndBringsThemBack) {
  Call("p", "m1", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  EXPECT_EQ(Wait("p", "m1"), Circuit::kProbeInterval);
  clock_.Advance(Circuit::kProbeInterval);
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kReady) << "somebody has to try it first";
  Health::Permit probe = health_.MayCall("p", "m1");
  EXPECT_TRUE(probe);
  EXPECT_FALSE(health_.MayCall("p", "m2"));
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kNotNow);
  probe.Report(Images());
  EXPECT_EQ(Gauge("p"), 1);
  EXPECT_EQ(StandingOf("p", "m2", /*drawn=*/9), Standing::kReady);
  EXPECT_EQ(StandingOf("p", "m2", /*drawn=*/10), Standing::kLast);
}

TEST_F(HealthTest, AProbeThatSaysNothingHoldsUpNobody) {
  Call("p", "m1", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  clock_.Advance(Circuit::kProbeInterval);
  { Health::Permit never_used = health_.MayCall("p", "m1"); }
  EXPECT_TRUE(Call("p", "m1", outcome::Failed("cancelled"))) << "free again at once";
  EXPECT_FALSE(Call("p", "m1", Images())) << "a call that was cancelled was a call";
  clock_.Advance(Circuit::kProbeInterval);
  Health::Permit hangs = health_.MayCall("p", "m1");
  EXPECT_TRUE(hangs);
  clock_.Advance(Circuit::kProbeInterval);
  EXPECT_TRUE(Call("p", "m1", Images()));
}

TEST_F(HealthTest, WhenProviderAndModelAreBothOpenOneProbeIsForBoth) {
  Call("p", "m1", outcome::NotStarted("not_found"), Circuit::kFailuresInARow);
  Call("p", "m2", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  clock_.Advance(Circuit::kProbeInterval);
  EXPECT_TRUE(Call("p", "m1", Images()));
  EXPECT_EQ(Gauge("p"), 1);
}

TEST_F(HealthTest, TheGaugeAndTheCountTellWhatHappened) {
  Eject("p", "m1");
  EXPECT_EQ(Gauge("p"), 2);
  EXPECT_EQ(Ejections("p", "failure_share"), 1);
  clock_.Advance(Circuit::kEjectionBase);
  health_.Advance();
  EXPECT_EQ(Gauge("p"), 1) << "although nobody called";
  Eject("p", "m1");
  EXPECT_EQ(Ejections("p", "failed_return"), 1);
  clock_.Advance(2 * Circuit::kEjectionBase);
  health_.Advance();
  clock_.Advance(Circuit::kReturnTime);
  health_.Advance();
  EXPECT_EQ(Gauge("p"), 0);
  Call("q", "m1", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  EXPECT_EQ(Ejections("q", "failures_in_a_row"), 1);
}

TEST_F(HealthTest, ForgetsWhatTheCatalogDoesNotName) {
  Eject("p", "m1");
  Health::Permit under_way = health_.MayCall("p", "m1");
  catalog::v1::Catalog without;
  *without.add_providers() = catalog_.providers(1);
  health_.UseCatalog(without);
  EXPECT_EQ(Gauge("p"), 0);
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kReady);
  Call("p", "m1", outcome::NotStarted("connect_error"), 100);
  under_way.Report(outcome::NotStarted("connect_error"));
  EXPECT_EQ(Gauge("p"), 0);
  EXPECT_TRUE(Call("p", "m1", Images())) << "what it does not know is never held back";
  health_.UseCatalog(catalog_);
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kReady);
}

TEST_F(HealthTest, ANewCatalogLeavesTheOthersAsTheyWere) {
  Eject("p", "m1");
  Call("p", "m2", outcome::NotStarted("rate_limited", absl::Seconds(50)));
  catalog_.mutable_models(0)->mutable_routes(2)->set_weight(7);
  catalog_.mutable_providers(0)->set_images_enabled(true);
  catalog_.mutable_providers(0)->set_max_concurrent(5);
  health_.UseCatalog(catalog_);
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kLast);
  EXPECT_EQ(StandingOf("p", "m2"), Standing::kNotNow);
}

TEST_F(HealthTest, AProviderThatIsAddressedAnewBeginsAnew) {
  Call("p", "m1", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  catalog_.mutable_providers(0)->set_base_url("https://mended.example/v1");
  health_.UseCatalog(catalog_);
  EXPECT_EQ(StandingOf("p", "m1"), Standing::kReady);
  EXPECT_EQ(Gauge("p"), 0);
}

TEST_F(HealthTest, RoutesInTroubleAreTriedLastButTried) {
  auto order = [&] {
    std::vector<Candidate> candidates;
    for (const catalog::v1::Route& route : catalog_.models(0).routes()) candidates.push_back({&route});
    std::vector<std::string> names;
    for (const Candidate& each : InOrderOfTrial(
             candidates, [](uint32_t) { return 0; }, health_)) {
      names.push_back(absl::StrCat(each.route->provider(), " ", each.route->upstream_model()));
    }
    return names;
  };
  catalog_.mutable_models(0)->mutable_routes(2)->set_priority(5);
  EXPECT_THAT(order(), ElementsAre("p m1", "p m2", "q m1"));
  Eject("p", "m1");
  EXPECT_THAT(order(), ElementsAre("p m2", "q m1", "p m1")) << "also behind another priority";
  Call("p", "m2", outcome::NotStarted("rate_limited", absl::Seconds(60)));
  EXPECT_THAT(order(), ElementsAre("q m1", "p m1", "p m2"));
}

std::mutex lines_mutex;
std::vector<std::string>* lines = new std::vector<std::string>;

TEST_F(HealthTest, EachChangeOfStateIsOneLine) {
  log::SetSink([](absl::string_view line) {
    std::lock_guard<std::mutex> lock(lines_mutex);
    lines->emplace_back(line);
  });
  Eject("p", "m1");
  Call("p", "m2", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  log::SetSink(nullptr);
  ASSERT_EQ(lines->size(), 3u);
  EXPECT_THAT((*lines)[0], HasSubstr(R"("provider":"p","upstream_model":"m1","from":"closed","to":"ejected",)"
                                     R"("why":"failure_share")"));
  EXPECT_THAT((*lines)[2], HasSubstr(R"("provider":"p","upstream_model":"","from":"ejected","to":"open",)"));
}

TEST_F(HealthTest, ThreadsMayDoAllOfItAtOnce) {
  std::atomic<bool> over = false;
  std::atomic<int> probes = 0;
  Call("p", "m2", outcome::NotStarted("connect_error"), Circuit::kFailuresInARow);
  clock_.Advance(Circuit::kProbeInterval);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        Health::Permit probe = health_.MayCall("p", "m2");
        if (probe) {
          ++probes;
          probe.Report(outcome::Failed("cancelled"));  // says nothing, so it stays open
        }
        StandingOf("q", "m1");
        Call("q", "m1", (i + t) % 3 == 0 ? outcome::Failed("server_error") : Images());
      }
    });
  }
  std::thread publisher([&] {
    while (!over) {
      health_.UseCatalog(catalog_);
      health_.Advance();
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  over = true;
  publisher.join();
  EXPECT_EQ(probes, 1) << "the clock stood still";
}

TEST_F(HealthTest, WhatIsShownCountsAboutAMinuteOfCalls) {
  EXPECT_FALSE(health_.Look("unheard-of").has_value());
  Call("p", "m1", Images(), 3);
  Call("p", "m2", outcome::Failed("server_error"), 2);
  EXPECT_EQ(health_.Look("p")->recent.calls, 5);
  EXPECT_EQ(health_.Look("p")->recent.failures, 2);
  EXPECT_EQ(health_.Look("q")->recent.calls, 0);
  clock_.Advance(absl::Seconds(61));
  Call("p", "m1", Images());
  EXPECT_EQ(health_.Look("p")->recent.calls, 1);
  EXPECT_EQ(health_.Look("p")->recent.failures, 0);
}

}  // namespace
}  // namespace prismatic::provider_proxy
