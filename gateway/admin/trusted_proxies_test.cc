#include "gateway/admin/trusted_proxies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prismatic::gateway::admin {
namespace {

using ::testing::HasSubstr;

TrustedProxies Trusting(const std::vector<std::string>& texts) {
  absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse(texts);
  EXPECT_TRUE(proxies.ok()) << proxies.status();
  return *std::move(proxies);
}

http::Request From(const std::string& peer, const std::vector<std::string>& forwarded_for) {
  http::Request request;
  request.peer = peer;
  for (const std::string& value : forwarded_for) request.headers.emplace_back("X-Forwarded-For", value);
  return request;
}

TEST(TrustedProxiesTest, WithoutAnyThePeerIsTheClient) {
  EXPECT_EQ(TrustedProxies().ClientOf(From("10.0.0.1", {"192.0.2.7"})), "10.0.0.1");
}

TEST(TrustedProxiesTest, OnlyATrustedPeerIsBelieved) {
  TrustedProxies proxies = Trusting({"10.0.0.0/8", "fd00:12::/32", "192.0.2.1"});
  for (const char* peer : {"10.0.0.1", "10.255.255.255", "192.0.2.1", "fd00:12::1"}) {
    EXPECT_EQ(proxies.ClientOf(From(peer, {"203.0.113.9"})), "203.0.113.9") << peer;
  }
  for (const char* peer : {"11.0.0.1", "192.0.2.2", "fd00:13::1", "::1", ""}) {
    EXPECT_EQ(proxies.ClientOf(From(peer, {"203.0.113.9"})), peer) << peer;
  }
}

TEST(TrustedProxiesTest, TheLastHopThatIsNotTrustedIsTheClientWhateverStandsBeforeIt) {
  TrustedProxies proxies = Trusting({"10.0.0.0/8"});
  EXPECT_EQ(proxies.ClientOf(From("10.0.0.1", {"1.1.1.1, 203.0.113.9,10.2.3.4 ,  10.2.3.5"})), "203.0.113.9");
  EXPECT_EQ(proxies.ClientOf(From("10.0.0.1", {"1.1.1.1", "203.0.113.9", "10.2.3.4"})), "203.0.113.9");
  // Who guesses cannot choose to be counted as somebody else.
  EXPECT_EQ(proxies.ClientOf(From("10.0.0.1", {"nonsense, 203.0.113.9"})), "203.0.113.9");
  EXPECT_EQ(proxies.ClientOf(From("10.0.0.1", {"", "203.0.113.9"})), "203.0.113.9");
}

TEST(TrustedProxiesTest, EachAddressHasOneText) {
  TrustedProxies proxies = Trusting({"10.0.0.0/8"});
  EXPECT_EQ(proxies.ClientOf(From("10.0.0.1", {"::ffff:203.0.113.9"})), "203.0.113.9");
  EXPECT_EQ(proxies.ClientOf(From("10.0.0.1", {"2001:DB8:0:0::01"})), "2001:db8::1");
  EXPECT_EQ(Trusting({"::ffff:10.0.0.1"}).ClientOf(From("10.0.0.1", {"192.0.2.7"})), "192.0.2.7");
}

TEST(TrustedProxiesTest, WithoutAnAddressThereItIsThePeer) {
  TrustedProxies proxies = Trusting({"10.0.0.0/8"});
  const std::vector<std::vector<std::string>> kHeaders = {{},
                                                          {""},
                                                          {"unknown"},
                                                          {"203.0.113.9, _hidden"},
                                                          {"203.0.113.9:4711"},
                                                          {"10.2.3.4"},
                                                          {",,"},
                                                          {"203.0.113.9,"},
                                                          {"203.0.113.256"},
                                                          {"[2001:db8::1]"},
                                                          {"localhost"},
                                                          {"0x7f.1"},
                                                          {"fe80::1%eth0"},
                                                          {std::string("1.1.1.1\0", 8) + "x"}};
  for (const std::vector<std::string>& header : kHeaders) {
    EXPECT_EQ(proxies.ClientOf(From("10.0.0.1", header)), "10.0.0.1")
        << (header.empty() ? "none" : header.front());
  }
}

TEST(TrustedProxiesTest, WhatIsNoAddressOrRangeIsRefusedAllAtOnce) {
  absl::StatusOr<TrustedProxies> proxies =
      TrustedProxies::Parse({"10.0.0.1", "proxy.example", "10.1.0.0/8", "", "fd00::/129", "::/0"});
  ASSERT_EQ(proxies.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(proxies.status().message(),
              AllOf(HasSubstr("\"proxy.example\" is neither"), HasSubstr("10.0.0.0/8 is the range"),
                    HasSubstr("\"\" is neither"),
                    HasSubstr("\"fd00::/129\" must end in a number of bits from 1 to 128"),
                    HasSubstr("\"::/0\" must end"), ::testing::Not(HasSubstr("10.0.0.1"))));
  for (const char* text : {"10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/ 8", "/8",
                           "0.0.0.0/0", "10.0.0", "fd00::1%eth0", "10.0.0.1:80", "[::1]"}) {
    EXPECT_FALSE(TrustedProxies::Parse({text}).ok()) << text;
  }
  EXPECT_TRUE(TrustedProxies::Parse({" 10.0.0.0/8 ", "::1/128", "10.0.0.1/32"}).ok());
}

}  // namespace
}  // namespace prismatic::gateway::admin
