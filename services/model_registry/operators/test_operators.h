#ifndef PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_TEST_OPERATORS_H_
#define PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_TEST_OPERATORS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"
#include "services/common/redis/client.h"
#include "services/common/rpc/channel.h"
#include "services/model_registry/operators/authority.h"
#include "services/model_registry/operators/operators.h"
#include "tests/support/matchers.h"
#include "tests/support/redis_server.h"
#include "tests/support/wait.h"

// What the tests of this room share: replicas in one process, each with its loop, on a real Redis.

namespace prismatic::model_registry {

inline constexpr char kAdminToken[] = "a-token-for-tests-only";

// The owner of a test.
inline Caller Owner() { return {"tester", v1::ROLE_OWNER, ""}; }
inline std::string Bearer(const std::string& token) { return absl::StrCat("Bearer ", token); }

// A folder of one test.
class TestFolder {
 public:
  TestFolder() {
    char name[] = "/tmp/operators-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string Path(const std::string& name) const { return absl::StrCat(path_, "/", name); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::trunc) << text;
    return Path(name);
  }
  // Empty when there is none.
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

inline rpc::AdminToken TestToken() {
  TestFolder folder;
  absl::StatusOr<rpc::AdminToken> token = rpc::AdminToken::FromFile(folder.Write("token", kAdminToken));
  return *token;
}

inline std::unique_ptr<redis::Client> Connect(loop::Loop& loop, metrics::Registry& metrics,
                                              const std::string& url) {
  auto client = redis::Client::Create(
      loop, metrics, {.url = url, .fast_deadline = absl::Seconds(10), .lasting_deadline = absl::Seconds(10)});
  EXPECT_THAT(client, prismatic::testing::IsOk());
  EXPECT_THAT(Wait((*client)->WaitUntilConnected(absl::Seconds(10))), prismatic::testing::IsOk());
  return *std::move(client);
}

// What one registry has of this room.
struct Replica {
  explicit Replica(const std::string& url, OperatorRules rules = {})
      : client(Connect(loop, metrics, url)), store(*client, rules) {}

  metrics::Registry metrics;
  loop::Loop loop{"operators"};
  std::unique_ptr<redis::Client> client;
  OperatorStore store;
  Passwords passwords;
  Authority authority{store, TestToken()};
  Operators operators{store, passwords};

  absl::StatusOr<v1::LoginResponse> Login(const std::string& name, const std::string& password,
                                          const std::string& address = "192.0.2.1") {
    v1::LoginRequest request;
    request.set_name(name);
    request.set_password(password);
    request.set_address(address);
    return Wait(operators.Login(request));
  }
  absl::StatusOr<Caller> Authenticate(const std::string& token) {
    return Wait(authority.Authenticate(Bearer(token), ""));
  }
  // Gives the password.
  std::string Create(const std::string& name, v1::Role role) {
    v1::CreateOperatorRequest request;
    request.set_name(name);
    request.set_role(role);
    absl::StatusOr<v1::CreateOperatorResponse> made = Wait(operators.CreateOperator(Owner(), request));
    EXPECT_THAT(made, prismatic::testing::IsOk());
    return made.ok() ? made->password() : "";
  }
  absl::StatusOr<v1::UpdateOperatorResponse> SetRole(const std::string& name, v1::Role role) {
    v1::UpdateOperatorRequest request;
    request.set_name(name);
    request.set_role(role);
    return Wait(operators.UpdateOperator(Owner(), request));
  }
  absl::StatusOr<v1::UpdateOperatorResponse> SetDisabled(const std::string& name, bool disabled) {
    v1::UpdateOperatorRequest request;
    request.set_name(name);
    request.set_disabled(disabled);
    return Wait(operators.UpdateOperator(Owner(), request));
  }
  absl::StatusOr<v1::ResetPasswordResponse> Reset(const std::string& name) {
    v1::ResetPasswordRequest request;
    request.set_name(name);
    return Wait(operators.ResetPassword(Owner(), request));
  }
  absl::StatusOr<v1::ListAuditEntriesResponse> Audit(int page_size = 200, const std::string& before = "") {
    v1::ListAuditEntriesRequest request;
    request.set_page_size(page_size);
    request.set_before_id(before);
    return Wait(operators.ListAuditEntries(request));
  }
  // `action target`, oldest first.
  std::vector<std::string> Actions() {
    std::vector<std::string> actions;
    absl::StatusOr<v1::ListAuditEntriesResponse> page = Audit();
    EXPECT_THAT(page, prismatic::testing::IsOk());
    for (const v1::AuditEntry& entry : page->entries()) {
      actions.insert(actions.begin(), absl::StrCat(entry.action(), " ", entry.target()));
    }
    return actions;
  }
};

class OperatorsTest : public ::testing::Test {
 protected:
  OperatorsTest() : redis_(prismatic::testing::RedisServer::Shared()) { redis_.Flush(); }

  prismatic::testing::RedisServer& redis_;
};

}  // namespace prismatic::model_registry

#endif  // PRISMATIC_SERVICES_MODEL_REGISTRY_OPERATORS_TEST_OPERATORS_H_
