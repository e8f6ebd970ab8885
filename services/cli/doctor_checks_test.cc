// Each mistake, by itself in a suite that is otherwise well, yields its line.

#include "services/cli/doctor_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/cli/errors.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNoon = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z
constexpr char kNoonText[] = "Thu, 01 Jan 2026 12:00:00 GMT";

template <typename Response>
void Reach(Answer<Response>& answer, const std::string& service, const std::string& flag) {
  answer.service = service;
  answer.flag = flag;
  answer.address = "10.0.0.1:1";
  answer.sent_us = kNoon - 1'000;
  answer.answered_us = kNoon + 1'000;
}

template <typename Response>
void FillStatus(Response& response) {
  response.set_catalog_version(7);
  response.set_process_time_us(kNoon);
  response.set_redis_time_us(kNoon);
  for (auto [name, value] :
       {std::pair{"appendonly", "yes"}, std::pair{"appendfsync", "always"},
        std::pair{"maxmemory-policy", "noeviction"}, std::pair{"redis_version", "7.0.15"}}) {
    (*response.mutable_redis_settings())[name] = value;
  }
}

// A suite in which everything is well.
Answers Healthy() {
  Answers answers;
  answers.has_token = true;
  Reach(answers.registry, "model-registry's admin port", "registry-admin-addr");
  FillStatus(answers.registry.response);
  Reach(answers.who, "", "");
  answers.who.response.set_actor("admin-token");
  answers.who.response.set_role(model_registry::v1::ROLE_OWNER);
  Reach(answers.providers, "", "");
  for (const char* name : {"on", "off"}) {
    catalog::v1::Provider& provider = *answers.providers.response.add_providers();
    provider.set_name(name);
    provider.set_images_enabled(provider.name() == "on");
    answers.states.response.add_providers()->set_name(name);
  }
  Reach(answers.models, "model-registry", "registry-addr");
  Reach(answers.billing, "billing's admin port", "billing-admin-addr");
  FillStatus(answers.billing.response);
  Reach(answers.metering, "billing", "billing-addr");
  Reach(answers.states, "provider-proxy", "provider-addr");
  answers.states.response.set_catalog_version(7);
  answers.states.response.set_process_time_us(kNoon);
  Reach(answers.ready, "gateway", "base-url");
  answers.ready.address = "http://10.0.0.1:80/readyz";
  answers.ready.response.status = 200;
  answers.ready.response.headers = {{"Date", kNoonText}};
  Reach(answers.listing, "", "");
  answers.listing.response.status = 200;
  return answers;
}

// "result name: words" of each finding.
std::vector<std::string> Lines(const Answers& answers) {
  std::vector<std::string> lines;
  for (const Finding& finding : Examine(answers)) {
    lines.push_back(absl::StrCat(VerdictWord(finding.verdict), " ", finding.name, ": ", finding.words));
  }
  return lines;
}

absl::Status TokenRefused() {
  return Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY, "No.");
}

TEST(DoctorChecksTest, AHealthySuiteHasNothingButOk) {
  std::vector<std::string> lines = Lines(Healthy());
  EXPECT_GE(lines.size(), 14u);
  for (const std::string& line : lines) EXPECT_EQ(line.rfind("ok ", 0), 0u) << line;
  EXPECT_THAT(lines, Contains("ok admin token: is accepted: admin-token, owner"));
  EXPECT_THAT(lines, Contains("ok catalog: version 7 everywhere"));
}

struct Mistake {
  std::string name;
  std::function<void(Answers&)> make;
  // The finding, and a part of its words.
  std::string line;
  std::string words;
};

class DoctorMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(DoctorMistakeTest, YieldsItsLine) {
  Answers answers = Healthy();
  GetParam().make(answers);
  std::vector<std::string> lines = Lines(answers);
  EXPECT_THAT(lines, Contains(AllOf(::testing::StartsWith(GetParam().line), HasSubstr(GetParam().words))))
      << absl::StrJoin(lines, "\n");
}

// What is at an address that gives no answer.
Mistake Port(const std::string& name, PortKind port, const std::string& words) {
  return {name,
          [port](Answers& answers) {
            answers.billing.status = Unreachable("no answer");
            answers.billing.port = port;
          },
          "FAILED billing's admin port: 10.0.0.1:1 ", words};
}

Mistake Redis(const std::string& name, const std::string& setting, const std::string& value,
              const std::string& line, const std::string& words) {
  return {name,
          [setting, value](Answers& answers) {
            (*answers.billing.response.mutable_redis_settings())[setting] = value;
            (*answers.registry.response.mutable_redis_settings())[setting] = value;
          },
          line, words};
}

INSTANTIATE_TEST_SUITE_P(
    Reach, DoctorMistakeTest,
    ::testing::Values(
        Port("refused", PortKind::kRefused, "is the service started"),
        Port("name", PortKind::kUnknownName, "does not know"),
        Port("network", PortKind::kUnreachable, "firewalls"),
        Port("tls", PortKind::kTls, "speaks TLS, and this tool plain gRPC"),
        Port("http1", PortKind::kHttp1, "speaks HTTP/1.1 and no gRPC"),
        Port("silent", PortKind::kSilent, "another program listens there"),
        Port("hangs", PortKind::kHttp2, "it hangs, or is overloaded"),
        Port("text", PortKind::kNoAddress, "is no host:port"),
        Mistake{"not_given", [](Answers& a) { a.states.address = ""; },
                "warning provider-proxy: was not asked", "--provider-addr or PRISMATIC_PROVIDER_ADDR"},
        Mistake{"older", [](Answers& a) { a.billing.status = absl::UnimplementedError("?"); },
                "warning billing's admin port: answers at 10.0.0.1:1", "older than this tool"},
        Mistake{"refusal",
                [](Answers& a) {
                  a.billing.status =
                      Error(absl::StatusCode::kInternal, common::v1::ERROR_REASON_INTERNAL_ERROR, "Oh.");
                },
                "FAILED billing's admin port: says INTERNAL_ERROR", "Oh."},
        Mistake{"no_token", [](Answers& a) { a.has_token = false; }, "FAILED admin token: there is none",
                "PRISMATIC_ADMIN_TOKEN"},
        Mistake{"wrong_token", [](Answers& a) { a.billing.status = TokenRefused(); },
                "FAILED admin token: is not accepted by billing", "--admin-token-file"},
        Mistake{"gateway_away",
                [](Answers& a) { a.ready.status = Unreachable("http://x: Couldn't connect"); },
                "FAILED gateway: http://x: Couldn't connect", "is --base-url right"},
        Mistake{"gateway_draining",
                [](Answers& a) {
                  a.ready.response.status = 503;
                  a.ready.response.body = "no catalog yet\n";
                },
                "FAILED gateway: http://10.0.0.1:80/readyz is not ready: no catalog yet;", "model-registry"},
        Mistake{"no_gateway", [](Answers& a) { a.ready.response.status = 404; },
                "FAILED gateway: ", "answers 404, as no gateway of ours"},
        Mistake{"no_base_url", [](Answers& a) { a.ready.address = ""; }, "warning gateway: was not asked",
                "PRISMATIC_BASE_URL"},
        Mistake{"api_key", [](Answers& a) { a.listing.response.status = 401; },
                "FAILED API key: the key in PRISMATIC_API_KEY (or --api-key) was refused",
                "revoked, expired, mistyped"},
        Mistake{"api_key_503", [](Answers& a) { a.listing.response.status = 503; },
                "FAILED API key: the gateway answers 503", "billing"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    State, DoctorMistakeTest,
    ::testing::Values(
        Mistake{"no_catalog", [](Answers& a) { a.billing.response.set_catalog_version(0); },
                "FAILED catalog: billing holds none", "its way to model-registry"},
        Mistake{"behind", [](Answers& a) { a.states.response.set_catalog_version(6); },
                "FAILED catalog: not the same everywhere: ", "provider-proxy has 6"},
        Mistake{"skew", [](Answers& a) { a.billing.response.set_process_time_us(kNoon + 1'200'000); },
                "warning clocks: that of billing is 1.2 s before", "NTP"},
        Mistake{"skew_of_redis", [](Answers& a) { a.billing.response.set_redis_time_us(kNoon - 6'000'000); },
                "FAILED clocks: that of billing's Redis is 6.0 s behind", "NTP"},
        Mistake{"skew_of_the_gateway",
                [](Answers& a) {
                  a.ready.response.headers = {{"date", "Thu, 01 Jan 2026 12:00:09 GMT"}};
                },
                "FAILED clocks: that of the gateway is 8.0 s before", "NTP"},
        Mistake{"redis_away", [](Answers& a) { a.billing.response.set_redis_error("Connection refused."); },
                "FAILED billing's Redis: cannot be used: Connection refused.", ""},
        Redis("fsync", "appendfsync", "everysec", "FAILED billing's Redis: has appendfsync everysec",
              "CONFIG SET appendfsync always"),
        Redis("fsync_of_the_registry", "appendfsync", "everysec",
              "warning model-registry's Redis: has appendfsync everysec", "the last writes"),
        Redis("aof", "appendonly", "no", "FAILED model-registry's Redis: has appendonly no", "a restart"),
        Redis("eviction", "maxmemory-policy", "allkeys-lru",
              "FAILED billing's Redis: has maxmemory-policy allkeys-lru", "throws data away"),
        Redis("old_redis", "redis_version", "6.2.14", "FAILED billing's Redis: is version 6.2.14",
              "at least 7.0"),
        Mistake{"untold",
                [](Answers& a) { a.billing.response.mutable_redis_settings()->erase("appendonly"); },
                "warning billing's Redis: does not tell appendonly", "CONFIG GET"},
        Mistake{"credential_on",
                [](Answers& a) {
                  provider_proxy::v1::ProviderState& state = *a.states.response.mutable_providers(0);
                  state.add_missing_credentials("env:PROVIDER_KEY_X");
                  state.set_health(provider_proxy::v1::PROVIDER_HEALTH_NO_CREDENTIAL);
                },
                "FAILED provider on: provider-proxy cannot find env:PROVIDER_KEY_X, and has no other",
                "--credentials-dir"},
        Mistake{"one_of_two_credentials",
                [](Answers& a) {
                  a.states.response.mutable_providers(0)->add_missing_credentials("env:PROVIDER_KEY_X");
                },
                "warning provider on: provider-proxy cannot find env:PROVIDER_KEY_X, and goes on", ""},
        Mistake{"credential_off",
                [](Answers& a) { a.states.response.mutable_providers(1)->add_missing_credentials("file:x"); },
                "warning providers: 1 provider (off) lacks credentials", "as long as their Images are off"},
        Mistake{"left_out",
                [](Answers& a) {
                  a.states.response.mutable_providers(0)->set_health(
                      provider_proxy::v1::PROVIDER_HEALTH_LEFT_OUT);
                },
                "warning provider on: is left out", "provider test on"},
        Mistake{"resting",
                [](Answers& a) {
                  a.states.response.mutable_providers(0)->set_health(
                      provider_proxy::v1::PROVIDER_HEALTH_RESTING);
                },
                "warning provider on: is resting", "asked us to wait"},
        Mistake{"model_left_out",
                [](Answers& a) { a.states.response.mutable_providers(0)->add_models_left_out("m"); },
                "warning provider on: does not take part for 1 model (m)", ""},
        Mistake{"no_price",
                [](Answers& a) {
                  for (int i = 0; i < 12; ++i)
                    a.registry.response.add_models_without_price(absl::StrCat("m", i));
                },
                "warning models: no wallet can pay for 12 models (m0, m1",
                "m9 and 2 more), for want of a price"},
        Mistake{"no_route", [](Answers& a) { a.registry.response.add_models_without_route("m"); },
                "warning models: nobody makes images of 1 model (m)", "switch Images"},
        Mistake{"import_over_edits", [](Answers& a) { a.registry.response.set_import_replaced_version(7); },
                "warning import: the file of model-registry's --catalog replaced what had been changed here",
                "catalog rollback 7"},
        Mistake{"first_password", [](Answers& a) { a.registry.response.set_first_password_in_use(true); },
                "warning operators: the first owner's random password", "change it"},
        Mistake{"unconfirmed", [](Answers& a) { a.billing.response.set_unconfirmed_settlements(3); },
                "warning settlements: 3 of this billing", "settlement replay"},
        Mistake{"damaged_usage", [](Answers& a) { a.billing.response.add_damaged("{b001}:use: is odd."); },
                "warning usage: counters of yesterday and today are damaged", "{b001}:use: is odd."}),
    [](const auto& test) { return test.param.name; });

TEST(DoctorChecksTest, ASlowAnswerIsNoSkew) {
  Answers answers = Healthy();
  answers.billing.sent_us = kNoon - 4'000'000;
  answers.billing.answered_us = kNoon;
  EXPECT_THAT(Lines(answers), Contains("ok clocks: within a second of this machine's"));
}

TEST(DoctorChecksTest, AStockCatalogThatIsOffIsOneLineForItsCredentialsAndOneForItsModels) {
  Answers answers = Healthy();
  for (int i = 0; i < 12; ++i) {
    std::string name = absl::StrCat("stock", i);
    answers.providers.response.add_providers()->set_name(name);
    provider_proxy::v1::ProviderState& state = *answers.states.response.add_providers();
    state.set_name(name);
    state.add_missing_credentials("env:PROVIDER_KEY_STOCK");
    state.set_health(provider_proxy::v1::PROVIDER_HEALTH_NO_CREDENTIAL);
    answers.registry.response.add_models_without_route(name);
    answers.registry.response.add_models_without_price(name);
  }
  std::vector<std::string> trouble;
  for (const std::string& line : Lines(answers)) {
    if (line.rfind("ok ", 0) != 0) trouble.push_back(line);
  }
  EXPECT_THAT(
      trouble,
      ElementsAre(AllOf(::testing::StartsWith("warning models: nobody makes images of 12 models (stock0, "),
                        HasSubstr("12 of them have no price either")),
                  ::testing::StartsWith("warning providers: 12 providers (stock0, ")));
}

TEST(DoctorChecksTest, WithAWrongTokenTheChecksThatNeedItAreListedAsNotLookedAt) {
  Answers answers = Healthy();
  for (absl::Status* status : {&answers.registry.status, &answers.billing.status}) *status = TokenRefused();
  answers.who.address = answers.providers.address = "";
  answers.states.response.mutable_providers(1)->add_missing_credentials("file:x");
  std::vector<std::string> lines = Lines(answers);
  for (const char* name : {"model-registry's Redis", "import", "models", "operators"}) {
    EXPECT_THAT(lines,
                Contains(absl::StrCat("skipped ", name,
                                      ": not looked at, for model-registry's admin port did not tell")));
  }
  for (const char* name : {"billing's Redis", "settlements"}) {
    EXPECT_THAT(lines, Contains(absl::StrCat("skipped ", name,
                                             ": not looked at, for billing's admin port did not tell")));
  }
  EXPECT_THAT(lines, Contains("ok catalog: version 7 at provider-proxy; the others did not tell theirs"));
  // Whether Images is on is not known, so it is not called a failure.
  EXPECT_THAT(lines,
              Contains(::testing::StartsWith("warning provider off: provider-proxy cannot find file:x")));
}

TEST(DoctorChecksTest, OfNobodyIsSaidWhatNobodyTold) {
  Answers answers;
  answers.registry.service = answers.models.service = "model-registry";
  answers.billing.service = answers.metering.service = "billing";
  answers.states.service = "provider-proxy";
  answers.ready.service = "gateway";
  std::vector<std::string> lines = Lines(answers);
  EXPECT_THAT(lines[0], ::testing::StartsWith("FAILED addresses: none is given, so nothing was asked"));
  for (size_t i = 1; i < lines.size(); ++i) EXPECT_THAT(lines[i], HasSubstr("was not asked"));
}

}  // namespace
}  // namespace prismatic::cli
