// The snapshot, the wait for a version, and subscriptions. The watcher is tested with a real registry,
// in that room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <vector>

#include "services/catalog_watch/catalog_holder.h"
#include "services/catalog_watch/line.h"
#include "services/catalog_watch/snapshot.h"
#include "tests/support/wait.h"

namespace prismatic::catalog_watch {
namespace {

using ::prismatic::testing::WaitUntil;
using ::testing::ElementsAre;

catalog::v1::Catalog CatalogOfVersion(int64_t version) {
  catalog::v1::Catalog catalog;
  catalog.set_version(version);
  return catalog;
}

catalog::v1::Provider* AddProvider(catalog::v1::Catalog& catalog, const std::string& name, bool enabled) {
  catalog::v1::Provider* provider = catalog.add_providers();
  provider->set_name(name);
  provider->set_images_enabled(enabled);
  return provider;
}

catalog::v1::Route* AddRoute(catalog::v1::Model& model, const std::string& provider, int priority) {
  catalog::v1::Route* route = model.add_routes();
  route->set_provider(provider);
  route->set_upstream_model(provider);
  route->set_priority(priority);
  return route;
}

TEST(SnapshotTest, FindsByPublicIdByCanonicalNameAndByProvider) {
  catalog::v1::Catalog catalog = CatalogOfVersion(7);
  AddProvider(catalog, "p", true);
  catalog::v1::Model* model = catalog.add_models();
  model->set_name("imagen-4");
  model->add_public_ids("imagen-4");
  model->add_public_ids("google/imagen-4");
  Snapshot snapshot(catalog);

  EXPECT_EQ(snapshot.version(), 7);
  ASSERT_NE(snapshot.FindByPublicId("google/imagen-4"), nullptr);
  EXPECT_EQ(snapshot.FindByPublicId("google/imagen-4"), snapshot.FindModel("imagen-4"));
  EXPECT_EQ(snapshot.FindModel("google/imagen-4"), nullptr);
  EXPECT_EQ(snapshot.FindByPublicId("IMAGEN-4"), nullptr);
  EXPECT_NE(snapshot.FindProvider("p"), nullptr);
  EXPECT_EQ(snapshot.FindProvider("q"), nullptr);
}

TEST(SnapshotTest, ActiveRoutesAreSwitchedOnInOrderOfPriority) {
  catalog::v1::Catalog catalog;
  for (const char* name : {"late", "first", "second", "disabled"}) AddProvider(catalog, name, true);
  AddProvider(catalog, "off", false);
  catalog::v1::Model& model = *catalog.add_models();
  AddRoute(model, "late", 5);
  AddRoute(model, "off", 0);
  AddRoute(model, "first", 1);
  AddRoute(model, "disabled", 0)->set_disabled(true);
  AddRoute(model, "unknown", 0);
  AddRoute(model, "second", 1);
  Snapshot snapshot(catalog);

  std::vector<std::string> names;
  for (const catalog::v1::Route* route : snapshot.ActiveRoutes(snapshot.catalog().models(0))) {
    names.push_back(route->provider());
  }
  EXPECT_THAT(names, ElementsAre("first", "second", "late"));
}

class CatalogHolderTest : public ::testing::Test {
 protected:
  metrics::Registry metrics_;
  loop::Loop loop_{"test"};
  CatalogHolder holder_{loop_, metrics_};
};

TEST_F(CatalogHolderTest, BeginsEmpty) {
  EXPECT_FALSE(holder_.ready());
  ASSERT_NE(holder_.Current(), nullptr);
  EXPECT_EQ(holder_.Current()->version(), 0);
}

TEST_F(CatalogHolderTest, IgnoresOlderAndEqualVersions) {
  EXPECT_TRUE(holder_.Set(CatalogOfVersion(5)));
  std::shared_ptr<const Snapshot> five = holder_.Current();
  EXPECT_FALSE(holder_.Set(CatalogOfVersion(5)));
  EXPECT_FALSE(holder_.Set(CatalogOfVersion(4)));
  EXPECT_EQ(holder_.Current(), five);
  EXPECT_TRUE(holder_.ready());
}

TEST_F(CatalogHolderTest, ASnapshotInHandSurvivesItsSuccessor) {
  holder_.Set(CatalogOfVersion(1));
  std::shared_ptr<const Snapshot> one = holder_.Current();
  holder_.Set(CatalogOfVersion(2));
  EXPECT_EQ(one->version(), 1);
  EXPECT_EQ(holder_.Current()->version(), 2);
}

TEST_F(CatalogHolderTest, AVersionThatIsThereNeedsNoWait) {
  holder_.Set(CatalogOfVersion(5));
  EXPECT_TRUE(Wait(holder_.WaitForVersion(5, absl::ZeroDuration())));
  EXPECT_TRUE(Wait(holder_.WaitForVersion(4, absl::ZeroDuration())));
}

TEST_F(CatalogHolderTest, AVersionThatDoesNotComeEndsTheWait) {
  holder_.Set(CatalogOfVersion(5));
  EXPECT_FALSE(Wait(holder_.WaitForVersion(6, absl::Milliseconds(20))));
}

TEST_F(CatalogHolderTest, WakesThoseWhoseVersionHasComeOnTheLoop) {
  std::promise<bool> six;
  std::promise<bool> seven;
  std::atomic<bool> on_loop{false};
  Start<bool>(holder_.WaitForVersion(6, absl::Seconds(20)), [&](bool reached) {
    on_loop = loop_.InLoop();
    six.set_value(reached);
  });
  Start<bool>(holder_.WaitForVersion(7, absl::Seconds(20)), [&](bool reached) { seven.set_value(reached); });
  holder_.Set(CatalogOfVersion(6));
  EXPECT_TRUE(six.get_future().get());
  EXPECT_TRUE(on_loop);
  std::future<bool> later = seven.get_future();
  EXPECT_EQ(later.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  holder_.Set(CatalogOfVersion(9));
  EXPECT_TRUE(later.get());
}

TEST_F(CatalogHolderTest, TheEndOfTheHolderEndsWaits) {
  auto holder = std::make_unique<CatalogHolder>(loop_, metrics_);
  std::promise<bool> ended;
  Start<bool>(holder->WaitForVersion(1, absl::Hours(1)), [&](bool reached) { ended.set_value(reached); });
  holder.reset();
  EXPECT_FALSE(ended.get_future().get());
}

TEST_F(CatalogHolderTest, SubscribersSeeEachNewerVersionUntilTheyGo) {
  std::vector<int64_t> seen;
  CatalogHolder::Subscription subscription = holder_.Subscribe(
      [&](const std::shared_ptr<const Snapshot>& snapshot) { seen.push_back(snapshot->version()); });
  holder_.Set(CatalogOfVersion(1));
  holder_.Set(CatalogOfVersion(3));
  holder_.Set(CatalogOfVersion(2));
  subscription = CatalogHolder::Subscription();
  holder_.Set(CatalogOfVersion(4));
  EXPECT_THAT(seen, ElementsAre(1, 3));
}

TEST_F(CatalogHolderTest, ASubscriberMayEndItsOwnSubscription) {
  int calls = 0;
  CatalogHolder::Subscription subscription;
  subscription = holder_.Subscribe([&](const std::shared_ptr<const Snapshot>&) {
    ++calls;
    subscription = CatalogHolder::Subscription();
  });
  holder_.Set(CatalogOfVersion(1));
  holder_.Set(CatalogOfVersion(2));
  EXPECT_EQ(calls, 1);
}

class LineTest : public CatalogHolderTest {
 protected:
  double Gauge(const std::string& name) { return metrics_.GetGauge(name, "").value(); }
  double Failures() { return metrics_.GetCounter("prismatic_catalog_watch_failures_total", "").value(); }
};

TEST_F(LineTest, TellsWhetherTheSourceAnswersAndHowOftenItDidNot) {
  Line line(holder_, loop_, metrics_);
  EXPECT_EQ(Gauge("prismatic_catalog_watch_connected"), 0);
  line.Connected();
  EXPECT_EQ(Gauge("prismatic_catalog_watch_connected"), 1);
  EXPECT_EQ(Gauge("prismatic_catalog_last_error_timestamp_seconds"), 0);
  double before = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  line.Lost();
  line.Lost();
  EXPECT_EQ(Gauge("prismatic_catalog_watch_connected"), 0);
  EXPECT_EQ(Failures(), 2);
  EXPECT_GE(Gauge("prismatic_catalog_last_error_timestamp_seconds"), before);
  line.Connected();
  EXPECT_EQ(Gauge("prismatic_catalog_watch_connected"), 1);
  EXPECT_EQ(Failures(), 2);
}

TEST_F(LineTest, TellsTheAgeOfTheCatalogAndOfTheSilence) {
  Line line(holder_, loop_, metrics_);
  line.Lost();
  EXPECT_TRUE(WaitUntil([&] {
    return Gauge("prismatic_catalog_age_seconds") > 0 && Gauge("prismatic_catalog_last_contact_seconds") > 0;
  }));
  line.Connected();
  EXPECT_EQ(Gauge("prismatic_catalog_last_contact_seconds"), 0);
  // The age goes on, and begins anew with the next version.
  EXPECT_TRUE(WaitUntil([&] { return Gauge("prismatic_catalog_age_seconds") >= 1.5; }));
  EXPECT_EQ(Gauge("prismatic_catalog_last_contact_seconds"), 0);
  holder_.Set(CatalogOfVersion(1));
  EXPECT_LT(Gauge("prismatic_catalog_age_seconds"), 1.5);
}

}  // namespace
}  // namespace prismatic::catalog_watch
