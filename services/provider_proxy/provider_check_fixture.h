#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_CHECK_FIXTURE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_CHECK_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/provider_check.h"
#include "services/provider_proxy/proxy_fixture.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"

// For tests of `provider test`: a provider that answers as an API does, and what is said of it.

namespace prismatic::provider_proxy {

inline constexpr char kSecretA[] = "upstream-secret-a";
inline constexpr char kSecretB[] = "upstream-secret-b";

// Lists `a-model` to those who show a key that it knows, and makes images for them.
inline ScriptedUpstream::Reply AsApi(const ScriptedUpstream::Request& request) {
  if (request.header("Authorization") != absl::StrCat("Bearer ", kSecretA)) {
    return ScriptedUpstream::Answer(401, R"({"error":{"message":"wrong key told by upstream"}})");
  }
  if (absl::EndsWith(request.path(), "/models")) {
    return ScriptedUpstream::Answer(200, R"({"object":"list","data":[{"id":"other"},{"id":"a-model"}]})");
  }
  return ImagesAsAsked(request);
}

// Answers the list as AsApi does, and calls for images with `reply`.
inline ScriptedUpstream::Script AsApiButImagesAre(ScriptedUpstream::Reply reply) {
  return [reply](const ScriptedUpstream::Request& request) {
    return absl::EndsWith(request.path(), "/models") ? AsApi(request) : reply;
  };
}

class ProviderCheckTest : public ::testing::Test {
 protected:
  // One provider `a` at `url` with a credential, and a route of `m` to its `a-model`.
  catalog::v1::Provider& Add(const std::string& url) {
    catalog_.Add("a", url);
    provider().add_credentials("env:PROVIDER_KEY_A");
    return provider();
  }
  catalog::v1::Provider& provider() { return catalog_.provider(0); }

  absl::StatusOr<v1::TestProviderResponse> Test(v1::TestProviderRequest request) {
    catalog::v1::Catalog catalog = catalog_.Build();
    catalog.set_version(process_.catalog.Current()->version() + 1);
    process_.catalog.Set(catalog);
    client_.emplace(process_.loop, HttpClientOptions{.ca_file = ca_file_});
    exchange_.emplace(UpstreamExchange::Parts{.loop = process_.loop,
                                              .workers = process_.workers,
                                              .client = *client_,
                                              .egress_proxy = egress_proxy_});
    ProviderCheck check({.loop = process_.loop,
                         .workers = process_.workers,
                         .client = *client_,
                         .catalog = process_.catalog,
                         .credentials = credentials_,
                         .exchange = *exchange_,
                         .resolver = resolver_,
                         .step_max = step_max_,
                         .image_max = image_max_});
    return Wait(check.Run({.request_id = "test"}, std::move(request)));
  }
  // Of the whole run; what is said of a step is in `checks_`.
  bool Run(bool generate = false) {
    v1::TestProviderRequest request;
    request.set_provider("a");
    request.set_generate(generate);
    absl::StatusOr<v1::TestProviderResponse> response = Test(std::move(request));
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return false;
    response_ = *std::move(response);
    for (const v1::ProviderCheck& check : response_.checks()) {
      EXPECT_THAT(check.words(), ::testing::Not(::testing::HasSubstr("secret")))
          << "a credential in " << check.name();
      EXPECT_THAT(check.words(), ::testing::Not(::testing::HasSubstr("told by upstream"))) << check.name();
      EXPECT_GE(check.duration_ms(), 0);
    }
    return response_.ok();
  }
  // "name ok", in order.
  std::vector<std::string> Results() const {
    std::vector<std::string> results;
    for (const v1::ProviderCheck& check : response_.checks()) {
      absl::string_view result = v1::CheckResult_Name(check.result());
      results.push_back(absl::StrCat(check.name(), " ", result.substr(sizeof("CHECK_RESULT_") - 1)));
    }
    return results;
  }
  // Of the first check of that name.
  std::string Words(absl::string_view name) const {
    for (const v1::ProviderCheck& check : response_.checks()) {
      if (check.name() == name) return check.words();
    }
    return "";
  }
  v1::CheckResult Result(absl::string_view name) const {
    for (const v1::ProviderCheck& check : response_.checks()) {
      if (check.name() == name) return check.result();
    }
    return v1::CHECK_RESULT_UNSPECIFIED;
  }

  TestProcess process_;
  CatalogBuilder catalog_;
  Credentials credentials_{{{"PROVIDER_KEY_A", kSecretA}, {"PROVIDER_KEY_B", kSecretB}}, ""};
  std::string ca_file_;
  std::string egress_proxy_;
  Fetcher::Resolver resolver_;
  absl::Duration step_max_ = absl::Seconds(10);
  absl::Duration image_max_ = absl::Seconds(30);
  std::optional<HttpClient> client_;
  std::optional<UpstreamExchange> exchange_;
  v1::TestProviderResponse response_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_PROVIDER_CHECK_FIXTURE_H_
