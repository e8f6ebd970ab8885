// `provider test` against a provider-proxy that is in this process and real on the wire.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/cli/cli.h"
#include "services/cli/errors.h"
#include "services/cli/fake_provider_proxy.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ProviderTestCommandTest : public ::testing::Test {
 protected:
  ProviderTestCommandTest() {
    proxy_.Add("switch", ppb::CHECK_RESULT_OK, "Images is switched on.", 0);
    proxy_.Add("name", ppb::CHECK_RESULT_OK, "api.example.com is 192.0.2.7.", 1234);
    proxy_.Add("image", ppb::CHECK_RESULT_SKIPPED, "Not asked for.", 0);
    proxy_.answer.set_ok(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&proxy_);
    server_ = builder.BuildAndStart();
  }
  ~ProviderTestCommandTest() override { server_->Shutdown(std::chrono::system_clock::now()); }

  // Only the address that the command needs: no token either.
  int RunCli(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    return cli::Run(arguments, {absl::StrCat("PRISMATIC_PROVIDER_ADDR=127.0.0.1:", port_)}, out_, err_);
  }

  FakeProviderProxy proxy_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::ostringstream out_, err_;
};

TEST_F(ProviderTestCommandTest, PrintsALineForEachCheckAndEndsWellWhenNoneFailed) {
  EXPECT_EQ(RunCli({"provider", "test", "openai"}), kDone) << err_.str();
  EXPECT_EQ(proxy_.recorder.request, "provider: \"openai\"");
  EXPECT_EQ(proxy_.recorder.authorization, "");
  EXPECT_EQ(out_.str(),
            "CHECK           RESULT   SECONDS  WHAT WAS FOUND\n"
            "switch          ok          0.00  Images is switched on.\n"
            "name            ok          1.23  api.example.com is 192.0.2.7.\n"
            "image           skipped     0.00  Not asked for.\n");
  EXPECT_THAT(err_.str(), IsEmpty());
}

TEST_F(ProviderTestCommandTest, AsksForAnImageAndForOneModelWhenToldTo) {
  EXPECT_EQ(RunCli({"provider", "test", "openai", "--generate", "--model", "gpt-image-1"}), kDone);
  EXPECT_EQ(proxy_.recorder.request, "provider: \"openai\" generate: true model: \"gpt-image-1\"");
}

TEST_F(ProviderTestCommandTest, EndsWithCodeOneAndTheNamesOfWhatFailed) {
  proxy_.Add("model", ppb::CHECK_RESULT_FAILED, "The upstream does not list a.", 0);
  proxy_.Add("model", ppb::CHECK_RESULT_FAILED, "The upstream does not list b.", 0);
  proxy_.answer.set_ok(false);
  EXPECT_EQ(RunCli({"provider", "test", "openai"}), kRefused);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("does not list a."), HasSubstr("does not list b.")));
  EXPECT_EQ(err_.str(), "error: PROVIDER_CHECK_FAILED: something is wrong with openai: model\n");
}

TEST_F(ProviderTestCommandTest, WrapsLongWordsAndLetsNobodySteerTheTerminal) {
  std::string sentence = "This sentence says what is wrong and what to do about it at length. ";
  proxy_.Add("tls", ppb::CHECK_RESULT_OK, sentence + "\x1b[31m" + sentence + sentence, 5);
  EXPECT_EQ(RunCli({"provider", "test", "openai"}), kDone);
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b")));
  std::vector<std::string> lines = absl::StrSplit(out_.str(), '\n');
  for (const std::string& line : lines) EXPECT_LE(line.size(), 110u) << line;
  EXPECT_EQ(lines[4].substr(0, 34), "tls             ok          0.01  ");
  EXPECT_EQ(lines[5].substr(0, 34), std::string(34, ' '));
  EXPECT_NE(lines[5][34], ' ');
}

TEST_F(ProviderTestCommandTest, WritesJsonForPrograms) {
  EXPECT_EQ(RunCli({"provider", "test", "openai", "--output", "json"}), kDone);
  EXPECT_EQ(out_.str(),
            R"({"provider":"openai","ok":true,"checks":[)"
            R"({"name":"switch","result":"ok","words":"Images is switched on.","duration_ms":0},)"
            R"({"name":"name","result":"ok","words":"api.example.com is 192.0.2.7.","duration_ms":1234},)"
            R"({"name":"image","result":"skipped","words":"Not asked for.","duration_ms":0}]})"
            "\n");
}

TEST_F(ProviderTestCommandTest, WritesCsvForSpreadsheets) {
  EXPECT_EQ(RunCli({"provider", "test", "openai", "--output", "csv"}), kDone);
  EXPECT_THAT(out_.str(), HasSubstr("check,result,seconds,words\nswitch,ok,0.00,Images is switched on.\n"));
}

TEST_F(ProviderTestCommandTest, AProviderThatIsNotInTheCatalogIsARefusal) {
  proxy_.recorder.failure = InvalidValue("provider", "The catalog has no provider \"nobody\".");
  EXPECT_EQ(RunCli({"provider", "test", "nobody"}), kRefused);
  EXPECT_EQ(err_.str(), "error: INVALID_VALUE: The catalog has no provider \"nobody\".\n");
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST_F(ProviderTestCommandTest, WithoutAnAddressItSaysHowToGiveOne) {
  EXPECT_EQ(cli::Run({"provider", "test", "openai"}, {}, out_, err_), kWrongUsage);
  EXPECT_THAT(err_.str(), HasSubstr("where is provider-proxy? Give --provider-addr host:port or "
                                    "PRISMATIC_PROVIDER_ADDR"));
}

TEST_F(ProviderTestCommandTest, AServiceThatIsNotThereIsUnreachable) {
  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_EQ(RunCli({"provider", "test", "openai", "--timeout", "5s"}), kUnreachable);
  EXPECT_THAT(err_.str(), HasSubstr("SERVICE_UNREACHABLE: provider-proxy at 127.0.0.1"));
}

}  // namespace
}  // namespace prismatic::cli
