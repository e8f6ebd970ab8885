// What listens at an address, told from real listeners.

#include "services/cli/port_probe.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "services/cli/fake_provider_proxy.h"
#include "tests/support/certificates.h"

namespace prismatic::cli {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);

std::string ContentOf(const std::string& path) {
  std::ifstream in(path);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

PortKind ProbeOfServer(std::shared_ptr<grpc::ServerCredentials> credentials) {
  FakeProviderProxy proxy;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", std::move(credentials), &port);
  builder.RegisterService(&proxy);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  PortKind kind = ProbePort(absl::StrCat("127.0.0.1:", port), kPatience);
  server->Shutdown(std::chrono::system_clock::now());
  return kind;
}

// A listener that takes one connection, says what it is told, and hangs up.
class Speaker {
 public:
  explicit Speaker(std::string says) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 1);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, says = std::move(says)] {
      int connection = accept(listener_, nullptr, nullptr);
      char preface[64];
      (void)!read(connection, preface, sizeof preface);
      (void)!write(connection, says.data(), says.size());
      close(connection);
    });
  }
  ~Speaker() {
    thread_.join();
    close(listener_);
  }
  std::string address() const { return absl::StrCat("localhost:", port_); }

 private:
  int listener_;
  int port_ = 0;
  std::thread thread_;
};

TEST(PortProbeTest, AGrpcServerSpeaksHttp2) {
  EXPECT_EQ(ProbeOfServer(grpc::InsecureServerCredentials()), PortKind::kHttp2);
}

TEST(PortProbeTest, AGrpcServerWithTlsIsSeenAsOne) {
  testing::Certificates certificates;
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back(
      {ContentOf(certificates.key_file()), ContentOf(certificates.cert_file())});
  PortKind kind = ProbeOfServer(grpc::SslServerCredentials(options));
  // Some versions of gRPC hang up without an alert.
  EXPECT_TRUE(kind == PortKind::kTls || kind == PortKind::kClosed) << static_cast<int>(kind);
}

TEST(PortProbeTest, OthersAreToldByTheirFirstBytes) {
  EXPECT_EQ(ProbePort(Speaker("HTTP/1.1 400 Bad Request\r\n\r\n").address(), kPatience), PortKind::kHttp1);
  EXPECT_EQ(ProbePort(Speaker(std::string("\x15\x03\x01\0\x02\x02\x46", 7)).address(), kPatience),
            PortKind::kTls);
  EXPECT_EQ(ProbePort(Speaker("SSH-2.0-OpenSSH\r\n").address(), kPatience), PortKind::kSilent);
  EXPECT_EQ(ProbePort(Speaker("").address(), kPatience), PortKind::kClosed);
}

TEST(PortProbeTest, NobodyThereAndNoAddressAreToldApart) {
  std::string gone;
  {
    Speaker speaker("x");
    gone = speaker.address();
    ProbePort(gone, kPatience);
  }
  EXPECT_EQ(ProbePort(gone, kPatience), PortKind::kRefused);
  EXPECT_EQ(ProbePort("no address", kPatience), PortKind::kNoAddress);
  EXPECT_EQ(ProbePort("name..invalid:1", kPatience), PortKind::kUnknownName);
}

}  // namespace
}  // namespace prismatic::cli
