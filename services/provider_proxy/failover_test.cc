#include "services/provider_proxy/provider_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "services/common/log/log.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/proxy_fixture.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Request = ScriptedUpstream::Request;
using Reply = ScriptedUpstream::Reply;

using FailoverTest = CoreTest;

Reply Refuse(int status, absl::string_view headers = "") {
  return ScriptedUpstream::Answer(status, "{}", headers);
}

TEST_F(FailoverTest, TheNextRouteIsTriedWhenTheFirstDidNotStart) {
  for (int status : {401, 402, 403, 404, 429}) {
    ScriptedUpstream first([&](const Request&) { return Refuse(status); });
    ScriptedUpstream second(ImagesAsAsked);
    CatalogBuilder catalog;
    catalog.Add("first", first.url());
    catalog.Add("second", second.url());
    Use(catalog);
    Result result = Generate(RequestFor(1));
    EXPECT_THAT(result.images, SizeIs(1)) << status << result.status;
    EXPECT_EQ(result.summary->provider(), "second");
    EXPECT_EQ(result.summary->upstream_calls(), 2);
  }
  EXPECT_EQ(process_.Counted("prismatic_fallbacks_total", {{"from", "first"}, {"reason", "rate_limited"}}),
            1);
  EXPECT_THAT(process_.metrics.Text(), HasSubstr("prismatic_upstream_attempts_bucket{le=\"1\"} 0"));
  EXPECT_THAT(process_.metrics.Text(), HasSubstr("prismatic_upstream_attempts_bucket{le=\"2\"} 5"));
}

TEST_F(FailoverTest, SlotsAreToldOfTheProvidersThatThereAre) {
  CatalogBuilder two;
  two.Add("first", "http://127.0.0.1:1");
  two.Add("second", "http://127.0.0.1:1");
  two.provider(1).set_max_concurrent(7);
  Use(two);
  EXPECT_THAT(process_.metrics.Text(), HasSubstr("prismatic_provider_concurrency{provider=\"first\"} 0"));
  EXPECT_THAT(process_.metrics.Text(),
              HasSubstr("prismatic_provider_concurrency_limit{provider=\"second\"} 7"));
  CatalogBuilder one;
  one.Add("first", "http://127.0.0.1:1");
  Use(one);
  EXPECT_THAT(process_.metrics.Text(),
              Not(HasSubstr("prismatic_provider_concurrency_limit{provider=\"second\"}")));
}

TEST_F(FailoverTest, NoSecondCallAfterAnOutcomeThatMayHaveCost) {
  const Reply kReplies[] = {Refuse(500),
                            Refuse(502),
                            Refuse(503),
                            Refuse(504),
                            Reply{"", true},
                            Reply{.bytes = "", .reset = true},
                            Reply{"no status line of HTTP\r\n\r\n", true},
                            ScriptedUpstream::Answer(200, "<html>"),
                            ScriptedUpstream::Answer(200, R"({"data":[]})"),
                            ScriptedUpstream::Answer(200, R"({"data":[{"b64_json":"AAAA"}]})"),
                            Reply{"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"data\"", true}};
  for (const Reply& reply : kReplies) {
    ScriptedUpstream first([&](const Request&) { return reply; });
    ScriptedUpstream second(ImagesAsAsked);
    CatalogBuilder catalog;
    catalog.Add("first", first.url());
    catalog.Add("second", second.url());
    Use(catalog);
    Result result = Generate(RequestFor(1));
    EXPECT_THAT(result.reason(), ::testing::AnyOf("UPSTREAM_ERROR", "UPSTREAM_TIMEOUT")) << reply.bytes;
    EXPECT_THAT(result.images, IsEmpty());
    EXPECT_THAT(second.requests(), IsEmpty()) << reply.bytes;
    EXPECT_THAT(first.requests(), SizeIs(1)) << reply.bytes;
  }
}

TEST_F(FailoverTest, ARetrySafeRouteMayBeAskedAgain) {
  std::atomic<int> calls = 0;
  ScriptedUpstream upstream(
      [&](const Request& request) { return ++calls == 1 ? Refuse(500) : ImagesAsAsked(request); });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url()).set_retry_safe(true);
  Use(catalog);
  EXPECT_THAT(Generate(RequestFor(1)).images, SizeIs(1));
  calls = -5;
  ScriptedUpstream broken([&](const Request&) { return Refuse(500); });
  CatalogBuilder other;
  other.Add("b", broken.url()).set_retry_safe(true);
  Use(other);
  EXPECT_EQ(Generate(RequestFor(1)).reason(), "UPSTREAM_ERROR");
  EXPECT_THAT(broken.requests(), SizeIs(2)) << "once more, not for ever";
}

TEST_F(FailoverTest, ContentRefusalsAndBadValuesEndTheRequest) {
  ScriptedUpstream second(ImagesAsAsked);
  ScriptedUpstream moderated([](const Request&) {
    return ScriptedUpstream::Answer(400, R"({"error":{"code":"moderation_blocked","message":"geheim"}})");
  });
  ScriptedUpstream rejected([](const Request&) {
    return ScriptedUpstream::Answer(400, R"({"error":{"code":"invalid_value","message":"geheim"}})");
  });
  for (const auto& [url, reason] :
       {std::pair(moderated.url(), "MODERATION_BLOCKED"), std::pair(rejected.url(), "INVALID_VALUE")}) {
    CatalogBuilder catalog;
    catalog.Add("first", url);
    catalog.Add("second", second.url());
    Use(catalog);
    Result result = Generate(RequestFor(1));
    EXPECT_EQ(result.reason(), reason);
    EXPECT_THAT(std::string(result.status.message()), Not(HasSubstr("geheim")));
  }
  EXPECT_THAT(second.requests(), IsEmpty());
}

TEST_F(FailoverTest, WhenEveryRouteRefusesTheSmallestRetryAfterIsPassedOn) {
  ScriptedUpstream first([](const Request&) { return Refuse(429, "Retry-After: 30\r\n"); });
  ScriptedUpstream second([](const Request&) { return Refuse(503, "Retry-After: 5\r\n"); });
  CatalogBuilder catalog;
  catalog.Add("first", first.url());
  catalog.Add("second", second.url());
  catalog.Add("dead", "http://127.0.0.1:1");
  Use(catalog);
  Result result = Generate(RequestFor(1));
  EXPECT_EQ(result.reason(), "MODEL_OVERLOADED");
  EXPECT_EQ(RetryAfterOf(result.status), absl::Seconds(5));
}

TEST_F(FailoverTest, RetryAfterHasADefaultAndALimit) {
  ScriptedUpstream far([](const Request&) { return Refuse(429, "Retry-After: 3000\r\n"); });
  ScriptedUpstream silent([](const Request&) { return Refuse(429); });
  CatalogBuilder one;
  one.Add("far", far.url());
  Use(one);
  EXPECT_EQ(RetryAfterOf(Generate(RequestFor(1)).status), absl::Seconds(60));
  CatalogBuilder two;
  two.Add("silent", silent.url());
  Use(two);
  EXPECT_EQ(RetryAfterOf(Generate(RequestFor(1)).status), absl::Seconds(2));
}

TEST_F(FailoverTest, FewerImagesThanAskedForAreStillASuccess) {
  ScriptedUpstream upstream([](const Request&) {
    return ScriptedUpstream::Answer(
        200, absl::StrCat(R"({"data":[{"b64_json":")", test_images::kPng, R"("},{"b64_json":"AAAA"}]})"));
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  Result result = Generate(RequestFor(3));
  EXPECT_TRUE(result.status.ok());
  EXPECT_THAT(result.images, SizeIs(1));
  EXPECT_THAT(upstream.requests(), SizeIs(1)) << "what came short is not bought again";
}

TEST_F(FailoverTest, WhatARouteRefusedOfASplitRequestGoesToTheNext) {
  std::atomic<int> calls = 0;
  ScriptedUpstream first(
      [&](const Request& request) { return ++calls == 1 ? ImagesAsAsked(request) : Refuse(429); });
  ScriptedUpstream second(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("first", first.url()).set_max_images_per_call(2);
  catalog.provider(0).set_max_concurrent(1);
  catalog.Add("second", second.url());
  Use(catalog);
  Result result = Generate(RequestFor(5));
  EXPECT_THAT(result.images, SizeIs(5));
  ASSERT_THAT(second.requests(), SizeIs(1));
  EXPECT_THAT(second.requests()[0].body, HasSubstr("\"n\":3"));
}

TEST_F(FailoverTest, AProviderAtItsLimitPassesToTheNextRoute) {
  ScriptedUpstream first([](const Request&) { return ScriptedUpstream::Hang(); });
  ScriptedUpstream second(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("first", first.url());
  catalog.provider(0).set_max_concurrent(1);
  catalog.Add("second", second.url());
  Use(catalog);
  CallContext holding;
  std::thread holder([&] { EXPECT_FALSE(Generate(RequestFor(1), holding).status.ok()); });
  first.AwaitRequests(1);
  EXPECT_EQ(Generate(RequestFor(1)).summary->provider(), "second");
  EXPECT_EQ(process_.Counted("prismatic_fallbacks_total", {{"from", "first"}, {"reason", "full"}}), 1);
  holding.cancellation.Cancel();
  holder.join();
}

TEST_F(FailoverTest, AWaitForTheOnlyProviderEndsAsOverloaded) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).set_max_concurrent(1);
  Use(catalog);
  CallContext holding;
  std::thread holder([&] { EXPECT_FALSE(Generate(RequestFor(1), holding).status.ok()); });
  upstream.AwaitRequests(1);
  EXPECT_EQ(Generate(RequestFor(1)).reason(), "MODEL_OVERLOADED");
  EXPECT_THAT(upstream.requests(), SizeIs(1));
  holding.cancellation.Cancel();
  holder.join();
}

}  // namespace
}  // namespace prismatic::provider_proxy
