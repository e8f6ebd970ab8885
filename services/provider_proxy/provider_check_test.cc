#include "services/provider_proxy/provider_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/provider_check_fixture.h"
#include "services/provider_proxy/upstream/loopback_server.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Request = ScriptedUpstream::Request;
using Reply = ScriptedUpstream::Reply;

TEST_F(ProviderCheckTest, FindsNothingWrongWhereNothingIs) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url("/v1"));
  EXPECT_TRUE(Run(/*generate=*/true));
  EXPECT_THAT(Results(), ElementsAre("switch OK", "credential OK", "name OK", "connection OK", "tls SKIPPED",
                                     "authentication OK", "model OK", "image OK"));
  EXPECT_THAT(Words("credential"), HasSubstr("env:PROVIDER_KEY_A"));
  EXPECT_THAT(Words("tls"), HasSubstr("plain http"));
  EXPECT_THAT(Words("model"), HasSubstr("a-model"));
  EXPECT_THAT(Words("image"), AllOf(HasSubstr("image/png"), HasSubstr("64x32")));
}

TEST_F(ProviderCheckTest, WithoutBeingAskedToItMakesNoImage) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url("/v1"));
  EXPECT_TRUE(Run());
  EXPECT_EQ(Result("image"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(Words("image"), HasSubstr("--generate"));
  for (const Request& request : upstream.requests()) EXPECT_THAT(request.head, HasSubstr("GET /v1/models"));
}

TEST_F(ProviderCheckTest, ASwitchThatIsOffIsToldAndTheRestLookedAt) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url("/v1")).set_images_enabled(false);
  provider().mutable_images_override()->set_actor("ada");
  EXPECT_TRUE(Run());
  EXPECT_EQ(Result("switch"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(Words("switch"), AllOf(HasSubstr("off by ada"), HasSubstr("provider images a on")));
  EXPECT_EQ(Result("authentication"), v1::CHECK_RESULT_OK);
}

TEST_F(ProviderCheckTest, AMissingCredentialFailsAndTheWayIsStillLookedAt) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url("/v1")).set_credentials(0, "env:PROVIDER_KEY_NONE");
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_EQ(Result("credential"), v1::CHECK_RESULT_FAILED);
  EXPECT_THAT(Words("credential"), HasSubstr("env:PROVIDER_KEY_NONE is not in the environment"));
  EXPECT_EQ(Result("connection"), v1::CHECK_RESULT_OK);
  EXPECT_EQ(Result("authentication"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_EQ(Result("image"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(upstream.requests(), IsEmpty());
}

TEST_F(ProviderCheckTest, ANameThatIsNotFoundEndsIt) {
  std::string asked;
  resolver_ = [&](const std::string& host, int port, std::function<void(Fetcher::Addresses)> done) {
    asked = absl::StrCat(host, ":", port);
    done(absl::UnavailableError("no such name"));
  };
  Add("https://api.provider.invalid/v1");
  EXPECT_FALSE(Run());
  EXPECT_EQ(asked, "api.provider.invalid:443");
  EXPECT_THAT(Results(), ElementsAre("switch OK", "credential OK", "name FAILED"));
  EXPECT_THAT(Words("name"), AllOf(HasSubstr("api.provider.invalid is not found"), HasSubstr("base_url")));
}

TEST_F(ProviderCheckTest, ANameServerThatSaysNothingIsToldApart) {
  step_max_ = absl::Milliseconds(50);
  std::function<void(Fetcher::Addresses)> late;
  resolver_ = [&](const std::string&, int, std::function<void(Fetcher::Addresses)> done) { late = done; };
  Add("https://api.provider.invalid");
  EXPECT_FALSE(Run());
  EXPECT_THAT(Words("name"), HasSubstr("not looked up in time"));
  // What comes now finds nobody waiting.
  std::promise<void> answered;
  process_.loop.Post([&] {
    late(absl::UnavailableError("late"));
    answered.set_value();
  });
  answered.get_future().wait();
}

TEST_F(ProviderCheckTest, TellsTheAddressesOfAName) {
  ScriptedUpstream upstream(AsApi);
  resolver_ = [](const std::string&, int, std::function<void(Fetcher::Addresses)> done) {
    loop::Loop::Address address{};
    sockaddr_in loopback = LoopbackAddress(80);
    std::memcpy(&address.storage, &loopback, sizeof(loopback));
    address.size = sizeof(loopback);
    done(std::vector<loop::Loop::Address>{address, address});
  };
  Add(absl::StrCat("http://localhost:", upstream.port(), "/v1"));
  EXPECT_TRUE(Run());
  EXPECT_EQ(Words("name"), "localhost is 127.0.0.1.");
}

TEST_F(ProviderCheckTest, ARefusedConnectionEndsIt) {
  int free_port;
  {
    ScriptedUpstream gone([](const Request&) { return Reply{}; });
    free_port = gone.port();
  }
  Add(absl::StrCat("https://127.0.0.1:", free_port));
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_THAT(Results(), ElementsAre("switch OK", "credential OK", "name OK", "connection FAILED"));
  EXPECT_THAT(Words("connection"), HasSubstr(absl::StrCat("127.0.0.1:", free_port, " refuses connections")));
}

// --- the credential ---

TEST_F(ProviderCheckTest, AWrongKeyEndsIt) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url("/v1")).set_credentials(0, "env:PROVIDER_KEY_B");
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_THAT(Results(), ElementsAre("switch OK", "credential OK", "name OK", "connection OK", "tls SKIPPED",
                                     "authentication FAILED"));
  EXPECT_THAT(
      Words("authentication"),
      AllOf(HasSubstr("refuses env:PROVIDER_KEY_B (HTTP 401): the key is wrong"),
            HasSubstr("wrong header: look at wire_format and endpoint.auth_header"), Not(HasSubstr("403"))));
}

TEST_F(ProviderCheckTest, AKeyWithoutARightIsToldFromAWrongOne) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(403, ""); });
  Add(upstream.url("/v1"));
  EXPECT_FALSE(Run());
  EXPECT_THAT(Words("authentication"), AllOf(HasSubstr("(HTTP 403): a key answered with 403 lacks a right"),
                                             HasSubstr("wrong header"), Not(HasSubstr("key is wrong"))));
}

TEST_F(ProviderCheckTest, GeminisWrongKeyIsA400) {
  ScriptedUpstream upstream([](const Request&) {
    return ScriptedUpstream::Answer(
        400,
        R"({"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}],"status":"INVALID_ARGUMENT"}})");
  });
  Add(upstream.url("/v1beta")).set_wire_format(catalog::v1::WIRE_FORMAT_GEMINI);
  EXPECT_FALSE(Run());
  EXPECT_EQ(Result("authentication"), v1::CHECK_RESULT_FAILED);
  EXPECT_THAT(Words("authentication"), AllOf(HasSubstr("env:PROVIDER_KEY_A (HTTP 400): the key is wrong"),
                                             HasSubstr("wrong header"), Not(HasSubstr("401"))));
}

TEST_F(ProviderCheckTest, OfSeveralCredentialsTheWrongOneIsNamedAndTheOtherUsed) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url("/v1")).set_credentials(0, "env:PROVIDER_KEY_B");
  provider().add_credentials("env:PROVIDER_KEY_A");
  EXPECT_FALSE(Run(/*generate=*/true));
  EXPECT_THAT(Words("authentication"),
              AllOf(HasSubstr("PROVIDER_KEY_B (HTTP 401)"), Not(HasSubstr("PROVIDER_KEY_A"))));
  EXPECT_EQ(Result("model"), v1::CHECK_RESULT_OK);
  EXPECT_EQ(Result("image"), v1::CHECK_RESULT_OK) << Words("image");
}

TEST_F(ProviderCheckTest, AnUpstreamThatListsItsModelsToStrangersSaysNothingAboutAKey) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(200, R"({"data":[{"id":"a-model"}]})"); });
  Add(upstream.url());
  EXPECT_TRUE(Run());
  EXPECT_EQ(Result("authentication"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(Words("authentication"), HasSubstr("without a credential too"));
  EXPECT_EQ(Result("model"), v1::CHECK_RESULT_OK);
}

TEST_F(ProviderCheckTest, AnUpstreamThatWantsACredentialWhereTheCatalogNamesNone) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url()).clear_credentials();
  EXPECT_FALSE(Run());
  EXPECT_THAT(Words("authentication"), AllOf(HasSubstr("HTTP 401"), HasSubstr("names none")));
}

TEST_F(ProviderCheckTest, AnAnswerThatSaysNothingAboutAKeyIsNoFault) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(404, "told by upstream"); });
  Add(upstream.url());
  EXPECT_TRUE(Run());
  EXPECT_EQ(Result("authentication"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(Words("authentication"),
              AllOf(HasSubstr("HTTP 404"), HasSubstr("look at base_url, wire_format and endpoint.path")));
  EXPECT_EQ(Result("model"), v1::CHECK_RESULT_SKIPPED);
}

TEST_F(ProviderCheckTest, AnUpstreamThatFailsByItselfIsNoMatterOfTheCatalog) {
  for (int status : {429, 500}) {
    ScriptedUpstream upstream([=](const Request&) { return ScriptedUpstream::Answer(status, ""); });
    catalog_ = CatalogBuilder();
    Add(upstream.url());
    EXPECT_TRUE(Run());
    EXPECT_EQ(Result("authentication"), v1::CHECK_RESULT_SKIPPED);
    EXPECT_THAT(Words("authentication"),
                AllOf(HasSubstr(absl::StrCat("HTTP ", status)), Not(HasSubstr("base_url"))));
  }
}

// --- no API at all ---

constexpr char kSshBanner[] = "SSH-2.0-OpenSSH_9.2\r\n";

class ProviderCheckNoApiTest : public ProviderCheckTest {
 protected:
  void EndsWithAuthentication() const {
    EXPECT_THAT(Results(), ElementsAre("switch OK", "credential OK", "name OK", "connection OK",
                                       "tls SKIPPED", "authentication FAILED"));
  }
  static void ReadToTheEnd(int socket) {
    for (char bytes[4096]; recv(socket, bytes, sizeof(bytes), 0) > 0;) {
    }
  }
};

TEST_F(ProviderCheckNoApiTest, AServerOfAnotherProtocol) {
  LoopbackServer server([](int socket, int) {
    send(socket, kSshBanner, sizeof(kSshBanner) - 1, MSG_NOSIGNAL);
    ReadToTheEnd(socket);
  });
  Add(absl::StrCat("http://127.0.0.1:", server.port()));
  EXPECT_FALSE(Run(/*generate=*/true));
  EndsWithAuthentication();
  EXPECT_THAT(Words("authentication"), AllOf(HasSubstr("does not speak HTTP"), HasSubstr("base_url")));
}

TEST_F(ProviderCheckNoApiTest, AServerThatHangsUp) {
  ScriptedUpstream upstream([](const Request&) { return Reply{.close = true}; });
  Add(upstream.url());
  EXPECT_FALSE(Run());
  EndsWithAuthentication();
  EXPECT_THAT(Words("authentication"), HasSubstr("does not speak HTTP, or breaks off"));
}

TEST_F(ProviderCheckNoApiTest, APortThatTakesConnectionsAndNeverAnswers) {
  step_max_ = absl::Milliseconds(300);
  LoopbackServer server([](int socket, int) { ReadToTheEnd(socket); });
  Add(absl::StrCat("http://127.0.0.1:", server.port()));
  EXPECT_FALSE(Run(/*generate=*/true));
  EndsWithAuthentication();
  EXPECT_THAT(Words("authentication"), AllOf(HasSubstr("does not answer in time"), HasSubstr("base_url")));
}

// A format that has nothing to ask a credential with.
TEST_F(ProviderCheckNoApiTest, IsSeenInEachWireFormat) {
  LoopbackServer server([](int socket, int) {
    send(socket, kSshBanner, sizeof(kSshBanner) - 1, MSG_NOSIGNAL);
    ReadToTheEnd(socket);
  });
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(404, ""); });
  for (auto [url, good] : {std::pair(absl::StrCat("http://127.0.0.1:", server.port()), false),
                           std::pair(upstream.url("/base"), true)}) {
    catalog_ = CatalogBuilder();
    Add(url).set_wire_format(catalog::v1::WIRE_FORMAT_ASYNC_JOB);
    provider().set_job_mapping(catalog::v1::JOB_MAPPING_FAL);
    EXPECT_EQ(Run(), good);
    EXPECT_EQ(Result("authentication"), good ? v1::CHECK_RESULT_SKIPPED : v1::CHECK_RESULT_FAILED);
    EXPECT_THAT(Words("authentication"), HasSubstr(good ? "The upstream answers" : "does not speak HTTP"));
  }
  ASSERT_THAT(upstream.requests(), SizeIs(1));
  EXPECT_EQ(upstream.requests()[0].path(), "/base");
  EXPECT_THAT(upstream.requests()[0].header("Authorization"), IsEmpty());
}

TEST_F(ProviderCheckNoApiTest, AWebPageWith200) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(200, "<html>told by upstream</html>"); });
  Add(upstream.url());
  EXPECT_FALSE(Run());
  EXPECT_EQ(Result("model"), v1::CHECK_RESULT_FAILED);
  EXPECT_THAT(Words("model"), AllOf(HasSubstr("web page"), HasSubstr("base_url")));
}

TEST_F(ProviderCheckNoApiTest, AWebPageWhereTheFormatListsNoModels) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "welcome"); });
  Add(upstream.url()).set_wire_format(catalog::v1::WIRE_FORMAT_ASYNC_JOB);
  provider().set_job_mapping(catalog::v1::JOB_MAPPING_REPLICATE);
  EXPECT_FALSE(Run());
  EXPECT_EQ(Result("model"), v1::CHECK_RESULT_FAILED);
  EXPECT_THAT(Words("model"), HasSubstr("web page"));
}

TEST_F(ProviderCheckNoApiTest, AListOfAnotherWireFormatSaysWhereToLook) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(200, R"({"models":[{"name":"models/x"}]})"); });
  Add(upstream.url());
  EXPECT_TRUE(Run());
  EXPECT_EQ(Result("model"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(Words("model"), HasSubstr("look at base_url, wire_format and endpoint.path"));
}

TEST_F(ProviderCheckTest, TheGetGoesOutAsTheProvidersCallsDo) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(200, R"({"data":[{"id":"x"}]})"); });
  catalog::v1::Endpoint& endpoint = *Add(upstream.url("/openai")).mutable_endpoint();
  endpoint.set_path("/deployments/{model}/images/generations");
  endpoint.set_auth_header("api-key");
  catalog::v1::NameValue& version = *endpoint.add_query();
  version.set_name("api-version");
  version.set_value("2025-04-01-preview");
  EXPECT_TRUE(Run());
  for (const Request& request : upstream.requests()) {
    EXPECT_EQ(request.path(), "/openai/models?api-version=2025-04-01-preview");
  }
  EXPECT_EQ(upstream.requests()[0].header("api-key") + upstream.requests()[1].header("api-key"), kSecretA);
  EXPECT_THAT(Words("authentication"), Not(HasSubstr("api-version")));
  // What stands in the path is a deployment, and no name of that list.
  EXPECT_EQ(Result("model"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(Words("model"), HasSubstr("deployments"));
}

// --- models ---

TEST_F(ProviderCheckTest, AModelThatIsNotListedFailsWithTheNearestName) {
  ScriptedUpstream upstream([](const Request& request) {
    return request.header("Authorization").empty()
               ? ScriptedUpstream::Answer(401, "")
               : ScriptedUpstream::Answer(
                     200, R"({"data":[{"id":"b"},{"id":"a-model-2"},{"id":"a.mo\u001bdel"}]})");
  });
  Add(upstream.url());
  EXPECT_FALSE(Run());
  EXPECT_EQ(Result("authentication"), v1::CHECK_RESULT_OK);
  EXPECT_THAT(Words("model"),
              AllOf(HasSubstr("does not list a-model;"), HasSubstr("nearest name is a-model-2.")));
}

TEST_F(ProviderCheckTest, ANameThatIsNotNearIsNotTold) {
  ScriptedUpstream upstream([](const Request&) {
    return ScriptedUpstream::Answer(200, R"({"data":[{"id":"whisper-1"},{"id":"text-embedding-3"}]})");
  });
  Add(upstream.url());
  EXPECT_FALSE(Run());
  EXPECT_THAT(Words("model"), AllOf(HasSubstr("does not list a-model."), Not(HasSubstr("nearest"))));
}

TEST_F(ProviderCheckTest, OneModelCanBeAskedFor) {
  ScriptedUpstream upstream(AsApi);
  Add(upstream.url("/v1"));
  v1::TestProviderRequest request;
  request.set_provider("a");
  request.set_model("public-m");
  ASSERT_TRUE(Test(request).ok());
  request.set_model("nothing");
  absl::StatusOr<v1::TestProviderResponse> unknown = Test(request);
  EXPECT_EQ(ReasonOf(unknown.status()), common::v1::ERROR_REASON_INVALID_VALUE);
  EXPECT_THAT(unknown.status().message(), HasSubstr("no model \"nothing\""));
}

TEST_F(ProviderCheckTest, AProviderThatIsNotThereIsTheCallersMistake) {
  Add("http://127.0.0.1:1");
  v1::TestProviderRequest request;
  request.set_provider("b");
  EXPECT_EQ(ReasonOf(Test(request).status()), common::v1::ERROR_REASON_INVALID_VALUE);
}

TEST_F(ProviderCheckTest, ACallerWhoHasGoneIsNotWaitedFor) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  Add(upstream.url());
  process_.catalog.Set(catalog_.Build());
  client_.emplace(process_.loop, HttpClientOptions{});
  exchange_.emplace(
      UpstreamExchange::Parts{.loop = process_.loop, .workers = process_.workers, .client = *client_});
  ProviderCheck check(
      {process_.loop, process_.workers, *client_, process_.catalog, credentials_, *exchange_});
  CallContext call{.request_id = "test"};
  std::thread canceller([&] {
    upstream.AwaitRequests(1);
    call.cancellation.Cancel();
  });
  v1::TestProviderRequest request;
  request.set_provider("a");
  EXPECT_TRUE(absl::IsCancelled(Wait(check.Run(call, request)).status()));
  canceller.join();
}

}  // namespace
}  // namespace prismatic::provider_proxy
