#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <utility>

#include "services/provider_proxy/upstream/http_client.h"
#include "services/provider_proxy/upstream/tls_upstream_fixture.h"
#include "tests/support/wait.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Act = TlsUpstream::Act;
using Request = TlsUpstream::Request;
using Reply = TlsUpstream::Reply;

// A client that trusts the upstream's authority.
class Client {
 public:
  explicit Client(const TlsUpstream& upstream) : Client(upstream.ca_file()) {}
  explicit Client(const std::string& ca_file) : client_(loop_, {.ca_file = ca_file}) {}
  HttpResult Post(const std::string& url, const std::string& body = "{}", SendOptions options = {}) {
    return Wait(client_.Send({.url = url, .body = body}, std::move(options)));
  }
  HttpResult Get(const std::string& url) { return Wait(client_.Send({.method = "GET", .url = url}, {})); }
  Task<HttpResult> Send(const std::string& url, SendOptions options) {
    return client_.Send({.url = url, .body = "{}"}, std::move(options));
  }

 private:
  loop::Loop loop_{"test"};
  HttpClient client_;
};

Reply Echo(const Request& request) { return {.body = request.body}; }

TEST(HttpClientTlsTest, SpeaksHttp2AndReusesItsConnection) {
  TlsUpstream upstream(Echo);
  Client client(upstream);
  std::string large(3'000'000, 'x');
  for (int i = 0; i < 5; ++i) {
    HttpResult result = client.Post(upstream.url(), large, {.response_bytes_max = 4 << 20});
    ASSERT_EQ(result.end, HttpEnd::kAnswered) << result.note;
    EXPECT_EQ(result.response.body, large);
  }
  ASSERT_THAT(upstream.requests(), SizeIs(5));
  for (const Request& request : upstream.requests()) EXPECT_TRUE(request.http2);
  EXPECT_EQ(upstream.requests().back().stream, 9) << "the fifth on one connection";
  EXPECT_EQ(upstream.connections(), 1);
}

TEST(HttpClientTlsTest, SpeaksHttp11WhereNothingElseIsOfferedAndReusesItsConnection) {
  TlsUpstream upstream(Echo, {.http2 = false});
  Client client(upstream);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.Post(upstream.url(), "abc").response.body, "abc");
  EXPECT_FALSE(upstream.requests().back().http2);
  EXPECT_EQ(upstream.connections(), 1);
}

TEST(HttpClientTlsTest, NobodyElsesCertificateIsTaken) {
  TlsUpstream upstream(Echo);
  Client stranger("");
  HttpResult unknown = stranger.Post(upstream.url());
  EXPECT_EQ(unknown.end, HttpEnd::kNotStarted);
  EXPECT_THAT(unknown.note, HasSubstr("certificate"));
  Client client(upstream);
  HttpResult misnamed = client.Post(absl::StrCat("https://other.example:", upstream.port(), "/"), "{}",
                                    {.connect_to = "127.0.0.1"});
  EXPECT_EQ(misnamed.end, HttpEnd::kNotStarted);
  EXPECT_THAT(upstream.requests(), SizeIs(0));
}

TEST(HttpClientTlsTest, ABodyThatIsCutWithoutTlsFarewellIsBroken) {
  TlsUpstream upstream([](const Request&) { return Reply{Act::kCut, R"({"data":[]})"}; }, {.http2 = false});
  Client client(upstream);
  EXPECT_EQ(client.Post(upstream.url()).end, HttpEnd::kBroken);
}

// Repeats by curl itself, of its own accord, which must not happen to a POST: whatever of it went out.
class NeverTwiceTest : public ::testing::TestWithParam<Act> {};

TEST_P(NeverTwiceTest, APostIsNotRepeatedOnAFreshConnection) {
  TlsUpstream upstream([](const Request&) { return Reply{.act = GetParam()}; });
  Client client(upstream);
  EXPECT_EQ(client.Post(upstream.url()).end, HttpEnd::kBroken);
  EXPECT_THAT(upstream.requests(), SizeIs(1));
}

TEST_P(NeverTwiceTest, APostIsNotRepeatedOnAReusedConnection) {
  TlsUpstream upstream([](const Request& request) {
    return request.body == "first" ? Reply{.body = "x"} : Reply{.act = GetParam()};
  });
  Client client(upstream);
  EXPECT_EQ(client.Post(upstream.url(), "first").end, HttpEnd::kAnswered);
  EXPECT_EQ(client.Post(upstream.url(), "second").end, HttpEnd::kBroken);
  ASSERT_THAT(upstream.requests(), SizeIs(2));
  EXPECT_EQ(upstream.requests()[1].connection, 0) << "the test needs the connection to be reused";
}

TEST_P(NeverTwiceTest, AnEmptyPostIsNotRepeatedEither) {
  TlsUpstream upstream([first = true](const Request&) mutable {
    return std::exchange(first, false) ? Reply{.body = "x"} : Reply{.act = GetParam()};
  });
  Client client(upstream);
  EXPECT_EQ(client.Post(upstream.url(), "").end, HttpEnd::kAnswered);
  EXPECT_EQ(client.Post(upstream.url(), "").end, HttpEnd::kBroken);
  EXPECT_THAT(upstream.requests(), SizeIs(2));
}

// The head is out and none of the body, since the window is shut. curl would see nothing to rewind.
TEST_P(NeverTwiceTest, APostIsNotRepeatedBeforeItsBodyWentOut) {
  TlsUpstream upstream([](const Request&) { return Reply{.act = GetParam()}; },
                       {.window = 0, .at_head = true});
  Client client(upstream);
  HttpResult result = client.Post(upstream.url(), std::string(300'000, 'x'));
  EXPECT_EQ(result.end, HttpEnd::kNotStarted) << result.note;
  EXPECT_THAT(upstream.requests(), SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(Acts, NeverTwiceTest,
                         ::testing::Values(Act::kClose, Act::kRefuseStream, Act::kGoAway, Act::kWantHttp11));

TEST(HttpClientTlsTest, AGetMayBeRepeatedWhenAReusedConnectionDies) {
  TlsUpstream upstream(
      [n = 0](const Request&) mutable { return ++n == 2 ? Reply{.act = Act::kClose} : Reply{.body = "x"}; },
      {.http2 = false});
  Client client(upstream);
  EXPECT_EQ(client.Get(upstream.url()).end, HttpEnd::kAnswered);
  EXPECT_EQ(client.Get(upstream.url()).end, HttpEnd::kAnswered);
  EXPECT_THAT(upstream.requests(), SizeIs(3));
}

// With several calls on one connection of HTTP/2, curl reads what comes for one that waits as well.
TEST(HttpClientTlsTest, ACallThatWaitsForRoomIsLeftUnreadWhileOthersAreAnswered) {
  std::string large(30 << 20, 'x');
  TlsUpstream upstream(
      [&](const Request& request) { return Reply{.body = request.body == "small" ? "x" : large}; });
  ByteBudget budget(4 << 20);  // outlives the client's loop
  Client client(upstream);
  ByteBudget::Share full = Wait(budget.Take(4 << 20, {}));
  std::atomic<bool> ended{false};
  SendOptions options{.response_bytes_max = 32 << 20, .room = ByteRoom::Make(&budget, 1)};
  Start<HttpResult>(client.Send(upstream.url(), std::move(options)), [&](HttpResult result) {
    EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
    EXPECT_EQ(result.response.body, large);
    ended = true;
  });
  ASSERT_TRUE(testing::WaitUntil([&] { return budget.waiting() == 1; }));
  for (int i = 0; i < 20; ++i) {
    SendOptions soon{.deadline = absl::Now() + testing::kPatience};
    HttpResult other = client.Post(upstream.url(), "small", std::move(soon));
    EXPECT_EQ(other.end, HttpEnd::kAnswered) << other.note;
  }
  EXPECT_LT(upstream.written(), 16u << 20) << "the rest waits at the upstream, behind the sockets' buffers";
  EXPECT_FALSE(ended);
  full = ByteBudget::Share();
  EXPECT_TRUE(testing::WaitUntil([&] { return ended.load(); }));
}

}  // namespace
}  // namespace prismatic::provider_proxy
