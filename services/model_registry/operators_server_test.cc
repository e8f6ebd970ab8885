// Operators over real connections: who may call what on the admin port, and the first start.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "prismatic/model_registry/v1/model_registry.grpc.pb.h"
#include "prismatic/model_registry/v1/operators.grpc.pb.h"
#include "services/common/rpc/channel.h"
#include "services/common/rpc/grpc_status.h"
#include "services/model_registry/test_registry.h"

namespace prismatic::model_registry {
namespace {

using ::prismatic::testing::HasReason;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::WaitUntil;

// Makes one call with this credential, perhaps none.
using Verb = std::function<grpc::Status(grpc::ClientContext*)>;
absl::Status As(const std::string& credential, const Verb& verb) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
  if (!credential.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", credential));
  return rpc::FromGrpc(verb(&context));
}

// A client of one registry's admin port.
struct Admin {
  explicit Admin(int port)
      : channel(rpc::MakeChannel(absl::StrCat("127.0.0.1:", port))),
        operators(v1::Operators::NewStub(channel)),
        registry(v1::ModelRegistryAdmin::NewStub(channel)) {}

  absl::StatusOr<v1::LoginResponse> Login(const std::string& name, const std::string& password) {
    v1::LoginRequest request;
    request.set_name(name);
    request.set_password(password);
    request.set_address("192.0.2.1");
    v1::LoginResponse response;
    absl::Status status =
        As("", [&](grpc::ClientContext* context) { return operators->Login(context, request, &response); });
    if (!status.ok()) return status;
    return response;
  }
  // Makes an operator by the admin token and gives a session's token.
  std::string SessionOf(const std::string& name, v1::Role role) {
    v1::CreateOperatorRequest request;
    request.set_name(name);
    request.set_role(role);
    v1::CreateOperatorResponse made;
    EXPECT_THAT(
        As(kToken,
           [&](grpc::ClientContext* context) { return operators->CreateOperator(context, request, &made); }),
        IsOk());
    auto login = Login(name, made.password());
    EXPECT_THAT(login, IsOk());
    return login.ok() ? login->session_token() : "";
  }
  absl::Status ListProviders(const std::string& credential) {
    v1::ListProvidersResponse response;
    return As(credential,
              [&](grpc::ClientContext* context) { return registry->ListProviders(context, {}, &response); });
  }
  // Every method that takes a credential, with the least role that may call it.
  std::map<std::string, std::pair<v1::Role, Verb>> Verbs();

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Operators::Stub> operators;
  std::unique_ptr<v1::ModelRegistryAdmin::Stub> registry;
};

template <typename Response, typename Stub, typename Request>
Verb Call(Stub* stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  return [stub, method](grpc::ClientContext* context) {
    Response response;
    return (stub->*method)(context, Request(), &response);
  };
}

std::map<std::string, std::pair<v1::Role, Verb>> Admin::Verbs() {
  using Stub = v1::Operators::Stub;
  Stub* stub = operators.get();
  return {
      {"WhoAmI", {v1::ROLE_VIEWER, Call<v1::WhoAmIResponse>(stub, &Stub::WhoAmI)}},
      {"ListOperators", {v1::ROLE_VIEWER, Call<v1::ListOperatorsResponse>(stub, &Stub::ListOperators)}},
      {"ListAuditEntries",
       {v1::ROLE_VIEWER, Call<v1::ListAuditEntriesResponse>(stub, &Stub::ListAuditEntries)}},
      {"ChangePassword", {v1::ROLE_VIEWER, Call<v1::ChangePasswordResponse>(stub, &Stub::ChangePassword)}},
      {"CreateOperator", {v1::ROLE_OWNER, Call<v1::CreateOperatorResponse>(stub, &Stub::CreateOperator)}},
      {"UpdateOperator", {v1::ROLE_OWNER, Call<v1::UpdateOperatorResponse>(stub, &Stub::UpdateOperator)}},
      {"ResetPassword", {v1::ROLE_OWNER, Call<v1::ResetPasswordResponse>(stub, &Stub::ResetPassword)}}};
}

class OperatorsServerTest : public RegistryTest {
 protected:
  // With no operator at all.
  OperatorsServerTest() { redis_.Flush(); }

  std::string Password(const std::string& file) {
    std::ifstream stream(file);
    std::string password;
    std::getline(stream, password);
    return password;
  }
  // A path in the test's folder where there is no file.
  std::string FreePath(const std::string& name) {
    std::string path = folder_.Write(name, "");
    std::remove(path.c_str());
    return path;
  }
};

TEST_F(OperatorsServerTest, TheFirstOwnerLogsInAtOneReplicaAndWorksAtAnother) {
  RegistryOptions options = Options(folder_.Write("catalog.yaml", kYaml));
  options.owner_password_file = FreePath("owner-password");
  auto one = Run(options);
  ASSERT_TRUE(WaitUntil([&] { return !Password(options.owner_password_file).empty(); }));
  auto two = RunWith(kYaml);
  Admin first(one->server->admin_port());
  Admin second(two->server->admin_port());
  std::string token;
  // The file is written before Redis knows the hash.
  ASSERT_TRUE(WaitUntil([&] {
    auto login = first.Login("owner", Password(options.owner_password_file));
    if (login.ok()) token = login->session_token();
    return login.ok();
  }));
  EXPECT_THAT(second.ListProviders(token), IsOk());
  v1::LogoutResponse out;
  auto logout = [&](grpc::ClientContext* context) { return first.operators->Logout(context, {}, &out); };
  EXPECT_THAT(As(token, logout), IsOk());
  EXPECT_THAT(second.ListProviders(token), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
  EXPECT_THAT(As(token, logout), IsOk());
  EXPECT_THAT(As(kToken, logout), IsOk()) << "nothing to end";
  EXPECT_THAT(As("", logout), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY));
}

TEST_F(OperatorsServerTest, OfTwoRegistriesThatStartAtOnceExactlyOnePasswordWorks) {
  RegistryOptions options = Options("");
  std::string files[] = {FreePath("one"), FreePath("two")};
  std::unique_ptr<Process> processes[2];
  for (int i = 0; i < 2; ++i) {
    options.owner_password_file = files[i];
    processes[i] = Run(options);
  }
  auto operators = [&] {
    auto status = processes[0]->server->operators().FirstPasswordInUse();
    absl::StatusOr<bool> in_use = Wait(std::move(status));
    return in_use.ok() && *in_use;
  };
  ASSERT_TRUE(WaitUntil(operators));
  // Gone or never there: the loser's end waits for what it was doing.
  Admin admin(processes[0]->server->admin_port());
  ASSERT_TRUE(WaitUntil([&] { return Password(files[0]).empty() != Password(files[1]).empty(); }));
  EXPECT_THAT(admin.Login("owner", Password(files[0]) + Password(files[1])), IsOk());
}

TEST_F(OperatorsServerTest, EveryMethodAsksForACredentialAndForItsRole) {
  auto process = RunWith(kYaml);
  Admin admin(process->server->admin_port());
  const std::map<v1::Role, std::string> sessions = {
      {v1::ROLE_VIEWER, admin.SessionOf("eve", v1::ROLE_VIEWER)},
      {v1::ROLE_OPERATOR, admin.SessionOf("otto", v1::ROLE_OPERATOR)},
      {v1::ROLE_OWNER, admin.SessionOf("ada", v1::ROLE_OWNER)}};
  for (const auto& [name, verb] : admin.Verbs()) {
    EXPECT_THAT(As("", verb.second), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY)) << name;
    EXPECT_THAT(As("not-the-admin-token", verb.second), HasReason(common::v1::ERROR_REASON_INVALID_API_KEY))
        << name;
    for (const auto& [role, token] : sessions) {
      absl::Status status = As(token, verb.second);
      bool refused = prismatic::HasReason(status, common::v1::ERROR_REASON_ROLE_NOT_ALLOWED);
      EXPECT_EQ(refused, role < verb.first) << name << " " << RoleName(role) << " " << status;
      EXPECT_FALSE(prismatic::HasReason(status, common::v1::ERROR_REASON_INVALID_API_KEY)) << name;
    }
  }
}

TEST_F(OperatorsServerTest, ASessionIsAsGoodAsItsRoleOnTheCatalogToo) {
  auto process = RunWith(kYaml);
  Admin admin(process->server->admin_port());
  std::string viewer = admin.SessionOf("eve", v1::ROLE_VIEWER);
  std::string op = admin.SessionOf("otto", v1::ROLE_OPERATOR);
  v1::SetProviderImagesRequest flip;
  flip.set_provider("sandbox");
  flip.set_enabled(false);
  v1::SetProviderImagesResponse flipped;
  auto set = [&](grpc::ClientContext* context) {
    return admin.registry->SetProviderImages(context, flip, &flipped);
  };
  EXPECT_THAT(admin.ListProviders(viewer), IsOk());
  EXPECT_THAT(As(viewer, set), HasReason(common::v1::ERROR_REASON_ROLE_NOT_ALLOWED));
  EXPECT_TRUE(process->Enabled("sandbox"));
  EXPECT_THAT(As(op, set), IsOk());
  EXPECT_FALSE(process->Enabled("sandbox"));

  v1::ListAuditEntriesResponse audit;
  EXPECT_THAT(As(viewer,
                 [&](grpc::ClientContext* context) {
                   return admin.operators->ListAuditEntries(context, {}, &audit);
                 }),
              IsOk());
  ASSERT_GT(audit.entries_size(), 0);
  EXPECT_EQ(audit.entries(0).action(), "provider.images");
  EXPECT_EQ(audit.entries(0).actor(), "otto");
}

}  // namespace
}  // namespace prismatic::model_registry
