#include "services/common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prismatic::metrics {
namespace {

using ::testing::HasSubstr;

TEST(MetricsTest, AskingTwiceGivesTheSameMetric) {
  Registry registry;
  registry.GetCounter("prismatic_things_total", "Things.", {{"kind", "a"}}).Add();
  registry.GetCounter("prismatic_things_total", "Things.", {{"kind", "a"}}).Add(2);
  registry.GetHistogram("prismatic_wait_seconds", "Wait.", FastBuckets()).Observe(absl::Milliseconds(3));
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_things_total{kind=\"a\"} 3"));
  EXPECT_THAT(registry.Text(), HasSubstr("prismatic_wait_seconds_bucket{le=\"0.005\"} 1"));
}

}  // namespace
}  // namespace prismatic::metrics
