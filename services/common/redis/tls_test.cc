#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/redis/client_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/matchers.h"

namespace prismatic::redis {
namespace {

using ::prismatic::testing::Certificates;
using ::prismatic::testing::HasCode;
using ::prismatic::testing::IsOk;
using ::prismatic::testing::kPatience;
using ::prismatic::testing::RedisServer;
using ::prismatic::testing::WaitUntil;
using ::testing::HasSubstr;

RedisServer::Options WithTls(const Certificates& certificates) {
  return {.cluster = false, .certificates = &certificates};
}

std::string Url(const std::string& host, const RedisServer& server, const Certificates& trusted) {
  return absl::StrCat("rediss://", host, ":", server.tls_port(), "?ca_file=", trusted.ca_file());
}

// Why the client does not get through.
std::string WhyNot(Fixture& f) {
  EXPECT_TRUE(
      WaitUntil([&] { return !absl::StrContains(f.Fast({"PING"}).status().message(), "no attempt yet"); }));
  EXPECT_THAT(Wait(f.client->WaitUntilConnected(absl::Milliseconds(100))),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  return std::string(f.Fast({"PING"}).status().message());
}

TEST(RedisTlsTest, EveryByteComesBackByNameAndByAddress) {
  Certificates certificates;
  RedisServer server(WithTls(certificates));
  std::string bytes;
  for (int i = 0; i < 4 * 1024 * 1024; ++i) bytes.push_back(static_cast<char>(i * 31 + i / 256));
  for (const char* host : {"localhost", "127.0.0.1"}) {
    Fixture f(Patient(Url(host, server, certificates)));
    ASSERT_THAT(f.AwaitConnected(), IsOk()) << host;
    ASSERT_THAT(f.Lasting({"SET", "k", bytes}), IsOk());
    absl::StatusOr<Reply> got = f.Fast({"GET", "k"});
    ASSERT_THAT(got, IsOk());
    EXPECT_TRUE(got->text == bytes);
    std::vector<std::vector<std::string>> commands(5000, {"GET", "small"});
    commands[4999] = {"ECHO", "last"};
    absl::StatusOr<std::vector<Reply>> replies = Wait(f.client->Pipeline(Lane::kFast, commands));
    ASSERT_THAT(replies, IsOk());
    EXPECT_EQ((*replies)[4999].text, "last");
  }
}

TEST(RedisTlsTest, ACertificateOfAnotherAuthorityIsRefused) {
  Certificates certificates;
  Certificates others;
  RedisServer server(WithTls(certificates));
  Fixture f(Patient(Url("localhost", server, others)));
  EXPECT_THAT(WhyNot(f), HasSubstr("certificate is refused"));
  Fixture system(Patient(absl::StrCat("rediss://localhost:", server.tls_port())));
  EXPECT_THAT(WhyNot(system), HasSubstr("certificate is refused"));
}

TEST(RedisTlsTest, ACertificateForAnotherNameIsRefused) {
  Certificates certificates("DNS:redis.example");
  RedisServer server(WithTls(certificates));
  for (const char* host : {"localhost", "127.0.0.1"}) {
    Fixture f(Patient(Url(host, server, certificates)));
    EXPECT_THAT(WhyNot(f), HasSubstr("mismatch")) << host;
  }
}

TEST(RedisTlsTest, AServerThatAsksForACertificateGetsOurs) {
  Certificates certificates;
  RedisServer::Options options = WithTls(certificates);
  options.client_certificates = true;
  RedisServer server(options);
  std::string url = Url("localhost", server, certificates);
  Fixture without(Patient(url));
  EXPECT_THAT(WhyNot(without), HasSubstr("not connected"));
  Fixture with(Patient(
      absl::StrCat(url, "&cert_file=", certificates.cert_file(), "&key_file=", certificates.key_file())));
  ASSERT_THAT(with.AwaitConnected(), IsOk());
  EXPECT_THAT(with.Fast({"PING"}), IsOk());
}

TEST(RedisTlsTest, AServerWithoutTlsIsRefusedAndSoIsAMissingFile) {
  Certificates certificates;
  RedisServer server(WithTls(certificates));
  {
    // Redis waits for the end of a line that never comes.
    Options options =
        Patient(absl::StrCat("rediss://localhost:", server.port(), "?ca_file=", certificates.ca_file()));
    options.stall_max = absl::Milliseconds(300);
    Fixture plain(options);
    EXPECT_THAT(WhyNot(plain), HasSubstr("no answer to the greeting"));
  }
  Fixture missing(Patient(absl::StrCat("rediss://localhost:", server.tls_port(), "?ca_file=/nowhere.pem")));
  EXPECT_THAT(WhyNot(missing), HasSubstr("/nowhere.pem"));
}

TEST(RedisTlsTest, SentinelsAndTheirMasterAreBothReachedOverTls) {
  Certificates certificates;
  RedisServer server(WithTls(certificates));
  // It watches the master over TLS, and names that port.
  RedisServer::Options options = WithTls(certificates);
  options.sentinel =
      absl::StrCat("tls-replication yes\nsentinel monitor main 127.0.0.1 ", server.tls_port(), " 1\n");
  RedisServer sentinel(options);
  Fixture f(Patient(absl::StrCat("rediss+sentinel://localhost:", sentinel.tls_port(),
                                 "/main?ca_file=", certificates.ca_file())));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(f.Lasting({"SET", "k", "1"}), IsOk());

  Certificates others;
  Fixture wrong(Patient(
      absl::StrCat("rediss+sentinel://localhost:", sentinel.tls_port(), "/main?ca_file=", others.ca_file())));
  EXPECT_THAT(WhyNot(wrong), HasSubstr("certificate is refused"));
}

TEST(RedisTlsTest, AConnectionThatIsLostIsMadeAnew) {
  Certificates certificates;
  RedisServer server(WithTls(certificates));
  Fixture f(Patient(Url("localhost", server, certificates)));
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  server.Stop();
  ASSERT_TRUE(WaitUntil([&] { return !f.client->connected(); }));
  server.Start();
  ASSERT_THAT(f.AwaitConnected(), IsOk());
  EXPECT_THAT(f.Lasting({"SET", "k", "1"}), IsOk());
}

}  // namespace
}  // namespace prismatic::redis
