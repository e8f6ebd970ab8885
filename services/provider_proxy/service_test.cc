#include "services/provider_proxy/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "services/common/rpc/channel.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/proxy_fixture.h"
#include "services/provider_proxy/proxy_server.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::SizeIs;
using Request = ScriptedUpstream::Request;
using Reply = ScriptedUpstream::Reply;

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ProxyOptions options;
    options.listen = "127.0.0.1:0";
    auto server = ProxyServer::Start(options, process_.catalog, process_.loop, process_.workers,
                                     process_.metrics, &process_.bytes_in_flight);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::ProviderProxy::NewStub(
        rpc::MakeChannel(absl::StrCat("127.0.0.1:", server_->port()), kMessageBytesMax));
  }
  void Use(const CatalogBuilder& builder) { process_.catalog.Set(builder.Build()); }

  // Reads the whole stream.
  absl::Status Call(grpc::ClientContext& context, const v1::GenerateImagesRequest& request) {
    auto reader = stub_->GenerateImages(&context, request);
    v1::GenerateImagesResponse response;
    while (reader->Read(&response)) responses_.push_back(response);
    return rpc::FromGrpc(reader->Finish());
  }

  TestProcess process_;
  std::unique_ptr<ProxyServer> server_;
  std::unique_ptr<v1::ProviderProxy::Stub> stub_;
  std::vector<v1::GenerateImagesResponse> responses_;
};

TEST_F(ServiceTest, StreamsOneImageAMessageThenTheSummary) {
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  grpc::ClientContext context;
  ASSERT_TRUE(Call(context, RequestFor(3)).ok());
  ASSERT_THAT(responses_, SizeIs(7));
  for (int i = 0; i < 3; ++i) {
    // What is announced is what then comes.
    const v1::GenerateImagesResponse& message = responses_[2 * i + 1];
    EXPECT_EQ(responses_[2 * i].announcement().message_bytes(), static_cast<int64_t>(message.ByteSizeLong()));
    EXPECT_EQ(message.image().base64(), test_images::PngBase64(64, 32));
    EXPECT_EQ(message.image().mime_type(), "image/png");
    EXPECT_EQ(message.image().width(), 64);
    EXPECT_EQ(message.image().height(), 32);
  }
  EXPECT_EQ(responses_[6].summary().provider(), "a");
}

TEST_F(ServiceTest, ACallerSeesInitialMetadataBeforeAnUpstreamHasAnswered) {
  std::atomic<bool> release = false;
  ScriptedUpstream upstream([&](const Request& request) {
    release.wait(false);
    return ImagesAsAsked(request);
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  grpc::ClientContext context;
  // Only so that the test ends when the metadata do not come before the first image.
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  auto reader = stub_->GenerateImages(&context, RequestFor(1));
  reader->WaitForInitialMetadata();
  release = true;
  release.notify_all();
  v1::GenerateImagesResponse response;
  while (reader->Read(&response)) responses_.push_back(response);
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(responses_, SizeIs(3));
}

// Callers that give up sooner and later: before a call arrives, while its metadata go out, afterwards.
TEST_F(ServiceTest, CallsGivenUpAtAnyMomentEndCleanly) {
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  for (int i = 0; i < 200; ++i) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(10 * (i % 40)));
    auto reader = stub_->GenerateImages(&context, RequestFor(1));
    v1::GenerateImagesResponse response;
    while (reader->Read(&response)) {
    }
    reader->Finish();
  }
  absl::Time started = absl::Now();
  server_->Drain(absl::Seconds(60));
  EXPECT_LT(absl::Now() - started, absl::Seconds(30)) << "no stream is left open";
}

TEST_F(ServiceTest, CarriesImagesOfManyMegabytes) {
  std::string image = test_images::PngBase64(4096, 4096, 20'000'000);
  ScriptedUpstream upstream([&](const Request&) {
    return ScriptedUpstream::Answer(200, absl::StrCat(R"({"data":[{"b64_json":")", image, R"("}]})"));
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url()).set_max_image_bytes(32 << 20);
  Use(catalog);
  grpc::ClientContext context;
  ASSERT_TRUE(Call(context, RequestFor(1)).ok());
  EXPECT_TRUE(responses_[1].image().base64() == image);
}

TEST_F(ServiceTest, ErrorsCarryTheirReason) {
  CatalogBuilder catalog;
  Use(catalog);
  grpc::ClientContext context;
  absl::Status status = Call(context, RequestFor(1));
  EXPECT_EQ(ReasonOf(status), common::v1::ERROR_REASON_NO_IMAGE_ROUTE);
  EXPECT_THAT(responses_, SizeIs(0));
}

TEST_F(ServiceTest, ACallersCancelReachesTheUpstreamCall) {
  std::atomic<bool> hang = true;
  ScriptedUpstream upstream(
      [&](const Request& request) { return hang ? ScriptedUpstream::Hang() : ImagesAsAsked(request); });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).set_max_concurrent(1);
  Use(catalog);
  grpc::ClientContext cancelled;
  std::thread canceller([&] {
    upstream.AwaitRequests(1);
    cancelled.TryCancel();
  });
  EXPECT_EQ(Call(cancelled, RequestFor(1)).code(), absl::StatusCode::kCancelled);
  canceller.join();
  // Its slot, the only one, is free again.
  hang = false;
  grpc::ClientContext next;
  EXPECT_TRUE(Call(next, RequestFor(1)).ok());
}

TEST_F(ServiceTest, ACallersDeadlineEndsTheCall) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  EXPECT_EQ(Call(context, RequestFor(1)).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ServiceTest, AHundredCallsAtOnceAllGetTheirImages) {
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url()).set_max_images_per_call(1);
  Use(catalog);
  std::atomic<int> images = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 10; ++i) {
    callers.emplace_back([&] {
      for (int call = 0; call < 10; ++call) {
        grpc::ClientContext context;
        auto reader = stub_->GenerateImages(&context, RequestFor(2));
        v1::GenerateImagesResponse response;
        while (reader->Read(&response)) images += response.has_image();
        EXPECT_TRUE(reader->Finish().ok());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(images, 200);
  EXPECT_EQ(process_.metrics.GetGauge("prismatic_upstream_in_flight", "", {{"provider", "a"}}).value(), 0);
}

TEST_F(ServiceTest, ADrainLetsACallInFlightFinish) {
  std::atomic<bool> release = false;
  ScriptedUpstream upstream([&](const Request& request) {
    release.wait(false);
    return ImagesAsAsked(request);
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  std::thread caller([&] {
    grpc::ClientContext context;
    EXPECT_TRUE(Call(context, RequestFor(1)).ok());
  });
  upstream.AwaitRequests(1);
  std::thread drain([&] { server_->Drain(absl::Seconds(30)); });
  release = true;
  release.notify_all();
  caller.join();
  drain.join();
}

TEST_F(ServiceTest, ATakenPortAndAMissingFolderEndTheStart) {
  ProxyOptions options;
  options.listen = absl::StrCat("127.0.0.1:", server_->port());
  EXPECT_FALSE(ProxyServer::Start(options, process_.catalog, process_.loop, process_.workers,
                                  process_.metrics, &process_.bytes_in_flight)
                   .ok());
  options.listen = "127.0.0.1:0";
  options.credentials_dir = "/no/such/folder";
  EXPECT_FALSE(ProxyServer::Start(options, process_.catalog, process_.loop, process_.workers,
                                  process_.metrics, &process_.bytes_in_flight)
                   .ok());
}

}  // namespace
}  // namespace prismatic::provider_proxy
