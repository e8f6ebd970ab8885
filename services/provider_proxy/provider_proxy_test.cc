#include "services/provider_proxy/provider_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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
using ProviderProxyTest = CoreTest;

TEST_F(ProviderProxyTest, GivesImagesThenASummary) {
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url("/v1"));
  catalog.provider(0).add_credentials("env:PROVIDER_KEY_A");
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(2);
  request.set_style("natural");

  Result result = Generate(request);

  ASSERT_TRUE(result.status.ok()) << result.status;
  ASSERT_THAT(result.images, SizeIs(2));
  EXPECT_EQ(result.images[0].base64(), test_images::PngBase64(64, 32));
  EXPECT_EQ(result.images[1].width(), 64);
  EXPECT_EQ(result.summary->provider(), "a");
  EXPECT_EQ(result.summary->upstream_model(), "a-model");
  EXPECT_EQ(result.summary->upstream_calls(), 1);
  EXPECT_THAT(result.summary->ignored_parameters(), ElementsAre("style"));
  ASSERT_THAT(upstream.requests(), SizeIs(1));
  EXPECT_EQ(upstream.requests()[0].path(), "/v1/images/generations");
  EXPECT_EQ(upstream.requests()[0].header("Authorization"), "Bearer upstream-secret-1");
  EXPECT_EQ(upstream.requests()[0].body, R"({"model":"a-model","prompt":"a fox","n":2})");
  EXPECT_EQ(process_.Counted("prismatic_images_generated_total", {{"provider", "a"}, {"model", "m"}}), 2);
  EXPECT_EQ(process_.Counted("prismatic_upstream_requests_total", {{"provider", "a"}, {"outcome", "ok"}}), 1);
}

TEST_F(ProviderProxyTest, SplitsOverTheRoutesMaximumSideBySide) {
  ScriptedUpstream* self = nullptr;
  ScriptedUpstream upstream([&](const Request& request) {
    self->AwaitRequests(4);  // passes only when four calls are under way at once
    return ImagesAsAsked(request);
  });
  self = &upstream;
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url()).set_max_images_per_call(2);
  Use(catalog);
  Result result = Generate(RequestFor(7));
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_THAT(result.images, SizeIs(7));
  EXPECT_EQ(result.summary->upstream_calls(), 4);
}

TEST_F(ProviderProxyTest, OneSlotIsEnoughForAllCallsOfARequest) {
  std::atomic<int> at_once = 0, most = 0;
  ScriptedUpstream upstream([&](const Request& request) {
    most = std::max<int>(most, ++at_once);
    Reply reply = ImagesAsAsked(request);
    --at_once;
    return reply;
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url()).set_max_images_per_call(1);
  catalog.provider(0).set_max_concurrent(1);
  Use(catalog);
  EXPECT_THAT(Generate(RequestFor(5)).images, SizeIs(5));
  EXPECT_EQ(most, 1);
}

TEST_F(ProviderProxyTest, ChatRoutesLoop) {
  ScriptedUpstream upstream([](const Request&) {
    return ScriptedUpstream::Answer(
        200, absl::StrCat(R"({"choices":[{"message":{"images":[{"image_url":{"url":"data:image/png;base64,)",
                          test_images::kPng, R"("}}]}}]})"));
  });
  CatalogBuilder catalog;
  catalog.Add("chat", upstream.url("/v1"), catalog::v1::WIRE_FORMAT_CHAT_COMPLETIONS)
      .set_reference_images(catalog::v1::REFERENCE_IMAGES_CHAT);
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(3);
  request.add_reference_images("https://example.com/reference.png");
  EXPECT_THAT(Generate(request).images, SizeIs(3));
  ASSERT_THAT(upstream.requests(), SizeIs(3));
  EXPECT_EQ(upstream.requests()[0].path(), "/v1/chat/completions");
  EXPECT_THAT(upstream.requests()[0].body,
              HasSubstr(R"({"type":"image_url","image_url":{"url":"https://example.com/reference.png"}})"));
  EXPECT_THAT(upstream.requests()[0].body, HasSubstr(R"("model":"chat-model")"));
}

TEST_F(ProviderProxyTest, SaysWhyNoUpstreamIsAsked) {
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).set_images_enabled(false);
  Use(catalog);
  EXPECT_EQ(Generate(RequestFor(1)).reason(), "NO_IMAGE_ROUTE");
  v1::GenerateImagesRequest unknown = RequestFor(1);
  unknown.set_model("other");
  EXPECT_EQ(Generate(unknown).reason(), "MODEL_NOT_FOUND");
  v1::GenerateImagesRequest newer = RequestFor(1);
  newer.set_catalog_version(99);
  EXPECT_EQ(Generate(newer).reason(), "CATALOG_BEHIND");
  EXPECT_EQ(Generate(RequestFor(0)).reason(), "INVALID_VALUE");
  EXPECT_EQ(Generate(RequestFor(11)).reason(), "INVALID_VALUE");
  EXPECT_THAT(upstream.requests(), IsEmpty());
}

TEST_F(ProviderProxyTest, ReferenceImagesUseOnlyRoutesThatTakeThem) {
  ScriptedUpstream without(ImagesAsAsked), with(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("without", without.url()).set_reference_images(catalog::v1::REFERENCE_IMAGES_NONE);
  catalog.Add("with", with.url()).set_reference_images(catalog::v1::REFERENCE_IMAGES_NATIVE);
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(1);
  request.add_reference_images("https://example.com/r.png");
  EXPECT_EQ(Generate(request).summary->provider(), "with");
  EXPECT_THAT(without.requests(), IsEmpty());

  CatalogBuilder none;
  none.Add("without", without.url());
  Use(none);
  Result result = Generate(request);
  EXPECT_EQ(result.reason(), "INVALID_VALUE");
  EXPECT_EQ(MetadataOf(result.status, "param"), "image_url");
}

TEST_F(ProviderProxyTest, ARouteWithoutItsCredentialIsSkipped) {
  ScriptedUpstream first(ImagesAsAsked), second(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("first", first.url());
  catalog.provider(0).add_credentials("env:PROVIDER_KEY_MISSING");
  catalog.Add("second", second.url());
  Use(catalog);
  EXPECT_EQ(Generate(RequestFor(1)).summary->provider(), "second");
  EXPECT_THAT(first.requests(), IsEmpty());
}

TEST_F(ProviderProxyTest, ACancelledCallEndsAndGivesItsSlotBack) {
  std::atomic<bool> hang = true;
  ScriptedUpstream upstream(
      [&](const Request& request) { return hang ? ScriptedUpstream::Hang() : ImagesAsAsked(request); });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).set_max_concurrent(1);
  Use(catalog);
  CallContext call;
  std::thread canceller([&] {
    upstream.AwaitRequests(1);
    call.cancellation.Cancel();
  });
  EXPECT_EQ(Generate(RequestFor(1), call).status.code(), absl::StatusCode::kCancelled);
  canceller.join();
  hang = false;
  EXPECT_TRUE(Generate(RequestFor(1)).status.ok());
}

TEST_F(ProviderProxyTest, TheCallersDeadlineEndsAnUpstreamThatHangs) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  CallContext call;
  call.deadline = absl::Now() + absl::Milliseconds(100);
  EXPECT_EQ(Generate(RequestFor(1), call).reason(), "UPSTREAM_TIMEOUT");
}

TEST_F(ProviderProxyTest, AUrlIsFetchedAndEncodedOnlyWhenBase64IsWanted) {
  std::string png = test_images::Png(20, 10, 500);
  ScriptedUpstream* self = nullptr;
  ScriptedUpstream upstream([&](const Request& request) {
    if (request.path() == "/file.png") return ScriptedUpstream::Answer(200, png);
    return ScriptedUpstream::Answer(200,
                                    absl::StrCat(R"({"data":[{"url":")", self->url("/file.png"), R"("}]})"));
  });
  self = &upstream;
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).add_fetch_hosts("127.0.0.1");
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(1);
  EXPECT_EQ(Generate(request).images[0].url(), upstream.url("/file.png"));
  request.set_response_format(v1::RESPONSE_FORMAT_URL);
  EXPECT_EQ(Generate(request).images[0].url(), upstream.url("/file.png"));
  request.set_response_format(v1::RESPONSE_FORMAT_B64_JSON);
  Result result = Generate(request);
  ASSERT_THAT(result.images, SizeIs(1)) << result.status;
  EXPECT_EQ(result.images[0].base64(), absl::Base64Escape(png));
  EXPECT_EQ(result.images[0].mime_type(), "image/png");
  EXPECT_EQ(result.images[0].height(), 10);
}

TEST_F(ProviderProxyTest, AUrlIntoOurOwnNetworkIsNotFetched) {
  ScriptedUpstream inside(ImagesAsAsked);
  ScriptedUpstream upstream([&](const Request&) {
    return ScriptedUpstream::Answer(200,
                                    absl::StrCat(R"({"data":[{"url":")", inside.url("/secret"), R"("}]})"));
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  v1::GenerateImagesRequest request = RequestFor(1);
  request.set_response_format(v1::RESPONSE_FORMAT_B64_JSON);
  EXPECT_EQ(Generate(request).reason(), "UPSTREAM_ERROR");
  EXPECT_THAT(inside.requests(), IsEmpty());
}

TEST_F(ProviderProxyTest, ARaisedLimitOfTheCatalogLetsInWhoWaits) {
  std::atomic<int> calls = 0;
  std::atomic<bool> release = false;
  ScriptedUpstream upstream([&](const Request& request) {
    if (++calls == 1) release.wait(false);
    return ImagesAsAsked(request);
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).set_max_concurrent(1);
  Use(catalog);
  std::thread first([&] { EXPECT_TRUE(Generate(RequestFor(1)).status.ok()); });
  upstream.AwaitRequests(1);
  std::promise<absl::Status> second;
  auto request = std::make_shared<const v1::GenerateImagesRequest>(RequestFor(1));
  Start<ProviderProxy::Generated>(
      proxy_.Generate({}, request, [](v1::GenerateImagesResponse, std::shared_ptr<ByteRoom::Entry>) {}),
      [&](ProviderProxy::Generated ended) { second.set_value(std::move(ended.status)); });
  // Once both workers are here, the second request, which they had before, waits for its slot.
  auto both = std::make_shared<std::barrier<>>(3);
  for (int i = 0; i < 2; ++i) process_.workers.Post([both] { both->arrive_and_wait(); });
  both->arrive_and_wait();
  catalog.provider(0).set_max_concurrent(2);
  Use(catalog);
  EXPECT_TRUE(second.get_future().get().ok());
  release = true;
  release.notify_all();
  first.join();
}

std::mutex log_mutex;
std::string log_text;

TEST_F(ProviderProxyTest, LogsALineForTheCallAndForEachAttemptWithoutPromptOrCredential) {
  log::SetSink([](absl::string_view line) {
    std::lock_guard<std::mutex> lock(log_mutex);
    absl::StrAppend(&log_text, line, "\n");
  });
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).add_credentials("env:PROVIDER_KEY_A");
  Use(catalog);
  CallContext call;
  call.request_id = "0192-request";
  call.trace = TraceContext::New();
  EXPECT_TRUE(Generate(RequestFor(1), call).status.ok());
  log::SetSink(nullptr);
  for (const char* name : {"traceparent", "tracestate", "x-request-id"}) {
    EXPECT_EQ(upstream.requests().at(0).header(name), "") << "providers do not hear of it";
  }
  std::lock_guard<std::mutex> lock(log_mutex);
  std::vector<std::string> lines = absl::StrSplit(log_text, '\n', absl::SkipEmpty());
  EXPECT_THAT(lines,
              ElementsAre(HasSubstr(R"("message":"upstream call")"), HasSubstr(R"("message":"generation")")));
  for (const std::string& line : lines) {
    EXPECT_THAT(line,
                HasSubstr(absl::StrCat(R"("request_id":"0192-request","trace_id":")", call.trace.trace_id(),
                                       R"(","span_id":")", call.trace.span_id(), "\"")));
  }
  EXPECT_THAT(log_text, HasSubstr(R"("images_wanted":1,"images":1,"upstream_calls":1)"));
  EXPECT_THAT(log_text, HasSubstr(R"("outcome":"ok")"));
  EXPECT_THAT(log_text, HasSubstr(R"("status":200)"));
  EXPECT_THAT(log_text, Not(HasSubstr("\"note\""))) << "there is nothing to note";
  EXPECT_THAT(log_text, Not(HasSubstr("fox")));
  EXPECT_THAT(log_text, Not(HasSubstr("upstream-secret")));
}

}  // namespace
}  // namespace prismatic::provider_proxy
