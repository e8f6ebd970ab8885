#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "services/provider_proxy/upstream/connect_proxy.h"
#include "services/provider_proxy/upstream/http_client.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"
#include "services/provider_proxy/upstream/tls_upstream_fixture.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class HttpClientProxyTest : public ::testing::Test {
 protected:
  HttpResult Post(HttpClient& client, const std::string& url, SendOptions options) {
    HttpRequest request{.url = url, .headers = {{"Authorization", "Bearer geheim"}}, .body = "{}"};
    return Wait(client.Send(std::move(request), std::move(options)));
  }
  HttpResult Post(const std::string& url, SendOptions options) {
    return Post(plain_, url, std::move(options));
  }

  loop::Loop loop_{"test"};
  HttpClient plain_{loop_, {}};
  TlsUpstream tls_{
      [](const TlsUpstream::Request& request) { return TlsUpstream::Reply{.body = request.body}; }};
  HttpClient trusting_{loop_, {.ca_file = tls_.ca_file()}};
  ScriptedUpstream upstream_{
      [](const ScriptedUpstream::Request&) { return ScriptedUpstream::Answer(200, "x"); }};
};

TEST_F(HttpClientProxyTest, HttpsGoesThroughATunnelAndTheCredentialIsSeenByTheUpstreamAlone) {
  ConnectProxy proxy;
  for (int i = 0; i < 2; ++i) {
    HttpResult result = Post(trusting_, tls_.url(), {.egress_proxy = proxy.url()});
    EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
    EXPECT_EQ(result.response.body, "{}");
  }
  ASSERT_THAT(proxy.heads(), SizeIs(1)) << "the tunnel is used again";
  EXPECT_THAT(proxy.heads()[0],
              AllOf(StartsWith(absl::StrCat("CONNECT localhost:", tls_.port(), " HTTP/1.1\r\n")),
                    Not(HasSubstr("geheim")), Not(HasSubstr("Proxy-Authorization"))));
  EXPECT_TRUE(tls_.requests()[0].http2);
}

TEST_F(HttpClientProxyTest, CertificatesAreCheckedBehindTheTunnelToo) {
  ConnectProxy proxy;
  EXPECT_EQ(Post(plain_, tls_.url(), {.egress_proxy = proxy.url()}).end, HttpEnd::kNotStarted);
  EXPECT_THAT(proxy.heads(), SizeIs(1));
  EXPECT_THAT(tls_.requests(), IsEmpty());
}

TEST_F(HttpClientProxyTest, HttpIsGivenToTheProxyAsAWhole) {
  ConnectProxy proxy;
  HttpResult result = Post(upstream_.url("/a?b=1"), {.egress_proxy = proxy.url()});
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
  ASSERT_THAT(upstream_.requests(), SizeIs(1));
  EXPECT_EQ(upstream_.requests()[0].path(), upstream_.url("/a?b=1"));
  EXPECT_EQ(upstream_.requests()[0].body, "{}");
}

TEST_F(HttpClientProxyTest, UserAndPasswordAreForTheProxy) {
  ConnectProxy proxy;
  HttpResult result = Post(trusting_, tls_.url(), {.egress_proxy = proxy.url("us%40er:pass@")});
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
  EXPECT_THAT(proxy.heads()[0], HasSubstr("Proxy-Authorization: Basic dXNAZXI6cGFzcw==\r\n"));
}

TEST_F(HttpClientProxyTest, APinnedAddressIsWhatTheProxyIsAskedFor) {
  ConnectProxy proxy;
  SendOptions options{.connect_to = "192.0.2.7", .egress_proxy = proxy.url()};
  HttpResult result = Post(trusting_, tls_.url(), options);
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
  EXPECT_THAT(proxy.heads()[0], StartsWith(absl::StrCat("CONNECT 192.0.2.7:", tls_.port(), " ")));
  result = Post(absl::StrCat("http://cdn.example:", upstream_.port(), "/a"), options);
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
  EXPECT_THAT(proxy.heads()[1], StartsWith(absl::StrCat("CONNECT 192.0.2.7:", upstream_.port(), " ")));
  EXPECT_EQ(upstream_.requests()[0].header("Host"), absl::StrCat("cdn.example:", upstream_.port()));
}

TEST_F(HttpClientProxyTest, WhatTheProxyRefusesHasNotStarted) {
  for (const char* refusal :
       {"407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0",
        "403 No\r\nContent-Length: 2\r\n\r\nno", "502 Bad Gateway\r\nContent-Length: 0",
        "503 Busy\r\nRetry-After: 9\r\nContent-Length: 0", "no HTTP at all"}) {
    ConnectProxy proxy(refusal);
    HttpResult result = Post(trusting_, tls_.url(), {.egress_proxy = proxy.url()});
    EXPECT_EQ(result.end, HttpEnd::kNotStarted) << refusal << ": " << result.note;
    EXPECT_FALSE(result.note.empty());
    HttpResult got =
        Wait(trusting_.Send({.method = "GET", .url = tls_.url()}, {.egress_proxy = proxy.url()}));
    EXPECT_EQ(got.end, HttpEnd::kNotStarted) << "also without a body";
    EXPECT_THAT(proxy.heads(), SizeIs(2)) << "once each";
  }
  EXPECT_THAT(tls_.requests(), IsEmpty());
}

TEST_F(HttpClientProxyTest, APlainRequestThatTheProxyWantsCredentialsForHasNotStarted) {
  ConnectProxy proxy("407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0");
  HttpResult result = Post(upstream_.url(), {.egress_proxy = proxy.url("a:b@")});
  EXPECT_EQ(result.end, HttpEnd::kNotStarted);
  EXPECT_THAT(result.note, HasSubstr("407"));
  EXPECT_THAT(proxy.heads(), SizeIs(1)) << "the same credentials are not offered twice";
}

TEST_F(HttpClientProxyTest, AProxyThatIsNotThereMeansNotStarted) {
  std::string gone;
  {
    ConnectProxy proxy;
    gone = proxy.url();
  }
  EXPECT_EQ(Post(upstream_.url(), {.egress_proxy = gone}).end, HttpEnd::kNotStarted);
  EXPECT_THAT(upstream_.requests(), IsEmpty()) << "and nothing goes around it";
}

TEST_F(HttpClientProxyTest, ATunnelThatDiesAfterTheRequestIsBroken) {
  TlsUpstream closing(
      [](const TlsUpstream::Request&) { return TlsUpstream::Reply{.act = TlsUpstream::Act::kClose}; });
  HttpClient client(loop_, {.ca_file = closing.ca_file()});
  ConnectProxy proxy;
  EXPECT_EQ(Post(client, closing.url(), {.egress_proxy = proxy.url()}).end, HttpEnd::kBroken);
  EXPECT_THAT(closing.requests(), SizeIs(1));
}

TEST_F(HttpClientProxyTest, OnlyAnHttpProxyIsTaken) {
  for (const char* proxy :
       {"127.0.0.1:1", "socks5://127.0.0.1:1", "https://127.0.0.1:1", "http://", "http://:80"}) {
    EXPECT_EQ(Post(upstream_.url(), {.egress_proxy = proxy}).end, HttpEnd::kNotStarted) << proxy;
  }
  EXPECT_THAT(upstream_.requests(), IsEmpty());
}

TEST_F(HttpClientProxyTest, TheEnvironmentsExceptionsDoNotLeadAroundIt) {
  setenv("no_proxy", "*", 1);
  ConnectProxy proxy;
  EXPECT_EQ(Post(upstream_.url(), {.egress_proxy = proxy.url()}).end, HttpEnd::kAnswered);
  unsetenv("no_proxy");
  EXPECT_THAT(proxy.heads(), SizeIs(1));
}

}  // namespace
}  // namespace prismatic::provider_proxy
