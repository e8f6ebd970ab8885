// The gRPC services and the watch, over real connections.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "services/catalog_watch/watcher.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/grpc_status.h"
#include "services/model_registry/test_registry.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::RedisServer;
using ::prismatic::testing::WaitUntil;

using RegistryServerTest = RegistryTest;

TEST_F(RegistryServerTest, ReadsAnswerFromTheCatalog) {
  auto process = RunWith(kYaml);
  auto stub = v1::ModelRegistry::NewStub(ChannelTo(process->server->port()));
  grpc::ClientContext resolve_context;
  v1::ResolveModelRequest resolve;
  resolve.set_public_id("google/imagen-4");
  v1::ResolveModelResponse resolved;
  ASSERT_TRUE(stub->ResolveModel(&resolve_context, resolve, &resolved).ok());
  EXPECT_EQ(resolved.model().name(), "imagen-4");
  EXPECT_EQ(resolved.catalog_version(), process->version());

  grpc::ClientContext list_context;
  v1::ListModelsResponse listed;
  ASSERT_TRUE(stub->ListModels(&list_context, {}, &listed).ok());
  ASSERT_EQ(listed.models_size(), 2);
  EXPECT_EQ(listed.models(1).public_id(), "google/imagen-4");
  EXPECT_TRUE(listed.models(1).available());
  EXPECT_EQ(listed.models(1).retail_generation_nano_usd(), 40'000'000);

  grpc::ClientContext get_context;
  v1::GetModelRequest get;
  get.set_name("nobody");
  v1::GetModelResponse got;
  EXPECT_THAT(rpc::FromGrpc(stub->GetModel(&get_context, get, &got)),
              HasReason(common::v1::ERROR_REASON_MODEL_NOT_FOUND));
}

TEST_F(RegistryServerTest, TheAdminPortAsksForTheToken) {
  auto process = RunWith(kYaml);
  auto stub = v1::ModelRegistryAdmin::NewStub(ChannelTo(process->server->admin_port()));
  v1::ListProvidersResponse listed;
  grpc::ClientContext stranger;
  EXPECT_THAT(rpc::FromGrpc(stub->ListProviders(&stranger, {}, &listed)),
              HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  grpc::ClientContext impostor;
  impostor.AddMetadata("authorization", "Bearer something-else");
  v1::SetProviderImagesRequest flip;
  flip.set_provider("sandbox");
  v1::SetProviderImagesResponse flipped;
  EXPECT_THAT(rpc::FromGrpc(stub->SetProviderImages(&impostor, flip, &flipped)),
              HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  EXPECT_TRUE(process->Enabled("sandbox"));

  grpc::ClientContext admin;
  admin.AddMetadata("authorization", absl::StrCat("Bearer ", kToken));
  ASSERT_TRUE(stub->ListProviders(&admin, {}, &listed).ok());
  EXPECT_EQ(listed.providers_size(), 2);
}

// Another service in its own process, with nothing but the registry's address.
struct Follower {
  explicit Follower(int port) : watcher(absl::StrCat("127.0.0.1:", port), holder, loop, metrics) {}
  metrics::Registry metrics;
  loop::Loop loop{"follower"};
  catalog_watch::CatalogHolder holder{loop, metrics};
  catalog_watch::Watcher watcher;
};

TEST_F(RegistryServerTest, AChangeReachesAWatcherInLessThanASecond) {
  auto process = RunWith(kYaml);
  Follower follower(process->server->port());
  ASSERT_TRUE(WaitUntil([&] { return follower.holder.ready(); }));
  EXPECT_EQ(follower.holder.Current()->version(), process->version());

  auto flipped = Flip(*process, "sandbox", false);
  ASSERT_THAT(flipped, IsOk());
  EXPECT_TRUE(Wait(follower.holder.WaitForVersion(flipped->catalog_version(), absl::Seconds(1))));
  EXPECT_FALSE(follower.holder.Current()->FindProvider("sandbox")->images_enabled());
}

TEST_F(RegistryServerTest, AChangeMadeAtAnotherRegistryReachesAWatcherInLessThanASecond) {
  auto one = RunWith(kYaml);
  auto two = RunWith(kYaml);
  Follower follower(two->server->port());
  ASSERT_TRUE(WaitUntil([&] { return follower.holder.ready(); }));
  auto flipped = Flip(*one, "sandbox", false);
  ASSERT_THAT(flipped, IsOk());
  EXPECT_TRUE(Wait(follower.holder.WaitForVersion(flipped->catalog_version(), absl::Seconds(1))));
}

TEST_F(RegistryServerTest, AWatcherKeepsItsCatalogWhileTheRegistryIsAwayAndComesBack) {
  auto process = RunWith(kYaml);
  RegistryOptions options = Options(folder_.Write("catalog.yaml", kYaml));
  options.listen = absl::StrCat("127.0.0.1:", process->server->port());
  Follower follower(process->server->port());
  ASSERT_TRUE(WaitUntil([&] { return follower.holder.ready(); }));
  int64_t version = process->version();
  metrics::Gauge connected = follower.metrics.GetGauge("prismatic_catalog_watch_connected", "");
  process.reset();
  ASSERT_TRUE(WaitUntil([&] { return connected.value() == 0; }));
  EXPECT_EQ(follower.holder.Current()->version(), version);

  process = Run(options);
  ASSERT_TRUE(WaitUntil([&] { return connected.value() == 1; }));
  ASSERT_TRUE(WaitUntil([&] { return process->Loaded(); }));
  auto flipped = Flip(*process, "sandbox", false);
  ASSERT_THAT(flipped, IsOk());
  EXPECT_TRUE(WaitUntil([&] { return follower.holder.Current()->version() == flipped->catalog_version(); }));
}

TEST_F(RegistryServerTest, AWatchBeginsAfterTheKnownVersionAndSkipsNoNewest) {
  auto process = RunWith(kYaml);
  auto stub = v1::ModelRegistry::NewStub(ChannelTo(process->server->port()));
  grpc::ClientContext context;
  v1::WatchCatalogRequest request;
  request.set_known_version(process->version());
  auto stream = stub->WatchCatalog(&context, request);
  int64_t last = process->version();
  for (int i = 0; i < 50; ++i) ASSERT_THAT(Flip(*process, "sandbox", i % 2 == 0), IsOk());
  v1::WatchCatalogResponse response;
  while (last < process->version()) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_GT(response.catalog().version(), last);
    last = response.catalog().version();
  }
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  metrics::Gauge watchers = process->metrics.GetGauge("prismatic_catalog_watchers", "");
  EXPECT_TRUE(WaitUntil([&] { return watchers.value() == 0; }));
}

TEST_F(RegistryServerTest, AShutdownDoesNotWaitForWatches) {
  auto process = RunWith(kYaml);
  auto stub = v1::ModelRegistry::NewStub(ChannelTo(process->server->port()));
  grpc::ClientContext context;
  auto stream = stub->WatchCatalog(&context, {});
  v1::WatchCatalogResponse response;
  ASSERT_TRUE(stream->Read(&response));
  absl::Time start = absl::Now();
  process->server->Drain(absl::Seconds(60));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(rpc::FromGrpc(stream->Finish()), HasReason(common::v1::ERROR_REASON_SERVER_IS_OVERLOADED));
}

bool Healthy(int port);

TEST(RegistryWithoutRedisTest, StartsLateGoesOnReadingAndComesBack) {
  RedisServer redis;
  redis.Stop();
  Folder folder;
  Process process;
  auto server = RegistryServer::Start({.listen = "127.0.0.1:0",
                                       .admin_listen = "127.0.0.1:0",
                                       .redis = redis.url(),
                                       .catalog = folder.Write("catalog.yaml", kYaml),
                                       .admin_token_file = folder.Write("token", kToken)},
                                      process.loop, process.metrics);
  ASSERT_THAT(server, IsOk());
  process.server = *std::move(server);
  EXPECT_FALSE(Healthy(process.server->port()));
  EXPECT_THAT(Wait(process.registry().ListModels({})),
              HasReason(common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE));

  redis.Start();
  ASSERT_TRUE(WaitUntil([&] { return Healthy(process.server->port()); }));
  int64_t version = process.version();
  EXPECT_GT(version, 0);

  // Whoever asks for a change is sent elsewhere; who reads and watches is as well served as ever.
  redis.Stop();
  ASSERT_TRUE(WaitUntil([&] { return !Healthy(process.server->admin_port()); }));
  EXPECT_TRUE(Healthy(process.server->port()));
  EXPECT_THAT(Wait(process.registry().ListModels({})), IsOk());
  v1::SetProviderImagesRequest flip;
  flip.set_provider("sandbox");
  EXPECT_THAT(Wait(process.registry().SetProviderImages(Owner(), flip)),
              HasReason(common::v1::ERROR_REASON_REGISTRY_UNAVAILABLE));

  redis.Start();
  ASSERT_TRUE(WaitUntil([&] { return Healthy(process.server->admin_port()); }));
  EXPECT_EQ(process.version(), version);
}

// Asks grpc.health.v1 in its wire form, for which Debian has no stub library: an empty request; in the
// response field 1 is 1 when serving.
bool Healthy(int port) {
  grpc::GenericStub stub(rpc::MakeChannel(absl::StrCat("127.0.0.1:", port)));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
  grpc::ByteBuffer request(nullptr, 0);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> answered;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&](grpc::Status status) { answered.set_value(status); });
  if (!answered.get_future().get().ok()) return false;
  grpc::Slice bytes;
  return response.TrySingleSlice(&bytes).ok() &&
         std::string(reinterpret_cast<const char*>(bytes.begin()), bytes.size()) == "\x08\x01";
}

}  // namespace
}  // namespace prismatic::model_registry
