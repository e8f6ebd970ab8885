#include "services/provider_proxy/upstream/poll_host.h"

#include <gtest/gtest.h>

namespace prismatic::provider_proxy {
namespace {

catalog::v1::Provider ProviderAt(const char* base_url, std::initializer_list<const char*> poll_hosts) {
  catalog::v1::Provider provider;
  provider.set_base_url(base_url);
  for (const char* host : poll_hosts) provider.add_poll_hosts(host);
  return provider;
}

TEST(PollHostTest, TheProvidersOwnHostIsPolledAsItIsCalled) {
  catalog::v1::Provider provider = ProviderAt("https://api.example.com/v1", {});
  EXPECT_TRUE(MayPoll("https://api.example.com/elsewhere?id=1", provider));
  EXPECT_TRUE(MayPoll("https://API.example.com:443/v1", provider));
  for (const char* url :
       {"http://api.example.com/v1", "https://api.example.com:8443/v1", "https://cdn.example.com/v1",
        "https://api.example.com.evil.test/v1", "https://user@api.example.com/v1", "ftp://api.example.com/",
        "https://evil.test/?https://api.example.com/v1", "not a url", ""}) {
    EXPECT_FALSE(MayPoll(url, provider)) << url;
  }
  EXPECT_TRUE(MayPoll("http://127.0.0.1:9100/jobs/1", ProviderAt("http://127.0.0.1:9100/v1", {})));
}

TEST(PollHostTest, ListedHostsArePolledOverHttpsAlone) {
  catalog::v1::Provider provider =
      ProviderAt("https://api.example.com/v1", {"*.poll.example.com", "one.example.net"});
  EXPECT_TRUE(MayPoll("https://eu.poll.example.com/get?id=1", provider));
  EXPECT_TRUE(MayPoll("https://a.b.Poll.example.com/", provider));
  EXPECT_TRUE(MayPoll("https://one.example.net/", provider));
  for (const char* url : {"http://eu.poll.example.com/", "https://poll.example.com/",
                          "https://evilpoll.example.com/", "https://eu.poll.example.com:444/",
                          "https://two.example.net/", "https://one.example.net.evil.test/"}) {
    EXPECT_FALSE(MayPoll(url, provider)) << url;
  }
}

}  // namespace
}  // namespace prismatic::provider_proxy
