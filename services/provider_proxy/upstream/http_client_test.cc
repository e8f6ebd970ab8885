#include "services/provider_proxy/upstream/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "services/provider_proxy/upstream/scripted_upstream.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Request = ScriptedUpstream::Request;
using Reply = ScriptedUpstream::Reply;

class HttpClientTest : public ::testing::Test {
 protected:
  HttpResult Post(const std::string& url, std::string body = "{}", SendOptions options = {}) {
    HttpRequest request{
        .url = url, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
    return Wait(client_.Send(std::move(request), std::move(options)));
  }

  loop::Loop loop_{"test"};
  HttpClient client_{loop_, {}};
};

TEST_F(HttpClientTest, SendsWhatItIsGivenAndNothingThatWasNotAskedFor) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "hello"); });
  HttpResult result = Post(upstream.url("/v1/images/generations"), R"({"a":1})");
  EXPECT_EQ(result.end, HttpEnd::kAnswered);
  EXPECT_EQ(result.response.status, 200);
  EXPECT_EQ(result.response.body, "hello");
  EXPECT_GT(result.bytes_sent, 7);
  EXPECT_EQ(result.bytes_received, 5);
  ASSERT_THAT(upstream.requests(), SizeIs(1));
  Request request = upstream.requests()[0];
  EXPECT_EQ(request.path(), "/v1/images/generations");
  EXPECT_EQ(request.body, R"({"a":1})");
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(request.header("Accept-Encoding"), "identity");
  EXPECT_THAT(request.head, Not(HasSubstr("Expect")));
}

TEST_F(HttpClientTest, CarriesLargeBodiesBothWays) {
  std::string large(3'000'000, 'x');
  ScriptedUpstream upstream(
      [&](const Request& request) { return ScriptedUpstream::Answer(200, request.body); });
  HttpResult result = Post(upstream.url(), large, {.response_bytes_max = 4 << 20});
  EXPECT_EQ(result.end, HttpEnd::kAnswered);
  EXPECT_EQ(result.response.body, large);
}

TEST_F(HttpClientTest, ReusesConnections) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "x"); });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Post(upstream.url()).end, HttpEnd::kAnswered);
  EXPECT_EQ(upstream.requests().back().connection, 0);
}

TEST_F(HttpClientTest, ManyCallsRunAtOnce) {
  constexpr size_t kCalls = 50;
  ScriptedUpstream* self = nullptr;
  ScriptedUpstream upstream([&](const Request&) {
    self->AwaitRequests(kCalls);
    return ScriptedUpstream::Answer(200, "x");
  });
  self = &upstream;
  std::vector<Task<HttpResult>> calls;
  for (size_t i = 0; i < kCalls; ++i)
    calls.push_back(client_.Send({.url = upstream.url(), .body = "{}"}, {}));
  for (HttpResult& result : Wait(WhenAll(std::move(calls)))) EXPECT_EQ(result.end, HttpEnd::kAnswered);
}

TEST_F(HttpClientTest, ReadsRetryAfterInSecondsAndMilliseconds) {
  ScriptedUpstream upstream([](const Request& request) {
    return ScriptedUpstream::Answer(
        429, "", request.path() == "/s" ? "Retry-After: 7\r\n" : "retry-after-ms: 250\r\n");
  });
  EXPECT_EQ(Post(upstream.url("/s")).response.retry_after, absl::Seconds(7));
  EXPECT_EQ(Post(upstream.url("/ms")).response.retry_after, absl::Milliseconds(250));
}

TEST_F(HttpClientTest, FollowsNoRedirect) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(302, "", "Location: /other\r\n"); });
  EXPECT_EQ(Post(upstream.url()).response.status, 302);
  EXPECT_THAT(upstream.requests(), SizeIs(1));
}

TEST_F(HttpClientTest, UsesNoProxyFromTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "x"); });
  EXPECT_EQ(Post(upstream.url()).end, HttpEnd::kAnswered);
  unsetenv("http_proxy");
}

TEST_F(HttpClientTest, WhatNeverReachedTheUpstreamHasNotStarted) {
  int free_port;
  {
    ScriptedUpstream gone([](const Request&) { return Reply{}; });
    free_port = gone.port();
  }
  EXPECT_EQ(Post(absl::StrCat("http://127.0.0.1:", free_port)).end, HttpEnd::kNotStarted);
  EXPECT_EQ(Post("http://no-such-host.invalid/").end, HttpEnd::kNotStarted);
  EXPECT_EQ(Post("ftp://127.0.0.1/").end, HttpEnd::kNotStarted);
  EXPECT_EQ(Post("::::").end, HttpEnd::kNotStarted);
}

TEST_F(HttpClientTest, AFailedTlsHandshakeHasNotStarted) {
  // It waits for an end of head that a TLS greeting does not hold, so the handshake never ends.
  ScriptedUpstream upstream([](const Request&) { return Reply{"no TLS here", true}; });
  HttpResult result = Post(absl::StrCat("https://127.0.0.1:", upstream.port()), "{}",
                           {.deadline = absl::Now() + absl::Milliseconds(100)});
  EXPECT_EQ(result.end, HttpEnd::kNotStarted);
}

TEST_F(HttpClientTest, AConnectionThatClosesAfterTheRequestIsBroken) {
  ScriptedUpstream upstream([](const Request&) { return Reply{"", true}; });
  EXPECT_EQ(Post(upstream.url()).end, HttpEnd::kBroken);
}

TEST_F(HttpClientTest, WhateverEndsACallAfterTheWholeRequestLeavesItBroken) {
  const Reply kEnds[] = {
      {"no status line of HTTP\r\n\r\n", true},
      {"\r\n", true},
      {"HTTP/9.9 200 OK\r\n\r\n", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", true},
      {"", true},
      {.bytes = "", .reset = true},
      {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart", .reset = true},
  };
  for (const Reply& reply : kEnds) {
    ScriptedUpstream upstream([&](const Request&) { return reply; });
    HttpResult result = Post(upstream.url());
    EXPECT_EQ(result.end, HttpEnd::kBroken) << reply.bytes << ": " << result.note;
    EXPECT_THAT(upstream.requests(), SizeIs(1));
  }
}

TEST_F(HttpClientTest, ACutBodyIsBroken) {
  ScriptedUpstream upstream([](const Request&) {
    return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart", true};
  });
  HttpResult result = Post(upstream.url());
  EXPECT_EQ(result.end, HttpEnd::kBroken);
  EXPECT_THAT(result.response.body, IsEmpty());
}

// curl by itself repeats a POST on a fresh connection when a reused one dies without an answer. That
// would buy an image twice.
TEST_F(HttpClientTest, ARequestIsNeverSentTwiceWhenAReusedConnectionDies) {
  ScriptedUpstream upstream([](const Request& request) {
    return request.body == "second" ? Reply{"", true} : ScriptedUpstream::Answer(200, "x");
  });
  EXPECT_EQ(Post(upstream.url(), "first").end, HttpEnd::kAnswered);
  EXPECT_EQ(Post(upstream.url(), "second").end, HttpEnd::kBroken);
  EXPECT_EQ(Post(upstream.url(), "third").end, HttpEnd::kAnswered);
  std::vector<std::string> bodies;
  for (const Request& request : upstream.requests()) bodies.push_back(request.body);
  EXPECT_THAT(bodies, ::testing::ElementsAre("first", "second", "third"));
  EXPECT_EQ(upstream.requests()[1].connection, 0) << "the test needs the connection to be reused";
}

TEST_F(HttpClientTest, TheDeadlineEndsACallThatHangs) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  HttpResult result = Post(upstream.url(), "{}", {.deadline = absl::Now() + absl::Milliseconds(50)});
  EXPECT_EQ(result.end, HttpEnd::kTimedOut);
}

TEST_F(HttpClientTest, TheTimeoutEndsACallThatHangs) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  EXPECT_EQ(Post(upstream.url(), "{}", {.timeout = absl::Milliseconds(50)}).end, HttpEnd::kTimedOut);
}

TEST_F(HttpClientTest, NothingIsSentAfterTheDeadline) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "x"); });
  HttpResult result = Post(upstream.url(), "{}", {.deadline = absl::Now() - absl::Seconds(1)});
  EXPECT_EQ(result.end, HttpEnd::kNotStarted);
  EXPECT_EQ(result.bytes_sent, 0);
  EXPECT_THAT(upstream.requests(), IsEmpty());
}

TEST_F(HttpClientTest, CancellationEndsACallThatHangs) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  Cancellation cancellation;
  std::thread canceller([&] {
    upstream.AwaitRequests(1);
    cancellation.Cancel();
  });
  EXPECT_EQ(Post(upstream.url(), "{}", {.cancellation = cancellation}).end, HttpEnd::kCancelled);
  canceller.join();
  EXPECT_EQ(Post(upstream.url(), "{}", {.cancellation = cancellation}).end, HttpEnd::kCancelled);
  EXPECT_THAT(upstream.requests(), SizeIs(1)) << "a cancelled call sends nothing";
}

TEST_F(HttpClientTest, AnswersAboveTheLimitAreCutOff) {
  ScriptedUpstream upstream([](const Request& request) {
    std::string body(2000, 'x');
    if (request.path() == "/announced") return ScriptedUpstream::Answer(200, body);
    return Reply{absl::StrCat("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", body), true};
  });
  EXPECT_EQ(Post(upstream.url("/announced"), "{}", {.response_bytes_max = 1999}).end, HttpEnd::kTooLarge);
  EXPECT_EQ(Post(upstream.url("/unannounced"), "{}", {.response_bytes_max = 1999}).end, HttpEnd::kTooLarge);
  EXPECT_EQ(Post(upstream.url("/announced"), "{}", {.response_bytes_max = 2000}).end, HttpEnd::kAnswered);
}

TEST_F(HttpClientTest, ConnectsToTheGivenAddressAndKeepsTheHostName) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "x"); });
  HttpResult result =
      Post(absl::StrCat("http://cdn.example:", upstream.port(), "/a"), "{}", {.connect_to = "127.0.0.1"});
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
  EXPECT_EQ(upstream.requests()[0].header("Host"), absl::StrCat("cdn.example:", upstream.port()));
}

TEST(HttpClientEndTest, PendingCallsEndAsCancelledWhenTheClientGoes) {
  loop::Loop loop("test");
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Hang(); });
  std::optional<HttpEnd> end;
  {
    HttpClient client(loop, {});
    Start<HttpResult>(client.Send({.url = upstream.url(), .body = "{}"}, {}),
                      [&](HttpResult result) { end = result.end; });
    upstream.AwaitRequests(1);
  }
  EXPECT_EQ(end, HttpEnd::kCancelled);
}

}  // namespace
}  // namespace prismatic::provider_proxy
