#include "services/common/http/wire_fixture.h"

// What a server counts that no handler sees.

namespace prismatic::http {
namespace {

class RejectedTest : public ::testing::Test {
 protected:
  RejectedTest() {
    options_.metrics = &metrics_;
    options_.limits.head_time = absl::Milliseconds(100);
    options_.limits.body_time = absl::Milliseconds(100);
    options_.limits.body_bytes_max = 1000;
    options_.limits.requests_max = 0;  // but 64 without a body
  }
  double Rejected(const std::string& reason) {
    return RejectedCounter(metrics_, "prismatic_http", reason).value();
  }
  // What the server answers before it closes.
  std::string Ask(absl::string_view bytes) {
    Wire wire(*server_);
    wire.Send(bytes);
    return wire.ReadAll();
  }

  metrics::Registry metrics_;
  ServerOptions options_ = Options();
  std::unique_ptr<Server> server_;
};

TEST_F(RejectedTest, EachReasonIsThereFromTheStartAndCountsItsOwn) {
  server_ = Started(Echo, std::move(options_));
  for (const char* reason : {"overload", "too_large", "bad_request", "timeout_head", "timeout_body"}) {
    EXPECT_NE(metrics_.Text().find(absl::StrCat("prismatic_http_rejected_total{reason=\"", reason, "\"} 0")),
              std::string::npos)
        << reason;
  }
  EXPECT_NE(Ask("nonsense\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_EQ(Rejected("bad_request"), 1);
  EXPECT_NE(Ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n").find(" 413 "),
            std::string::npos);
  EXPECT_EQ(Rejected("too_large"), 1);
  EXPECT_NE(Ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").find(" 503 "), std::string::npos);
  EXPECT_EQ(Rejected("overload"), 1);
  EXPECT_NE(Ask("GET / HT").find(" 408 "), std::string::npos);
  EXPECT_EQ(Rejected("timeout_head"), 1);
  EXPECT_EQ(Rejected("timeout_body"), 0);
}

TEST_F(RejectedTest, ABodyThatDoesNotComeIsNoHeadThatDoesNot) {
  options_.limits.requests_max = 10;
  server_ = Started(Echo, std::move(options_));
  EXPECT_NE(Ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf").find(" 408 "),
            std::string::npos);
  EXPECT_EQ(Rejected("timeout_body"), 1);
  EXPECT_EQ(Rejected("timeout_head"), 0);
}

}  // namespace
}  // namespace prismatic::http
