#include <gmock/gmock.h>

#include "services/provider_proxy/proxy_fixture.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ProviderStatesTest : public CoreTest {
 protected:
  v1::ProviderState StateOf(const std::string& provider) {
    absl::StatusOr<v1::GetProviderStatesResponse> states = Wait(proxy_.States());
    EXPECT_TRUE(states.ok());
    for (const v1::ProviderState& state : states->providers()) {
      if (state.name() == provider) return state;
    }
    ADD_FAILURE() << "no provider " << provider;
    return {};
  }
};

TEST_F(ProviderStatesTest, AProviderThatWorksIsGoodAndItsCallsAreCounted) {
  ScriptedUpstream upstream(ImagesAsAsked);
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  catalog.provider(0).add_credentials("env:PROVIDER_KEY_A");
  Use(catalog);
  ASSERT_EQ(Generate(RequestFor(1)).reason(), "OK");

  v1::ProviderState state = StateOf("a");
  EXPECT_EQ(state.health(), v1::PROVIDER_HEALTH_GOOD);
  EXPECT_EQ(state.since_us(), 0);
  EXPECT_EQ(state.recent_calls(), 1);
  EXPECT_EQ(state.recent_failures(), 0);
  EXPECT_EQ(state.in_flight(), 0);
  EXPECT_EQ(state.in_flight_max(), 100);
  EXPECT_THAT(state.missing_credentials(), IsEmpty());
  EXPECT_THAT(state.models_left_out(), IsEmpty());
}

TEST_F(ProviderStatesTest, OneThatAsksToBeLeftInPeaceRestsAndItsModelIsNamed) {
  ScriptedUpstream upstream([](const ScriptedUpstream::Request&) {
    return ScriptedUpstream::Answer(429, "{}", "Retry-After: 30\r\n");
  });
  CatalogBuilder catalog;
  catalog.Add("a", upstream.url());
  Use(catalog);
  EXPECT_EQ(Generate(RequestFor(1)).reason(), "MODEL_OVERLOADED");

  v1::ProviderState state = StateOf("a");
  EXPECT_EQ(state.health(), v1::PROVIDER_HEALTH_RESTING);
  EXPECT_THAT(state.models_left_out(), ElementsAre("m"));
  EXPECT_EQ(state.recent_failures(), 1);
}

TEST_F(ProviderStatesTest, OneThatCannotBeReachedIsLeftOutSinceThen) {
  CatalogBuilder catalog;
  catalog.Add("a", "http://127.0.0.1:1");
  Use(catalog);
  absl::Time before = absl::Now();
  for (int i = 0; i < 30; ++i) Generate(RequestFor(1));

  v1::ProviderState state = StateOf("a");
  EXPECT_EQ(state.health(), v1::PROVIDER_HEALTH_LEFT_OUT);
  EXPECT_GE(state.since_us(), absl::ToUnixMicros(before));
  EXPECT_LE(state.since_us(), absl::ToUnixMicros(absl::Now()));
}

TEST_F(ProviderStatesTest, CredentialsThatLeadToNothingAreNamedAndNeverShown) {
  CatalogBuilder catalog;
  catalog.Add("a", "http://127.0.0.1:1");
  for (const char* reference : {"env:PROVIDER_KEY_A", "env:PROVIDER_KEY_ELSEWHERE", "file:nowhere"}) {
    catalog.provider(0).add_credentials(reference);
  }
  Use(catalog);
  v1::ProviderState state = StateOf("a");
  EXPECT_THAT(state.missing_credentials(), ElementsAre("env:PROVIDER_KEY_ELSEWHERE", "file:nowhere"));
  EXPECT_EQ(state.credentials_missing(), 2);
  // One is left to call it with.
  EXPECT_EQ(state.health(), v1::PROVIDER_HEALTH_GOOD);
  EXPECT_THAT(state.ShortDebugString(), Not(HasSubstr("upstream-secret")));
}

TEST_F(ProviderStatesTest, OneWithoutAnyOfItsCredentialsIsNotCalledGood) {
  CatalogBuilder catalog;
  catalog.Add("a", "http://127.0.0.1:1");
  catalog.provider(0).add_credentials("env:PROVIDER_KEY_ELSEWHERE");
  Use(catalog);
  v1::ProviderState state = StateOf("a");
  EXPECT_EQ(state.health(), v1::PROVIDER_HEALTH_NO_CREDENTIAL);
  EXPECT_EQ(state.credentials_missing(), 1);
  EXPECT_EQ(state.since_us(), 0);
}

TEST_F(ProviderStatesTest, OneThatAsksForNoCredentialLacksNone) {
  CatalogBuilder catalog;
  catalog.Add("a", "http://127.0.0.1:1");
  Use(catalog);
  EXPECT_EQ(StateOf("a").health(), v1::PROVIDER_HEALTH_GOOD);
  EXPECT_EQ(StateOf("a").credentials_missing(), 0);
}

TEST_F(ProviderStatesTest, ALostCredentialCountsMoreThanWhatCallsOfEarlierSaid) {
  CatalogBuilder catalog;
  catalog.Add("a", "http://127.0.0.1:1");
  Use(catalog);
  for (int i = 0; i < 30; ++i) Generate(RequestFor(1));
  ASSERT_EQ(StateOf("a").health(), v1::PROVIDER_HEALTH_LEFT_OUT);
  catalog.provider(0).add_credentials("env:PROVIDER_KEY_ELSEWHERE");
  Use(catalog);
  EXPECT_EQ(StateOf("a").health(), v1::PROVIDER_HEALTH_NO_CREDENTIAL);
  EXPECT_EQ(StateOf("a").since_us(), 0);
}

TEST_F(ProviderStatesTest, TheAnswerNamesItsCatalogAndReplica) {
  CatalogBuilder catalog;
  catalog.Add("a", "http://127.0.0.1:1");
  catalog.Add("b", "http://127.0.0.1:1");
  Use(catalog);
  absl::StatusOr<v1::GetProviderStatesResponse> states = Wait(proxy_.States());
  ASSERT_TRUE(states.ok());
  EXPECT_EQ(states->providers_size(), 2);
  EXPECT_EQ(states->catalog_version(), process_.catalog.Current()->version());
  EXPECT_FALSE(states->replica().empty());
}

}  // namespace
}  // namespace prismatic::provider_proxy
