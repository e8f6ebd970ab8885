#include "services/common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prismatic::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, AskingTwiceGivesTheSameMetric) {
  Registry registry;
  registry.GetCounter("prismatic_things_total", "Things.", {{"kind", "a"}}).Add();
  registry.GetCounter("prismatic_things_total", "Things.", {{"kind", "a"}}).Add(2);
  registry.GetHistogram("prismatic_wait_seconds", "Wait.", FastBuckets()).Observe(absl::Milliseconds(3));
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_things_total{kind=\"a\"} 3"));
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_wait_seconds_bucket{le=\"0.005\"} 1"));
}

TEST(MetricsTest, WhatIsReadAtALookTellsWhatIsThereNow) {
  Registry registry;
  std::map<std::string, double> now = {{"a", 1}, {"b", 2}};
  auto readings = registry.Read("prismatic_things", "Things.", "name", [&] { return now; });
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_things{name=\"a\"} 1"));
  now = {{"b", 3}};
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_things{name=\"b\"} 3"));
  EXPECT_THAT(registry.Text(), Not(HasSubstr("name=\"a\"")));
  readings = nullptr;
  EXPECT_THAT(registry.Text(), Not(HasSubstr("prismatic_things")));
}

TEST(MetricsTest, TheProcessTellsItsDescriptorsAndThatItServes) {
  Registry registry;
  EXPECT_THAT(registry.Text(), HasSubstr("process_open_fds "));
  EXPECT_THAT(registry.Text(), HasSubstr("process_max_fds "));
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_shutdown_state 0"));
  NoteDraining();
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_shutdown_state 1"));
}

}  // namespace
}  // namespace prismatic::metrics
