#include "services/provider_proxy/provider_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/provider_check_fixture.h"
#include "services/provider_proxy/upstream/connect_proxy.h"
#include "services/provider_proxy/upstream/loopback_server.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"
#include "tests/support/certificates.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A TLS server that gives every request one answer, with a certificate of the test's choice.
class TlsServer {
 public:
  TlsServer(const std::string& cert_file, const std::string& key_file, std::string body)
      : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free), body_(std::move(body)) {
    // As in the product: a client that leaves during the greeting must not end the process.
    std::signal(SIGPIPE, SIG_IGN);
    SSL_CTX_use_certificate_file(context_.get(), cert_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_.get(), key_file.c_str(), SSL_FILETYPE_PEM);
    server_.emplace([this](int socket, int) { Serve(socket); });
  }
  int port() const { return server_->port(); }
  std::string url() const { return absl::StrCat("https://localhost:", port()); }

 private:
  void Serve(int socket) {
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(ssl.get(), socket);
    if (SSL_accept(ssl.get()) != 1) return;
    std::string head;
    for (char byte; SSL_read(ssl.get(), &byte, 1) == 1;) {
      head += byte;
      if (!absl::EndsWith(head, "\r\n\r\n")) continue;
      std::string reply = ScriptedUpstream::Answer(200, body_).bytes;
      SSL_write(ssl.get(), reply.data(), static_cast<int>(reply.size()));
      head.clear();
    }
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  const std::string body_;
  std::optional<LoopbackServer> server_;
};

class ProviderCheckTlsTest : public ProviderCheckTest {
 protected:
  // Trusts the authority of the certificates; what their server says of TLS is in Words("tls").
  bool RunWith(const std::string& cert_file, const std::string& key_file) {
    TlsServer server(cert_file, key_file, R"({"data":[{"id":"a-model"}]})");
    Add(server.url());
    return Run();
  }
  void EndsWithTls() const {
    EXPECT_THAT(Results(),
                ElementsAre("switch OK", "credential OK", "name OK", "connection OK", "tls FAILED"));
  }
};

TEST_F(ProviderCheckTlsTest, AGoodCertificateIsSaidToBeOne) {
  testing::Certificates certificates;
  ca_file_ = certificates.ca_file();
  EXPECT_TRUE(RunWith(certificates.cert_file(), certificates.key_file()));
  EXPECT_EQ(Words("tls"), "The certificate is valid for localhost.");
}

TEST_F(ProviderCheckTlsTest, AnUnknownAuthority) {
  testing::Certificates certificates;
  testing::Certificates others;
  ca_file_ = others.ca_file();
  EXPECT_FALSE(RunWith(certificates.cert_file(), certificates.key_file()));
  EndsWithTls();
  EXPECT_THAT(Words("tls"),
              AllOf(HasSubstr("authority that is not trusted"), HasSubstr("--upstream-ca-file")));
}

TEST_F(ProviderCheckTlsTest, AnotherName) {
  testing::Certificates certificates("DNS:other.example");
  ca_file_ = certificates.ca_file();
  EXPECT_FALSE(RunWith(certificates.cert_file(), certificates.key_file()));
  EndsWithTls();
  EXPECT_THAT(Words("tls"), HasSubstr("another name than localhost"));
}

TEST_F(ProviderCheckTlsTest, AnExpiredCertificate) {
  testing::Certificates certificates;
  ca_file_ = certificates.ca_file();
  std::string folder = std::filesystem::path(ca_file_).parent_path().string();
  std::string make = absl::StrCat(
      "cd '", folder, "' && openssl req -new -key cert.key -subj /CN=test -out old.csr && ",
      "printf 'subjectAltName=DNS:localhost' > old.ext && openssl x509 -req -in old.csr -CA ca.pem ",
      "-CAkey ca.key -set_serial 7 -extfile old.ext -days -1 -out old.pem");
  ASSERT_EQ(std::system(absl::StrCat("(", make, ") >/dev/null 2>&1").c_str()), 0);
  EXPECT_FALSE(RunWith(folder + "/old.pem", certificates.key_file()));
  EndsWithTls();
  EXPECT_THAT(Words("tls"), HasSubstr("has expired"));
}

TEST_F(ProviderCheckTlsTest, AServerThatSpeaksPlainHttp) {
  LoopbackServer server([](int socket, int) {
    char byte;
    if (recv(socket, &byte, 1, 0) != 1) return;
    constexpr absl::string_view kPlain = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    send(socket, kPlain.data(), kPlain.size(), MSG_NOSIGNAL);
  });
  Add(absl::StrCat("https://127.0.0.1:", server.port()));
  EXPECT_FALSE(Run());
  EndsWithTls();
  EXPECT_THAT(Words("tls"), HasSubstr("plain http"));
}

TEST_F(ProviderCheckTlsTest, AServerThatTakesConnectionsAndSaysNothing) {
  step_max_ = absl::Milliseconds(300);
  LoopbackServer server([](int socket, int) {
    for (char byte; recv(socket, &byte, 1, 0) == 1;) {
    }
  });
  Add(absl::StrCat("https://127.0.0.1:", server.port()));
  EXPECT_FALSE(Run());
  EndsWithTls();
  EXPECT_THAT(Words("tls"), HasSubstr("says nothing when TLS begins"));
}

// --- through an egress proxy ---

TEST_F(ProviderCheckTlsTest, ThroughAProxyTheNameIsTheProxysWork) {
  testing::Certificates certificates;
  ca_file_ = certificates.ca_file();
  ConnectProxy proxy;
  egress_proxy_ = proxy.url();
  EXPECT_TRUE(RunWith(certificates.cert_file(), certificates.key_file()));
  EXPECT_EQ(Result("name"), v1::CHECK_RESULT_SKIPPED);
  EXPECT_THAT(Words("connection"), HasSubstr("lets them through"));
  EXPECT_EQ(Result("tls"), v1::CHECK_RESULT_OK);
  EXPECT_THAT(proxy.heads(), Each(HasSubstr("CONNECT localhost:")));
}

TEST_F(ProviderCheckTlsTest, AProxyThatLetsNothingThrough) {
  ConnectProxy proxy("403 No\r\nContent-Length: 0");
  egress_proxy_ = proxy.url("user:proxy-secret@");
  Add("https://api.provider.invalid");
  EXPECT_FALSE(Run());
  EXPECT_EQ(Result("connection"), v1::CHECK_RESULT_FAILED);
  EXPECT_THAT(Words("connection"),
              AllOf(HasSubstr("egress proxy answers 403"), HasSubstr("api.provider.invalid:443")));
}

TEST_F(ProviderCheckTest, AProxyThatIsNotThere) {
  {
    ConnectProxy gone;
    egress_proxy_ = gone.url();
  }
  Add("https://api.provider.invalid");
  EXPECT_FALSE(Run());
  EXPECT_THAT(Words("connection"), HasSubstr("egress proxy does not answer"));
}

}  // namespace
}  // namespace prismatic::provider_proxy
