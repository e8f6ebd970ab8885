#ifndef PRISMATIC_SERVICES_CLI_COMMANDS_FIXTURE_H_
#define PRISMATIC_SERVICES_CLI_COMMANDS_FIXTURE_H_

// For tests: commands against services that are in this process and real on the wire.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/cli/cli.h"
#include "services/cli/fake_provider_proxy.h"
#include "services/cli/fake_registry.h"
#include "services/cli/fake_services.h"

namespace prismatic::cli {

inline constexpr char kToken[] = "admin-token-of-the-test";

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    billing_.account.set_name("acme");
    billing_.account.set_balance_nano_usd(25'000'000'000);
    billing_.account.set_held_nano_usd(40'000'000);
    billing_.account.set_ledger_sequence(1);
    billing_.account.set_create_time_us(kNoon);
    billing_.account.set_funding_policy(bpb::FUNDING_POLICY_SUBSCRIPTION_FIRST);
    billing_.account.mutable_limits()->set_requests_per_minute(600);
    billing_.key.set_id("acme.1");
    billing_.key.set_account("acme");
    billing_.key.set_create_time_us(kNoon);
    billing_.key.add_allowed_models("imagen-4");
    admin_.provider.set_name("sandbox");
    admin_.provider.set_wire_format(catalog::v1::WIRE_FORMAT_OPENAI_IMAGES);
    admin_.provider.set_base_url("http://127.0.0.1:9100/v1");
    admin_.provider.set_images_enabled(true);
    admin_.provider.set_max_concurrent(64);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&billing_)
        .RegisterService(&callers_)
        .RegisterService(&registry_)
        .RegisterService(&admin_)
        .RegisterService(&operators_)
        .RegisterService(&proxy_);
    server_ = builder.BuildAndStart();
    for (const char* name : {"BILLING_ADMIN", "BILLING", "REGISTRY_ADMIN", "REGISTRY", "PROVIDER"}) {
      environment_.push_back(absl::StrCat("PRISMATIC_", name, "_ADDR=", address()));
    }
    environment_.push_back(absl::StrCat("PRISMATIC_ADMIN_TOKEN=", kToken));
  }
  ~CommandsTest() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  // Every service's address, the token, and whatever a test adds.
  std::vector<std::string> environment_;

  Outcome RunCli(const std::vector<std::string>& arguments, Terminals terminals = {}) {
    std::ostringstream out, err;
    int code = cli::Run(arguments, environment_, out, err, terminals);
    return {code, out.str(), err.str()};
  }
  Outcome RunJson(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--output", "json"});
    return RunCli(arguments);
  }

  std::string TemporaryFile(const std::string& content) {
    std::string path =
        ::testing::TempDir() + "/cli_test_" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    return path;
  }

  FakeBillingAdmin billing_;
  FakeBilling callers_;
  FakeRegistry registry_;
  FakeRegistryAdmin admin_;
  FakeOperators operators_;
  FakeProviderProxy proxy_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_COMMANDS_FIXTURE_H_
