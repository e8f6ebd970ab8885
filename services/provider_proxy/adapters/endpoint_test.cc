#include "services/provider_proxy/adapters/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/provider_proxy/adapters/test_target.h"

namespace prismatic::provider_proxy {
namespace {

using test_target::TestProvider;
using test_target::TestRoute;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr EndpointDefaults kDefaults = {.path = "/make", .reference_path = "/edit"};

HttpRequest Addressed(const catalog::v1::Endpoint& endpoint, bool references = false,
                      const EndpointDefaults& defaults = kDefaults, absl::string_view model = "m") {
  catalog::v1::Provider provider = TestProvider();
  *provider.mutable_endpoint() = endpoint;
  catalog::v1::Route route = TestRoute();
  route.set_upstream_model(std::string(model));
  return AddressedRequest({provider, route}, defaults, references);
}

std::string PathOf(const HttpRequest& http) { return http.url.substr(TestProvider().base_url().size()); }

TEST(EndpointTest, AnEmptyEndpointIsWhatTheFormatDoesByItself) {
  HttpRequest http = Addressed({});
  EXPECT_EQ(http.method, "POST");
  EXPECT_EQ(PathOf(http), "/make");
  EXPECT_THAT(http.headers, ElementsAre(Pair("Content-Type", "application/json")));
  EXPECT_EQ(http.auth_header, "Authorization");
  EXPECT_EQ(http.auth_scheme, AuthScheme::kBearer);
  EXPECT_EQ(PathOf(Addressed({}, true)), "/edit");
}

TEST(EndpointTest, ReferencesHaveAPathOfTheirOwnOnlyWhereItIsGiven) {
  catalog::v1::Endpoint endpoint;
  endpoint.set_path("/own");
  EXPECT_EQ(PathOf(Addressed(endpoint, true)), "/own")
      << "a format's own path for them belongs to its own path";
  endpoint.set_reference_path("/own/edit");
  EXPECT_EQ(PathOf(Addressed(endpoint, true)), "/own/edit");
  EXPECT_EQ(PathOf(Addressed(endpoint)), "/own");
  EXPECT_EQ(PathOf(Addressed({}, true, {.path = "/make"})), "/make");
}

TEST(EndpointTest, TheModelIsEscapedAndKeepsItsSlashes) {
  catalog::v1::Endpoint endpoint;
  endpoint.set_path("/v1/{model}:generate");
  EXPECT_EQ(PathOf(Addressed(endpoint, false, kDefaults, "a/b:c@d-1.2_~")), "/v1/a/b:c@d-1.2_~:generate");
  EXPECT_EQ(PathOf(Addressed(endpoint, false, kDefaults, "a?b=c&d#e f%\r\n{model}\xc3\xbc")),
            "/v1/a%3Fb%3Dc%26d%23e%20f%25%0D%0A%7Bmodel%7D%C3%BC:generate");
}

TEST(EndpointTest, TheQueryIsEscapedAndAppended) {
  catalog::v1::Endpoint endpoint;
  auto add = [&](const char* name, const char* value) {
    catalog::v1::NameValue& each = *endpoint.add_query();
    each.set_name(name);
    each.set_value(value);
  };
  add("api-version", "2025-04-01-preview");
  add("a b", "c&d=e/f");
  EXPECT_EQ(PathOf(Addressed(endpoint)), "/make?api-version=2025-04-01-preview&a%20b=c%26d%3De%2Ff");
  endpoint.set_path("/make?alt=json");
  EXPECT_EQ(PathOf(Addressed(endpoint)), "/make?alt=json&api-version=2025-04-01-preview&a%20b=c%26d%3De%2Ff");
}

TEST(EndpointTest, TheCredentialIsCarriedAsTheEndpointSays) {
  catalog::v1::Endpoint endpoint;
  endpoint.set_auth_header("api-key");
  EXPECT_EQ(Addressed(endpoint).auth_header, "api-key");
  EXPECT_EQ(Addressed(endpoint).auth_scheme, AuthScheme::kPlain);
  endpoint.set_auth_header("authorization");
  EXPECT_EQ(Addressed(endpoint).auth_scheme, AuthScheme::kBearer);
  const std::pair<catalog::v1::AuthScheme, AuthScheme> kSchemes[] = {
      {catalog::v1::AUTH_SCHEME_BEARER, AuthScheme::kBearer},
      {catalog::v1::AUTH_SCHEME_KEY, AuthScheme::kKey},
      {catalog::v1::AUTH_SCHEME_BASIC, AuthScheme::kBasic},
      {catalog::v1::AUTH_SCHEME_PLAIN, AuthScheme::kPlain}};
  for (const auto& [given, carried] : kSchemes) {
    endpoint.set_auth_scheme(given);
    EXPECT_EQ(Addressed(endpoint).auth_scheme, carried);
  }
  HttpRequest google = Addressed(
      {}, false, {.path = "/make", .auth_header = "x-goog-api-key", .auth_scheme = AuthScheme::kPlain});
  EXPECT_EQ(google.auth_header, "x-goog-api-key");
  EXPECT_EQ(google.auth_scheme, AuthScheme::kPlain);
}

TEST(EndpointTest, FixedHeadersAreAddedAndAContentTypeReplacesOurs) {
  catalog::v1::Endpoint endpoint;
  auto add = [&](const char* name, const char* value) {
    catalog::v1::NameValue& each = *endpoint.add_headers();
    each.set_name(name);
    each.set_value(value);
  };
  add("Prefer", "wait");
  add("content-type", "application/json; charset=utf-8");
  EXPECT_THAT(Addressed(endpoint).headers,
              ElementsAre(Pair("Content-Type", "application/json; charset=utf-8"), Pair("Prefer", "wait")));
}

}  // namespace
}  // namespace prismatic::provider_proxy
