// Commands that change one provider or one model.

#include "services/cli/catalog_edits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/commands_fixture.h"
#include "services/cli/errors.h"
#include "services/common/status/status.h"

namespace prismatic::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kModel[] = "name: imagen-4\npublic_ids: [google/imagen-4]\nretail_generation_usd: \"0.04\"\n";

class CatalogEditsTest : public CommandsTest {
 protected:
  CatalogEditsTest() {
    rpb::ListCanonicalModelsResponse::Entry& entry = *admin_.models.add_models();
    entry.mutable_model()->set_name("imagen-4");
    entry.mutable_model()->add_public_ids("google/imagen-4");
    entry.mutable_model()->add_prices()->set_retail_generation_nano_usd(40'000'000);
    entry.mutable_model()->set_quota_units_per_image(1);
    catalog::v1::Route& route = *entry.mutable_model()->add_routes();
    route.set_provider("sandbox");
    route.set_upstream_model("imagen-4.0");
    route.set_priority(1);
    route.set_weight(100);
    entry.set_yaml(kModel);
    entry.set_available(true);
  }
};

TEST_F(CatalogEditsTest, PutSendsTheEntryAsItIsAndSaysWhatItReplaces) {
  Outcome added = RunCli({"provider", "put", TemporaryFile("name: openai\nbase_url: https://x\n")});
  EXPECT_EQ(added.code, kDone);
  EXPECT_EQ(admin_.edit.put_provider(), "name: openai\nbase_url: https://x\n");
  EXPECT_EQ(admin_.edit.name(), "");
  EXPECT_TRUE(admin_.edit.replace());
  // What the command read just before.
  EXPECT_EQ(admin_.edit.based_on(), 9);
  RunCli({"provider", "put", TemporaryFile("{\"name\": \"sandbox\"}"), "--based-on", "4", "--note", "why"});
  EXPECT_EQ(admin_.edit.based_on(), 4);
  EXPECT_EQ(admin_.edit.note(), "why");
  RunCli({"provider", "put", TemporaryFile("name: renamed\n"), "--name", "sandbox", "--force"});
  EXPECT_EQ(admin_.edit.name(), "sandbox");
  EXPECT_TRUE(admin_.edit.force());
  RunCli({"model", "put", TemporaryFile("name: imagen-4\n"), "--validate"});
  EXPECT_EQ(admin_.edit.put_model(), "name: imagen-4\n");
  EXPECT_TRUE(admin_.edit.validate_only());
}

TEST_F(CatalogEditsTest, RemoveNamesWhatGoes) {
  RunCli({"provider", "remove", "sandbox"});
  EXPECT_EQ(admin_.edit.delete_provider(), "sandbox");
  EXPECT_EQ(admin_.edit.based_on(), 9);
  RunCli({"model", "remove", "imagen-4"});
  EXPECT_EQ(admin_.edit.delete_model(), "imagen-4");
  admin_.catalog_errors = {"providers[sandbox]: is used by imagen-4"};
  Outcome used = RunCli({"provider", "remove", "sandbox"});
  EXPECT_EQ(used.code, kRefused);
  EXPECT_EQ(used.err,
            "error: CATALOG_INVALID: nothing was changed: providers[sandbox]: is used by imagen-4\n");
}

TEST_F(CatalogEditsTest, AnErrorOfAnEntrySaysWhereInItsFile) {
  std::string file = TemporaryFile("name: m\n");
  admin_.catalog_errors = {"4:3: models[m].owned_by: must be short", "5:1: models[m].price: unknown"};
  EXPECT_EQ(RunCli({"model", "put", file}).err, "error: CATALOG_INVALID: nothing was changed, because\n  " +
                                                    file + ":4:3: models[m].owned_by: must be short\n  " +
                                                    file + ":5:1: models[m].price: unknown\n");
}

TEST_F(CatalogEditsTest, SwitchesThatStayAreSaidOfProvidersOnlyAndWithoutAFlagThatIsNotThere) {
  admin_.applied.add_kept_overrides("sandbox");
  EXPECT_EQ(RunCli({"model", "price", "imagen-4", "--usd", "0.05"}).err, "");
  EXPECT_EQ(RunCli({"model", "put", TemporaryFile("name: imagen-4\n")}).err, "");
  std::string file = TemporaryFile("name: sandbox\n");
  EXPECT_EQ(RunCli({"provider", "put", file}).err,
            "note: switched at run time, and it stays so whatever " + file + " says: sandbox\n");
}

TEST_F(CatalogEditsTest, AConflictSaysHowToGoOn) {
  admin_.edit_failure = Error(absl::StatusCode::kAborted, common::v1::ERROR_REASON_CATALOG_CONFLICT, "Bob.");
  EXPECT_EQ(RunCli({"model", "price", "imagen-4", "--usd", "0.05"}).err,
            "error: CATALOG_CONFLICT: Bob. Give the command again, or --force.\n");
  EXPECT_EQ(
      RunCli({"model", "price", "imagen-4", "--usd", "0.05", "--based-on", "7"}).err,
      "error: CATALOG_CONFLICT: Bob. `prismatic catalog compare 7 current` shows what was changed since; "
      "--force changes it all the same.\n");
}

TEST_F(CatalogEditsTest, APriceIsExactAndWhatIsNotNamedStays) {
  Outcome outcome = RunCli({"model", "price", "google/imagen-4", "--usd", "0.050"});
  EXPECT_EQ(outcome.code, kDone) << outcome.err;
  EXPECT_EQ(admin_.edit.set_price().model(), "imagen-4");
  EXPECT_EQ(admin_.edit.set_price().retail_generation_nano_usd(), 50'000'000);
  EXPECT_EQ(admin_.edit.set_price().quota_units_per_image(), 0);
  EXPECT_EQ(admin_.edit.based_on(), 9);
  RunCli({"model", "price", "imagen-4", "--none", "--quota-units", "3"});
  EXPECT_FALSE(admin_.edit.set_price().has_retail_generation_nano_usd());
  EXPECT_EQ(admin_.edit.set_price().quota_units_per_image(), 3);
  RunCli({"model", "price", "imagen-4", "--quota-units", "4"});
  EXPECT_EQ(admin_.edit.set_price().retail_generation_nano_usd(), 40'000'000);
}

TEST_F(CatalogEditsTest, ModelShowHasRoutesAndYaml) {
  Outcome outcome = RunCli({"model", "show", "imagen-4"});
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("USD per image          0.04\n"),
                    HasSubstr("sandbox   imagen-4.0             1     100  no\n"), HasSubstr(kModel)));
  EXPECT_THAT(RunJson({"model", "show", "imagen-4"}).out,
              AllOf(StartsWith(R"({"name":"imagen-4","public_ids":["google/imagen-4"])"),
                    HasSubstr(R"("available":true,"yaml":"name: imagen-4\n)")));
  Outcome unknown = RunCli({"model", "show", "nothing"});
  EXPECT_EQ(unknown.code, kRefused);
  EXPECT_THAT(unknown.err, StartsWith("error: MODEL_NOT_FOUND"));
}

TEST_F(CatalogEditsTest, ProviderShowHasItsYamlAndHowItIsFoundNow) {
  admin_.provider_yaml = "name: sandbox\nmax_concurrent: 64\n";
  ppb::ProviderState& state = *proxy_.states.add_providers();
  state.set_name("sandbox");
  state.set_health(ppb::PROVIDER_HEALTH_RETURNING);
  state.set_in_flight(2);
  state.set_in_flight_max(64);
  Outcome outcome = RunCli({"provider", "show", "sandbox"});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("health                    returning\n"),
                                 HasSubstr("in flight                 2 of 64\n"),
                                 HasSubstr("\nname: sandbox\nmax_concurrent: 64\n")));
  EXPECT_THAT(RunJson({"provider", "show", "sandbox"}).out,
              AllOf(HasSubstr(R"("yaml":"name: sandbox\nmax_concurrent: 64\n")"),
                    HasSubstr(R"("state":{"name":"sandbox","health":"returning")")));
  EXPECT_THAT(RunCli({"provider", "show", "nobody"}).err, StartsWith("error: PROVIDER_NOT_FOUND"));
}

TEST_F(CatalogEditsTest, ProviderShowWithoutProviderProxySaysThatNobodyWasAsked) {
  environment_ = {"PRISMATIC_REGISTRY_ADMIN_ADDR=" + address(), "PRISMATIC_ADMIN_TOKEN=t"};
  Outcome outcome = RunJson({"provider", "show", "sandbox"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_THAT(outcome.out, HasSubstr(R"("state":null)"));
  EXPECT_THAT(outcome.err, HasSubstr("provider-proxy was not asked"));
}

TEST_F(CatalogEditsTest, ProviderShowAndListHaveWhatTheRegistryKnowsWhenProviderProxyIsDown) {
  proxy_.recorder.failure = absl::UnavailableError("last error: ipv4 sorcery");
  admin_.provider_yaml = "name: sandbox\n";
  for (const char* verb : {"show", "list"}) {
    std::vector<std::string> arguments = {"provider", verb};
    if (verb == std::string("show")) arguments.emplace_back("sandbox");
    Outcome outcome = RunCli(arguments);
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("sandbox"), HasSubstr("on")));
    EXPECT_EQ(outcome.err,
              "note: how provider-proxy finds it is not known: SERVICE_UNREACHABLE: provider-proxy at " +
                  address() + " does not answer; `prismatic doctor` looks why.\n");
    EXPECT_THAT(RunJson(arguments).out, HasSubstr(R"("state":null)"));
  }
}

TEST_F(CatalogEditsTest, AProviderWithoutItsCredentialIsNotGoodAnywhere) {
  ppb::ProviderState& state = *proxy_.states.add_providers();
  state.set_name("sandbox");
  state.set_health(ppb::PROVIDER_HEALTH_NO_CREDENTIAL);
  state.add_missing_credentials("env:PROVIDER_KEY_SANDBOX");
  state.set_credentials_missing(1);
  EXPECT_THAT(RunCli({"provider", "show", "sandbox"}).out,
              HasSubstr("health                    no_credential\n"));
  EXPECT_THAT(RunCli({"provider", "list"}).out, HasSubstr("sandbox  on      no_credential  "));
  EXPECT_THAT(RunCli({"provider", "states"}).out, HasSubstr("sandbox  no_credential  "));
  for (const char* verb : {"list", "states"}) {
    EXPECT_THAT(RunJson({"provider", verb}).out,
                AllOf(HasSubstr(R"("health":"no_credential")"), HasSubstr(R"("credentials_missing":1)")));
  }
}

TEST_F(CatalogEditsTest, ProviderStatesIsAListThatNeedsNoToken) {
  ppb::ProviderState& state = *proxy_.states.add_providers();
  state.set_name("sandbox");
  state.add_missing_credentials("env:PROVIDER_KEY_SANDBOX");
  state.set_recent_calls(7);
  state.set_recent_failures(3);
  proxy_.states.set_replica("host-1");
  EXPECT_THAT(RunCli({"provider", "states"}).out,
              HasSubstr("sandbox  unknown  -              0    0        0      7       3  "
                        "env:PROVIDER_KEY_SANDBOX  -\n"));
  EXPECT_EQ(proxy_.recorder.authorization, "");
  EXPECT_THAT(RunJson({"provider", "states"}).out, HasSubstr(R"("catalog_version":0,"replica":"host-1"})"));
}

}  // namespace
}  // namespace prismatic::cli
