#include "gateway/admin/browser_safety.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string& Token() {
  static const std::string& token = *new std::string("ps_" + std::string(40, 'a') + "-_9");
  return token;
}

http::Request With(http::Headers headers) {
  http::Request request;
  request.method = "POST";
  request.headers = std::move(headers);
  return request;
}

http::Request WithCookie(const std::string& cookie) { return With({{"Cookie", cookie}}); }

TEST(ReadCredentialTest, FindsTheSessionAmongOtherCookies) {
  for (const std::string& cookie : {absl::StrCat(kSessionCookie, "=", Token()),
                                    absl::StrCat("a=b; ", kSessionCookie, "=", Token(), "; c=d"),
                                    absl::StrCat("=; ;;  ", kSessionCookie, "=", Token(), " ;x")}) {
    absl::StatusOr<Credential> credential = ReadCredential(WithCookie(cookie));
    ASSERT_TRUE(credential.ok()) << cookie;
    EXPECT_EQ(credential->token, Token());
    EXPECT_TRUE(credential->by_cookie);
  }
}

TEST(ReadCredentialTest, TakesNoOtherCookieForTheSession) {
  std::string name(kSessionCookie);
  for (const std::string& cookie :
       {std::string(), std::string("; ;"), "x" + name + "=" + Token(), name + "x=" + Token(),
        "prismatic_session=" + Token(), "__HOST-prismatic_session=" + Token(), "a=" + name + "=" + Token()}) {
    absl::StatusOr<Credential> credential = ReadCredential(WithCookie(cookie));
    ASSERT_TRUE(credential.ok()) << cookie;
    EXPECT_EQ(credential->token, "") << cookie;
  }
}

TEST(ReadCredentialTest, RefusesACookieThatIsNoSessionsToken) {
  std::string name(kSessionCookie);
  for (const std::string& value : std::vector<std::string>{
           "", "ps_", "admin-token-of-somebody", Token() + "a", Token().substr(1), "\"" + Token() + "\"",
           "ps_" + std::string(42, 'a') + "\x80", "ps_" + std::string(42, 'a') + " ", Token() + "=",
           "PS_" + std::string(43, 'a'), std::string(8000, 'a')}) {
    EXPECT_FALSE(ReadCredential(WithCookie(name + "=" + value)).ok()) << value;
  }
}

TEST(ReadCredentialTest, RefusesTwoSessions) {
  std::string one = absl::StrCat(kSessionCookie, "=", Token());
  EXPECT_FALSE(ReadCredential(WithCookie(one + "; " + one)).ok());
  EXPECT_FALSE(ReadCredential(With({{"Cookie", one}, {"cookie", one}})).ok());
}

TEST(ReadCredentialTest, TheHeaderComesBeforeTheCookie) {
  absl::StatusOr<Credential> credential =
      ReadCredential(With({{"Cookie", absl::StrCat(kSessionCookie, "=", Token())},
                           {"authorization", "bearer token-of-a-machine"}}));
  ASSERT_TRUE(credential.ok());
  EXPECT_EQ(credential->token, "token-of-a-machine");
  EXPECT_FALSE(credential->by_cookie);
}

TEST(ReadCredentialTest, RefusesAHeaderThatIsMalformed) {
  for (const std::string& value :
       std::vector<std::string>{"", "Bearer", "Bearer ", "Basic eDp5", "Bearer a b", "Bearer \xC3\xA4",
                                "Bearer " + std::string(513, 'a'), "Bearer a\tb"}) {
    absl::StatusOr<Credential> credential = ReadCredential(With({{"Authorization", value}}));
    EXPECT_TRUE(HasReason(credential.status(), common::v1::ERROR_REASON_INVALID_API_KEY)) << value;
  }
}

TEST(SessionCookieTest, IsForThisHostAndNotForScripts) {
  EXPECT_EQ(SetSessionCookie("x"), "__Host-prismatic_session=x; Path=/; HttpOnly; Secure; SameSite=Strict");
  EXPECT_THAT(ClearSessionCookie(), HasSubstr("Max-Age=0"));
}

TEST(CsrfTokenTest, IsTheSessionsOwnAndDoesNotTellIt) {
  EXPECT_EQ(CsrfTokenOf(Token()), CsrfTokenOf(Token()));
  EXPECT_NE(CsrfTokenOf(Token()), CsrfTokenOf("ps_" + std::string(43, 'b')));
  EXPECT_THAT(CsrfTokenOf(Token()), Not(HasSubstr("aaaa")));
}

struct OriginCase {
  http::Headers headers;
  bool same;
};

TEST(SameOriginTest, DecidesByWhatTheBrowserSays) {
  const std::vector<OriginCase> cases = {
      {{}, true},  // no browser
      {{{"Host", "a:8081"}, {"Origin", "http://a:8081"}}, true},
      {{{"Host", "A.example"}, {"Origin", "https://a.EXAMPLE"}}, true},
      {{{"Host", "a.example:443"}, {"Origin", "https://a.example"}}, true},
      {{{"Host", "a.example"}, {"Origin", "http://a.example:80"}}, true},
      {{{"Host", "[::1]:8081"}, {"Origin", "http://[::1]:8081"}}, true},
      {{{"Host", "a:8081"}, {"Origin", "http://a:8082"}}, false},
      {{{"Host", "a:8081"}, {"Origin", "http://a"}}, false},
      {{{"Host", "a.example"}, {"Origin", "http://b.example"}}, false},
      {{{"Host", "a.example"}, {"Origin", "http://a.example.evil"}}, false},
      {{{"Host", "a.example"}, {"Origin", "http://xa.example"}}, false},
      {{{"Host", "a.example:443"}, {"Origin", "http://a.example"}}, false},
      {{{"Host", "a:8081"}, {"Origin", "null"}}, false},
      {{{"Host", "a:8081"}, {"Origin", ""}}, false},
      {{{"Host", "a:8081"}, {"Origin", "a:8081"}}, false},
      {{{"Host", "a:8081"}, {"Origin", "file://a:8081"}}, false},
      {{{"Host", "a:8081"}, {"Origin", "http://a:8081/"}}, false},
      {{{"Origin", "http://"}}, false},
      {{{"Host", "a:8081"}, {"Origin", "http://a:8081"}, {"Origin", "http://a:8081"}}, false},
      {{{"Sec-Fetch-Site", "same-origin"}}, true},
      {{{"Sec-Fetch-Site", "none"}}, true},
      {{{"Sec-Fetch-Site", "same-site"}}, false},
      {{{"Sec-Fetch-Site", "cross-site"}}, false},
      {{{"Sec-Fetch-Site", ""}}, false},
      {{{"Sec-Fetch-Site", "Same-Origin"}}, false},
      {{{"Sec-Fetch-Site", "same-origin"}, {"sec-fetch-site", "cross-site"}}, false},
      {{{"Host", "a:8081"}, {"Origin", "http://b"}, {"Sec-Fetch-Site", "same-origin"}}, false},
      {{{"Host", "a:8081"}, {"Origin", "http://a:8081"}, {"Sec-Fetch-Site", "cross-site"}}, false},
  };
  for (const OriginCase& one : cases) {
    std::string shown;
    for (const auto& [name, value] : one.headers) absl::StrAppend(&shown, name, ": ", value, "\n");
    EXPECT_EQ(IsSameOrigin(With(one.headers)), one.same) << shown;
    http::Headers proven = one.headers;
    proven.emplace_back("x-csrf-token", CsrfTokenOf(Token()));
    EXPECT_EQ(ProvesItsPage(With(proven), Token()), one.same) << shown;
    EXPECT_FALSE(ProvesItsPage(With(one.headers), Token())) << shown;
  }
}

TEST(SameOriginTest, OnlyTheSessionsOwnTokenProves) {
  std::string right = CsrfTokenOf(Token());
  for (const std::string& wrong : {std::string(), right.substr(1), right + " ", "x" + right.substr(1),
                                   Token(), CsrfTokenOf("ps_" + std::string(43, 'b'))}) {
    EXPECT_FALSE(ProvesItsPage(With({{"X-CSRF-Token", wrong}}), Token())) << wrong;
  }
  EXPECT_FALSE(ProvesItsPage(With({{"X-CSRF-Token", right}, {"X-CSRF-Token", right}}), Token()));
  EXPECT_TRUE(ProvesItsPage(With({{"X-CSRF-Token", right}}), Token()));
}

}  // namespace
}  // namespace prismatic::gateway::admin
