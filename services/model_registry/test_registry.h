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
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/common/redis/client.h"
#include "services/common/rpc/channel.h"
#include "services/model_registry/operators/caller.h"
#include "services/model_registry/operators/operator_store.h"
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

// Callers of each role, named after it or as given.
inline Caller Owner(const std::string& actor = "tester") { return {actor, v1::ROLE_OWNER, ""}; }
inline Caller AnOperator(const std::string& actor = "operator") { return {actor, v1::ROLE_OPERATOR, ""}; }
inline Caller Viewer(const std::string& actor = "viewer") { return {actor, v1::ROLE_VIEWER, ""}; }

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
  // Somebody operates already: no registry makes the first owner, tells a password, or notes it.
  RegistryTest() : redis_(prismatic::testing::RedisServer::Shared()) {
    redis_.Flush();
    redis_.Ask({"HSET", "{catalog}:operators", "tester", "1 3 0 1 0 0 $none"});
  }

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
    return Wait(process.registry().SetProviderImages(Owner(), request));
  }
  static absl::StatusOr<v1::ApplyCatalogResponse> Apply(Process& process, absl::string_view yaml,
                                                        bool drop = false, bool validate_only = false) {
    v1::ApplyCatalogRequest request;
    request.set_yaml(std::string(yaml));
    request.set_drop_overrides(drop);
    request.set_validate_only(validate_only);
    return Wait(process.registry().ApplyCatalog(Owner(), request));
  }
  // Of the version in force.
  static v1::ExportCatalogResponse Export(Process& process) {
    auto exported = Wait(process.registry().ExportCatalog(Viewer(), {}));
    EXPECT_THAT(exported, prismatic::testing::IsOk());
    return exported.ok() ? *exported : v1::ExportCatalogResponse();
  }
  // What is kept, newest first.
  static std::vector<v1::CatalogVersion> History(Process& process) {
    v1::ListCatalogVersionsRequest request;
    request.set_page_size(100);
    auto listed = Wait(process.registry().ListCatalogVersions(Viewer(), request));
    EXPECT_THAT(listed, prismatic::testing::IsOk());
    if (!listed.ok()) return {};
    return {listed->versions().begin(), listed->versions().end()};
  }
  // Replaces the one model of kYaml.
  static v1::EditCatalogRequest EditOfPrice(const std::string& price, int64_t based_on) {
    v1::EditCatalogRequest request;
    request.set_name("imagen-4");
    request.set_put_model(
        absl::StrCat("{name: imagen-4, public_ids: [imagen-4], capabilities: [image_generation], "
                     "retail_generation_usd: \"",
                     price, "\", routes: [{provider: sandbox, upstream_model: imagen-4.0}]}"));
    request.set_based_on(based_on);
    return request;
  }
  // What the audit log says of the catalog and its switches, oldest first.
  std::vector<v1::AuditEntry> Audit() {
    Process reader;
    auto client = redis::Client::Create(reader.loop, reader.metrics, {.url = redis_.url()});
    EXPECT_THAT(client, prismatic::testing::IsOk());
    EXPECT_THAT(Wait((*client)->WaitUntilConnected(prismatic::testing::kPatience)),
                prismatic::testing::IsOk());
    OperatorStore store(**client);
    auto log = Wait(store.ListAudit("", 1'000));
    EXPECT_THAT(log, prismatic::testing::IsOk());
    std::vector<v1::AuditEntry> entries;
    for (v1::AuditEntry& read : *log) {
      bool of_catalog = absl::StartsWith(read.action(), "catalog.") || read.action() == "provider.images";
      if (of_catalog) entries.insert(entries.begin(), std::move(read));
    }
    return entries;
  }
  static std::shared_ptr<grpc::Channel> ChannelTo(int port) {
    return rpc::MakeChannel(absl::StrCat("127.0.0.1:", port), int64_t{64} << 20);
  }

  prismatic::testing::RedisServer& redis_;
  Folder folder_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_TEST_REGISTRY_H_
