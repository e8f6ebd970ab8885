#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_REGISTRY_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_REGISTRY_H_

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/common/rpc/channel.h"
#include "services/model_registry/registry_server.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait.h"

// What the tests of this room share: registries in one process, each with its loop, on a real Redis.

namespace prismatic::model_registry {

inline constexpr char kToken[] = "a-token-for-tests-only";
inline constexpr char kYaml[] = R"(providers:
  - {name: sandbox, wire_format: openai_images, base_url: "http://127.0.0.1:9100/v1", images_enabled: true}
  - {name: spare, wire_format: openai_images, base_url: "http://127.0.0.1:9101/v1"}
models:
  - name: imagen-4
    public_ids: [imagen-4, google/imagen-4]
    owned_by: google
    capabilities: [image_generation]
    retail_generation_usd: "0.04"
    routes: [{provider: sandbox, upstream_model: imagen-4.0}]
)";
inline std::string OtherYaml() { return absl::StrReplaceAll(kYaml, {{"0.04", "0.05"}}); }

// A folder for the files of one test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/registry-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() {
    for (const std::string& file : files_) std::remove(file.c_str());
    std::remove(path_.c_str());
  }
  std::string Write(const std::string& name, absl::string_view text) {
    std::string path = absl::StrCat(path_, "/", name);
    std::ofstream(path, std::ios::trunc) << text;
    files_.push_back(path);
    return path;
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

// One registry process, as it were.
struct Process {
  metrics::Registry metrics;
  loop::Loop loop{"registry"};
  std::unique_ptr<RegistryServer> server;

  bool Loaded() { return server->registry().holder().ready(); }
  int64_t version() { return server->registry().holder().Current()->version(); }
  Registry& registry() { return server->registry(); }
  bool Enabled(absl::string_view provider) {
    auto snapshot = registry().holder().Current();
    const catalog::v1::Provider* found = snapshot->FindProvider(provider);
    return found != nullptr && found->images_enabled();
  }
  double Changes(const char* kind) {
    return metrics
        .GetCounter("prismatic_catalog_changes_total", "Changes of the catalog made by this process.",
                    {{"kind", kind}})
        .value();
  }
};

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() : redis_(prismatic::testing::RedisServer::Shared()) { redis_.Flush(); }

  RegistryOptions Options(const std::string& catalog) {
    return {.listen = "127.0.0.1:0",
            .admin_listen = "127.0.0.1:0",
            .redis = redis_.url(),
            .catalog = catalog,
            .admin_token_file = folder_.Write("token", kToken)};
  }
  std::unique_ptr<Process> Run(RegistryOptions options) {
    auto process = std::make_unique<Process>();
    auto server = RegistryServer::Start(options, process->loop, process->metrics);
    EXPECT_THAT(server, prismatic::testing::IsOk());
    if (server.ok()) process->server = *std::move(server);
    return process;
  }
  // Runs one and waits for its first catalog.
  std::unique_ptr<Process> RunWith(absl::string_view yaml) {
    auto process = Run(Options(yaml.empty() ? "" : folder_.Write("catalog.yaml", yaml)));
    EXPECT_TRUE(prismatic::testing::WaitUntil([&] { return process->Loaded(); }));
    return process;
  }

  static absl::StatusOr<v1::SetProviderImagesResponse> Flip(Process& process, const std::string& provider,
                                                            bool on) {
    v1::SetProviderImagesRequest request;
    request.set_provider(provider);
    request.set_enabled(on);
    request.set_actor("tester");
    return Wait(process.registry().SetProviderImages(request));
  }
  static absl::StatusOr<v1::ApplyCatalogResponse> Apply(Process& process, absl::string_view yaml,
                                                        bool drop = false, bool validate_only = false) {
    v1::ApplyCatalogRequest request;
    request.set_yaml(std::string(yaml));
    request.set_drop_overrides(drop);
    request.set_validate_only(validate_only);
    return Wait(process.registry().ApplyCatalog(request));
  }
  static std::shared_ptr<grpc::Channel> ChannelTo(int port) {
    return rpc::MakeChannel(absl::StrCat("127.0.0.1:", port), int64_t{64} << 20);
  }

  prismatic::testing::RedisServer& redis_;
  Folder folder_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_REGISTRY_H_
