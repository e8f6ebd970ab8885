#include "services/provider_proxy/upstream/connect_report.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "services/provider_proxy/upstream/connect_proxy.h"
#include "services/provider_proxy/upstream/http_client.h"
#include "services/provider_proxy/upstream/loopback_server.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"
#include "services/provider_proxy/upstream/tls_upstream_fixture.h"

// The words for a person are made from these; what a connection cannot be told apart by is tested with them.

namespace prismatic::provider_proxy {
namespace {

// A port on which nothing listens.
int FreePort() {
  LoopbackServer gone([](int, int) {});
  return gone.port();
}

class ConnectReportTest : public ::testing::Test {
 protected:
  HttpResult Connect(const std::string& url, SendOptions options = {}) {
    HttpClient client(loop_, {.ca_file = ca_file_});
    if (options.deadline == absl::InfiniteFuture()) options.deadline = absl::Now() + absl::Seconds(10);
    options.connect_only = true;
    return Wait(client.Send({.method = "GET", .url = url}, std::move(options)));
  }
  ConnectFault FaultOf(const std::string& url, SendOptions options = {}) {
    HttpResult result = Connect(url, std::move(options));
    EXPECT_EQ(result.end,
              result.connect.fault == ConnectFault::kNone ? HttpEnd::kAnswered : HttpEnd::kNotStarted)
        << result.note;
    return result.connect.fault;
  }

  loop::Loop loop_{"test"};
  std::string ca_file_;
};

TEST_F(ConnectReportTest, AConnectionThatStandsIsAnAnswerAndNothingIsSent) {
  ScriptedUpstream upstream([](const auto&) { return ScriptedUpstream::Answer(200, "x"); });
  HttpResult result = Connect(upstream.url());
  EXPECT_EQ(result.end, HttpEnd::kAnswered) << result.note;
  EXPECT_EQ(result.connect.fault, ConnectFault::kNone);
  EXPECT_EQ(result.connect.address, "127.0.0.1");
  EXPECT_EQ(result.response.status, 0);
  EXPECT_TRUE(upstream.requests().empty());
}

TEST_F(ConnectReportTest, TlsIsPartOfIt) {
  TlsUpstream upstream([](const auto&) { return TlsUpstream::Reply(); });
  EXPECT_EQ(FaultOf(upstream.url()), ConnectFault::kTlsUnknownAuthority);
  ca_file_ = upstream.ca_file();
  EXPECT_EQ(FaultOf(upstream.url()), ConnectFault::kNone);
  ca_file_ = "/no/such/file.pem";
  EXPECT_EQ(FaultOf(upstream.url()), ConnectFault::kTlsOther);
  EXPECT_TRUE(upstream.requests().empty());
}

TEST_F(ConnectReportTest, AServerThatDoesNotSpeakTls) {
  ScriptedUpstream plain([](const auto&) { return ScriptedUpstream::Answer(200, "x"); });
  LoopbackServer gone([](int, int) {});
  EXPECT_EQ(FaultOf(absl::StrCat("https://127.0.0.1:", gone.port())), ConnectFault::kTlsNotSpoken);
  // It waits for the end of a head that does not come.
  EXPECT_EQ(FaultOf(absl::StrCat("https://127.0.0.1:", plain.port()),
                    {.deadline = absl::Now() + absl::Milliseconds(200)}),
            ConnectFault::kTlsTimeout);
}

TEST_F(ConnectReportTest, ARefusedPort) {
  EXPECT_EQ(FaultOf(absl::StrCat("http://127.0.0.1:", FreePort())), ConnectFault::kRefused);
}

TEST_F(ConnectReportTest, AHostThatTakesNoConnectionInTime) {
  // Its queue is full and nobody takes anything out of it, so the next greeting stays without an answer.
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = LoopbackAddress(0);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> queued;
  for (int i = 0; i < 4; ++i) {
    queued.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    connect(queued.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  EXPECT_EQ(FaultOf(absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port)),
                    {.deadline = absl::Now() + absl::Milliseconds(200)}),
            ConnectFault::kConnectTimeout);
  for (int each : queued) close(each);
  close(listener);
}

TEST_F(ConnectReportTest, AProxyAndWhatLiesBehindIt) {
  ConnectProxy proxy;
  TlsUpstream upstream([](const auto&) { return TlsUpstream::Reply(); });
  EXPECT_EQ(FaultOf(upstream.url(), {.egress_proxy = proxy.url()}), ConnectFault::kTlsUnknownAuthority);
  ca_file_ = upstream.ca_file();
  EXPECT_EQ(FaultOf(upstream.url(), {.egress_proxy = proxy.url()}), ConnectFault::kNone);
  EXPECT_EQ(FaultOf(upstream.url(), {.egress_proxy = absl::StrCat("http://127.0.0.1:", FreePort())}),
            ConnectFault::kProxyFailed);
  // It answers 502 when it cannot reach what it is asked for.
  HttpResult result = Connect(absl::StrCat("https://localhost:", FreePort()), {.egress_proxy = proxy.url()});
  EXPECT_EQ(result.connect.fault, ConnectFault::kProxyRefused);
  EXPECT_EQ(result.connect.proxy_status, 502);
}

TEST_F(ConnectReportTest, AProxyThatSaysNothingOrGoes) {
  LoopbackServer silent([](int socket, int) {
    for (char byte; recv(socket, &byte, 1, 0) == 1;) {
    }
  });
  EXPECT_EQ(
      FaultOf("https://localhost:1", {.deadline = absl::Now() + absl::Milliseconds(200),
                                      .egress_proxy = absl::StrCat("http://127.0.0.1:", silent.port())}),
      ConnectFault::kProxyFailed);
  LoopbackServer gone([](int, int) {});
  EXPECT_EQ(FaultOf("https://localhost:1", {.egress_proxy = absl::StrCat("http://127.0.0.1:", gone.port())}),
            ConnectFault::kProxyFailed);
}

TEST_F(ConnectReportTest, AnAnswerThatNeverComesIsNoFaultOfTheConnection) {
  LoopbackServer silent([](int socket, int) {
    for (char byte; recv(socket, &byte, 1, 0) == 1;) {
    }
  });
  HttpClient client(loop_, {});
  HttpResult result =
      Wait(client.Send({.url = absl::StrCat("http://127.0.0.1:", silent.port()), .body = "{}"},
                       {.deadline = absl::Now() + absl::Milliseconds(200)}));
  EXPECT_EQ(result.end, HttpEnd::kTimedOut);
  EXPECT_EQ(result.connect.fault, ConnectFault::kNone);
}

}  // namespace
}  // namespace prismatic::provider_proxy
