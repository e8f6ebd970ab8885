#include "services/common/http/metrics_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/common/http/wire_fixture.h"

namespace prismatic::http {
namespace {

using ::testing::HasSubstr;

TEST(MetricsServerTest, ServesWhatTheRegistryHolds) {
  metrics::Registry registry;
  registry.GetCounter("prismatic_things_total", "Things.", {{"kind", "a"}}).Add(3);
  auto server = MetricsServer::Start("127.0.0.1:0", registry);
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("127.0.0.1", (*server)->port());
  httplib::Result metrics = client.Get("/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->status, 200);
  EXPECT_EQ(metrics->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line : {"prismatic_things_total{kind=\"a\"} 3",
                           "prismatic_build_info{version=", "process_resident_memory_bytes ",
                           "process_cpu_seconds_total ", "process_start_time_seconds "}) {
    EXPECT_THAT(metrics->body, HasSubstr(line));
  }
  EXPECT_EQ(client.Get("/")->status, 404);
  EXPECT_EQ(client.Post("/metrics", "", "text/plain")->status, 405);
}

TEST(MetricsServerTest, ATakenPortIsAnError) {
  metrics::Registry registry;
  auto first = MetricsServer::Start("127.0.0.1:0", registry);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(MetricsServer::Start(absl::StrCat("127.0.0.1:", (*first)->port()), registry).ok());
}

TEST(MetricsServerTest, TwoServersOfOneProcessAreCountedApart) {
  metrics::Registry registry;
  ServerOptions options = Options();
  options.metrics = &registry;
  std::unique_ptr<Server> first = Started(Echo, options);
  options.metrics_prefix = "prismatic_other";
  std::unique_ptr<Server> second = Started(Echo, options);
  httplib::Client client("127.0.0.1", first->port());
  client.set_keep_alive(true);
  ASSERT_TRUE(client.Get("/"));
  ASSERT_TRUE(httplib::Client("127.0.0.1", second->port()).Get("/"));
  // The gate tells them when it has answered, not before.
  auto comes = [&](const std::string& line) {
    absl::Time until = absl::Now() + absl::Seconds(20);
    while (!absl::StrContains(registry.Text(), line) && absl::Now() < until) std::this_thread::yield();
    return absl::StrContains(registry.Text(), line);
  };
  EXPECT_TRUE(comes("\nprismatic_http_connections 1\n"));
  EXPECT_TRUE(comes("\nprismatic_other_requests_begun 0\n"));
}

}  // namespace
}  // namespace prismatic::http
