#include "gateway/admin/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/admin/admin_api.h"

namespace prismatic::gateway::admin {
namespace {

using ::testing::ElementsAre;

Task<Answer> Nothing(AdminParts, CallPtr) { co_return http::Response(); }

Endpoints Some() {
  return {{"GET", "/v1/models", Access::kViewer, BodyKind::kNone, Nothing},
          {"PUT", "/v1/models/{name}", Access::kOwner, BodyKind::kObject, Nothing},
          {"DELETE", "/v1/models/{name}", Access::kOwner, BodyKind::kNone, Nothing},
          {"PUT", "/v1/models/{name}/price", Access::kOwner, BodyKind::kObject, Nothing}};
}

TEST(RouterTest, FindsAnEndpointWithItsWords) {
  Router router(Some());
  Router::Match match = router.Find("PUT", "/v1/models/imagen-4/price");
  ASSERT_NE(match.endpoint, nullptr);
  EXPECT_STREQ(match.endpoint->path, "/v1/models/{name}/price");
  EXPECT_THAT(match.words, ElementsAre("imagen-4"));
}

TEST(RouterTest, AWordMayHoldASlashThatIsEncoded) {
  Router router(Some());
  EXPECT_THAT(router.Find("PUT", "/v1/models/google%2fimagen%2F4").words, ElementsAre("google/imagen/4"));
  EXPECT_THAT(router.Find("PUT", "/v1/models/%2E%2e").words, ElementsAre(".."));
  EXPECT_EQ(router.Find("PUT", "/v1/models/google/imagen").endpoint, nullptr);
}

TEST(RouterTest, AnotherSpellingIsAnotherPath) {
  Router router(Some());
  for (absl::string_view path : {"", "/", "/v1", "/v1/models/", "//v1/models", "/v1//models", "/v1/models/x/",
                                 "/v1/./models", "/v1/x/../models", "/V1/models", "/v1/%6dodels",
                                 "/v1/models/x/price/y", "v1/models", "/v1/models?x"}) {
    Router::Match match = router.Find("GET", path);
    EXPECT_EQ(match.endpoint, nullptr) << path;
    EXPECT_TRUE(match.allow.empty()) << path;
  }
}

TEST(RouterTest, AWordThatIsNoTextIsAnotherPath) {
  Router router(Some());
  for (absl::string_view word : {"%", "%4", "%zz", "a%", "%ff", "%c3%28", "%ed%a0%80"}) {
    EXPECT_TRUE(router.Find("PUT", absl::StrCat("/v1/models/", word)).allow.empty()) << word;
  }
}

TEST(RouterTest, TellsTheMethodsThatAPathHas) {
  Router router(Some());
  Router::Match match = router.Find("POST", "/v1/models/x");
  EXPECT_EQ(match.endpoint, nullptr);
  EXPECT_EQ(match.allow, "PUT, DELETE");
  EXPECT_EQ(router.Find("DELETE", "/v1/models").allow, "GET, HEAD");
}

TEST(RouterTest, HeadIsGet) {
  Router router(Some());
  EXPECT_EQ(router.Find("HEAD", "/v1/models").endpoint, router.Find("GET", "/v1/models").endpoint);
  EXPECT_EQ(router.Find("HEAD", "/v1/models/x").endpoint, nullptr);
}

TEST(AllEndpointsTest, EachIsThereOnceAndOnlyLoginNeedsNobody) {
  std::set<std::string> seen;
  for (const Endpoint& endpoint : AllEndpoints()) {
    std::string name = absl::StrCat(endpoint.method, " ", endpoint.path);
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_EQ(endpoint.access == Access::kAnyone, name == "POST /admin/v1/session") << name;
    EXPECT_TRUE(absl::string_view(endpoint.method) != "GET" || endpoint.body == BodyKind::kNone) << name;
  }
}

}  // namespace
}  // namespace prismatic::gateway::admin
