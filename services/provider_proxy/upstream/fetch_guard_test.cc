#include "services/provider_proxy/upstream/fetch_guard.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <future>
#include <mutex>
#include <vector>

#include "services/provider_proxy/upstream/connect_proxy.h"
#include "services/provider_proxy/upstream/scripted_upstream.h"
#include "tests/support/wait.h"

namespace prismatic::provider_proxy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Request = ScriptedUpstream::Request;

bool IsPublic(const std::string& text) {
  sockaddr_in v4{.sin_family = AF_INET};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1)
    return IsPublicAddress(reinterpret_cast<sockaddr*>(&v4));
  sockaddr_in6 v6{.sin6_family = AF_INET6};
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
  return IsPublicAddress(reinterpret_cast<sockaddr*>(&v6));
}

TEST(FetchGuardTest, PublicAddressesAreAllowed) {
  for (const char* address : {"1.1.1.1",         "8.8.8.8",
                              "93.184.216.34",   "9.255.255.255",
                              "11.0.0.0",        "100.63.255.255",
                              "168.63.129.15",   "168.63.129.17",
                              "100.128.0.0",     "126.255.255.255",
                              "128.0.0.1",       "169.253.255.255",
                              "172.15.255.255",  "172.32.0.0",
                              "192.167.255.255", "192.169.0.0",
                              "198.17.255.255",  "198.20.0.0",
                              "223.255.255.255", "2606:4700::1111",
                              "2a00:1450::1",    "2001:4860:4860::8888",
                              "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8",
                              "2002:808:808::1"}) {
    EXPECT_TRUE(IsPublic(address)) << address;
  }
}

TEST(FetchGuardTest, AddressesOfOurOwnNetworksAreNot) {
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.255",
                              "168.63.129.16",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.8",
                              "192.0.2.1",
                              "192.168.0.1",
                              "192.168.255.255",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::127.0.0.1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::ffff:169.254.169.254",
                              "::ffff:168.63.129.16",
                              "64:ff9b::168.63.129.16",
                              "2002:a83f:8110::",
                              "64:ff9b::127.0.0.1",
                              "64:ff9b::10.1.2.3",
                              "64:ff9b:1::8.8.8.8",
                              "2002:7f00:1::",
                              "2002:a00:1::",
                              "fe80::1",
                              "febf::1",
                              "fc00::1",
                              "fd12:3456::1",
                              "fec0::1",
                              "ff02::1",
                              "ff0e::1",
                              "2001:db8::1",
                              "2001::1",
                              "2001:1ff::1",
                              "100::1",
                              "3fff::1",
                              "5f00::1",
                              "4000::1"}) {
    EXPECT_FALSE(IsPublic(address)) << address;
  }
  sockaddr unix_socket{.sa_family = AF_UNIX};
  EXPECT_FALSE(IsPublicAddress(&unix_socket));
}

std::string Target(const std::string& url) {
  absl::StatusOr<FetchTarget> target = ParseFetchUrl(url);
  if (!target.ok()) return "refused";
  return absl::StrCat(target->https ? "https " : "http ", target->host, " ", target->port);
}

TEST(FetchGuardTest, ReadsUrlsAsCurlDoes) {
  EXPECT_EQ(Target("https://cdn.example/a.png?x=1"), "https cdn.example 443");
  EXPECT_EQ(Target("http://CDN.example:8080/a"), "http CDN.example 8080");
  EXPECT_EQ(Target("https://[::1]:8443/"), "https [::1] 8443");
  EXPECT_EQ(Target("https://2130706433/"), "https 127.0.0.1 443") << "a number is an address";
  EXPECT_EQ(Target("https://0x7f.1/"), "https 127.0.0.1 443");
  for (const char* url : {"", "cdn.example", "ftp://cdn.example/", "file:///etc/passwd", "https://",
                          "javascript:1", "https://user@cdn.example/", "https://user:secret@cdn.example/",
                          "https://a b/", "https://cdn.example:99999/"}) {
    EXPECT_EQ(Target(url), "refused") << url;
  }
}

TEST(FetchGuardTest, ListedHostsMatchWithAndWithoutTheirPort) {
  FetchTarget target{.host = "minio.internal", .port = 9000};
  EXPECT_TRUE(IsListed(target, {"other", "minio.internal"}));
  EXPECT_TRUE(IsListed(target, {"MINIO.internal:9000"}));
  EXPECT_FALSE(IsListed(target, {"minio.internal:9001", "internal", "xminio.internal", ""}));
  EXPECT_FALSE(IsListed(target, {}));
}

TEST(FetchGuardTest, ListedIp6AddressesMatchInAnyForm) {
  absl::StatusOr<FetchTarget> target = ParseFetchUrl("https://[2001:DB8:0::1]:9000/a");
  ASSERT_TRUE(target.ok());
  for (const char* listed :
       {"2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]", "[2001:db8:0::1]:9000"}) {
    EXPECT_TRUE(IsListed(*target, {listed})) << listed;
    EXPECT_TRUE(IsListed({.host = "2001:db8::1", .port = 9000}, {listed})) << listed;
  }
  for (const char* listed : {"2001:db8::2", "[2001:db8::1]:9001", "2001:db8::1:9000", "[2001:db8::1", "[]"}) {
    EXPECT_FALSE(IsListed(*target, {listed})) << listed;
  }
  target = ParseFetchUrl("https://[::1]/");
  ASSERT_TRUE(target.ok());
  EXPECT_TRUE(IsListed(*target, {"::1"}));
  EXPECT_TRUE(IsListed(*target, {"[::1]:443"}));
  EXPECT_FALSE(IsListed(*target, {"::1:443"})) << "that is another address";
}

class FetcherTest : public ::testing::Test {
 protected:
  absl::StatusOr<Fetched> Fetch(const std::string& url, FetchOptions options) {
    return Wait(fetcher_.Fetch(url, std::move(options)));
  }
  std::string Listed(const ScriptedUpstream& upstream) { return absl::StrCat("127.0.0.1:", upstream.port()); }

  // Outlives the transfers, which end on the loop a moment after their results have come.
  ByteBudget budget_{1 << 20};
  loop::Loop loop_{"test"};
  HttpClient client_{loop_, {}};
  Fetcher fetcher_{loop_, client_};
};

TEST_F(FetcherTest, FetchesFromAListedHostWithoutAnyCredential) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "image"); });
  absl::StatusOr<Fetched> fetched = Fetch(upstream.url("/a.png?sig=1"), {.fetch_hosts = {Listed(upstream)}});
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->bytes, "image");
  EXPECT_EQ(upstream.requests()[0].path(), "/a.png?sig=1");
  EXPECT_EQ(upstream.requests()[0].head.substr(0, 4), "GET ");
  EXPECT_THAT(upstream.requests()[0].head, Not(HasSubstr("Authorization")));
}

loop::Loop::Address Loopback() {
  sockaddr_in loopback{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  loop::Loop::Address address{.storage = {}, .size = sizeof(loopback)};
  std::memcpy(&address.storage, &loopback, sizeof(loopback));
  return address;
}

// Keeps the lookups that it is asked for, and answers when it is told.
class HangingLookup {
 public:
  explicit HangingLookup(loop::Loop& loop) : loop_(loop) {}
  Fetcher::Resolver resolver(std::function<void()> asked = nullptr) {
    return [this, asked](const std::string&, int, std::function<void(Fetcher::Addresses)> done) {
      done_ = std::move(done);
      if (asked) asked();
    };
  }
  // Returns when whoever asked has had the answer.
  void AnswerLate() {
    std::promise<void> answered;
    loop_.Post([&] {
      done_({{Loopback()}});
      done_ = nullptr;
      answered.set_value();
    });
    answered.get_future().wait();
  }

 private:
  loop::Loop& loop_;
  std::function<void(Fetcher::Addresses)> done_;  // of the loop's thread
};

TEST_F(FetcherTest, ALookupThatHangsEndsWithTheDeadline) {
  HangingLookup lookup(loop_);
  Fetcher fetcher(loop_, client_, lookup.resolver());
  absl::Status status = Wait(fetcher.Fetch("https://cdn.example/a?token=geheim",
                                           {.deadline = absl::Now() + absl::Milliseconds(20)}))
                            .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cdn.example"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("geheim")));
  lookup.AnswerLate();
}

TEST_F(FetcherTest, ALookupThatHangsEndsWithTheCancellation) {
  HangingLookup lookup(loop_);
  Cancellation cancellation;
  Fetcher fetcher(loop_, client_, lookup.resolver([&] { cancellation.Cancel(); }));
  FetchOptions options{.deadline = absl::Now() + absl::Minutes(1), .cancellation = cancellation};
  EXPECT_EQ(Wait(fetcher.Fetch("https://cdn.example/a", options)).status().code(),
            absl::StatusCode::kCancelled);
  lookup.AnswerLate();
}

TEST_F(FetcherTest, NamesThatClientsChooseAreLookedUpOneAtATimeAndKeepNobodyWaiting) {
  std::mutex mutex;
  std::vector<std::string> asked;
  std::vector<std::function<void(Fetcher::Addresses)>> hanging;
  Fetcher fetcher(loop_, client_,
                  [&](const std::string& host, int, std::function<void(Fetcher::Addresses)> done) {
                    std::lock_guard<std::mutex> lock(mutex);
                    asked.push_back(host);
                    if (host == "own.example" || host == "10.0.0.1") return done({{Loopback()}});
                    hanging.push_back(std::move(done));
                  });
  auto asked_now = [&] {
    std::lock_guard<std::mutex> lock(mutex);
    return asked;
  };
  absl::Time soon = absl::Now() + absl::Milliseconds(100);
  FetchOptions hasty{.deadline = soon, .client_chosen = true};
  // Both give up; the first lookup, which goes on, keeps its turn.
  for (const char* url : {"https://first.example/", "https://second.example/"}) {
    EXPECT_EQ(Wait(fetcher.Fetch(url, hasty)).status().code(), absl::StatusCode::kUnavailable);
  }
  std::atomic<bool> third_ended{false};
  Start<absl::StatusOr<Fetched>>(fetcher.Fetch("https://third.example/", {.client_chosen = true}),
                                 [&](absl::StatusOr<Fetched>) { third_ended = true; });
  EXPECT_EQ(Wait(fetcher.Fetch("https://10.0.0.1/", {.client_chosen = true})).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Wait(fetcher.Fetch("https://own.example/", {})).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(asked_now(), ::testing::ElementsAre("first.example", "10.0.0.1", "own.example"));
  loop_.Post([&] { hanging[0](absl::UnavailableError("at last")); });
  ASSERT_TRUE(testing::WaitUntil([&] { return asked_now().back() == "third.example"; }));
  loop_.Post([&] { hanging[1](absl::UnavailableError("nowhere")); });
  EXPECT_TRUE(testing::WaitUntil([&] { return third_ended.load(); }));
  EXPECT_THAT(asked_now(), ::testing::Not(::testing::Contains("second.example")));
}

TEST_F(FetcherTest, NoRoomInTimeIsNobodyElsesFault) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(200, std::string(100'000, 'x')); });
  ByteBudget::Share full = Wait(budget_.Take(1 << 20, {}));
  FetchOptions options{.fetch_hosts = {"127.0.0.1"},
                       .deadline = absl::Now() + absl::Milliseconds(300),
                       .room = ByteRoom::Make(&budget_, 1)};
  EXPECT_EQ(Fetch(upstream.url(), options).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(FetcherTest, NothingPrivateIsAskedUnlessListed) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "secret"); });
  for (const std::string& url : {upstream.url("/x"), absl::StrCat("https://127.0.0.1:", upstream.port()),
                                 absl::StrCat("https://[::1]:", upstream.port()),
                                 absl::StrCat("https://[::ffff:127.0.0.1]:", upstream.port()),
                                 absl::StrCat("https://2130706433:", upstream.port())}) {
    EXPECT_EQ(Fetch(url, {}).status().code(), absl::StatusCode::kPermissionDenied) << url;
  }
  EXPECT_EQ(Fetch(upstream.url(), {.fetch_hosts = {"127.0.0.1:1"}}).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(upstream.requests(), IsEmpty());
}

TEST_F(FetcherTest, ANameThatLeadsToAPrivateAddressIsNotAsked) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "secret"); });
  Fetcher fetcher(loop_, client_, [](const std::string&, int, std::function<void(Fetcher::Addresses)> done) {
    done({{Loopback()}});
  });
  std::string url = absl::StrCat("https://cdn.example:", upstream.port(), "/x");
  EXPECT_EQ(Wait(fetcher.Fetch(url, {})).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(upstream.requests(), IsEmpty());
}

TEST_F(FetcherTest, TakesNothingButA200) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(404, "no"); });
  EXPECT_EQ(Fetch(upstream.url("/gone"), {.fetch_hosts = {"127.0.0.1"}}).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_THAT(upstream.requests(), SizeIs(1));
}

ScriptedUpstream::Reply MovedTo(const std::string& where, int status = 302) {
  return ScriptedUpstream::Answer(status, "", absl::StrCat("Location: ", where, "\r\n"));
}

TEST_F(FetcherTest, FollowsThreeRedirectsOfEveryKindAndNoFourth) {
  ScriptedUpstream upstream([](const Request& request) {
    if (request.path() == "/0") return MovedTo("/1", 301);
    if (request.path() == "/1") return MovedTo("2?x=1#part", 303);
    if (request.path() == "/2?x=1") return MovedTo("/3", 307);
    if (request.path() == "/too-far") return MovedTo("/0", 308);
    return ScriptedUpstream::Answer(200, "image");
  });
  FetchOptions options{.fetch_hosts = {Listed(upstream)}};
  absl::StatusOr<Fetched> fetched = Fetch(upstream.url("/0"), options);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->bytes, "image");
  EXPECT_THAT(upstream.requests(), SizeIs(4));
  EXPECT_EQ(Fetch(upstream.url("/too-far"), options).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(upstream.requests(), SizeIs(8)) << "the fourth redirect is not followed";
}

TEST_F(FetcherTest, EachRedirectIsCheckedLikeTheFirstUrl) {
  ScriptedUpstream inside([](const Request&) { return ScriptedUpstream::Answer(200, "secret"); });
  for (const std::string& where :
       {inside.url("/x"), absl::StrCat("https://127.0.0.1:", inside.port()),
        absl::StrCat("https://[::ffff:7f00:1]:", inside.port()), std::string("file:///etc/passwd"),
        std::string("gopher://127.0.0.1/"), absl::StrCat("https://user:secret@127.0.0.1:", inside.port())}) {
    ScriptedUpstream upstream([&](const Request&) { return MovedTo(where); });
    absl::StatusOr<Fetched> fetched = Fetch(upstream.url("/a"), {.fetch_hosts = {Listed(upstream)}});
    EXPECT_FALSE(fetched.ok()) << where;
  }
  EXPECT_THAT(inside.requests(), IsEmpty());
}

TEST_F(FetcherTest, ARedirectToAnotherListedHostIsFollowed) {
  ScriptedUpstream store([](const Request&) { return ScriptedUpstream::Answer(200, "image"); });
  ScriptedUpstream upstream([&](const Request&) { return MovedTo(store.url("/signed")); });
  absl::StatusOr<Fetched> fetched =
      Fetch(upstream.url("/a"), {.fetch_hosts = {Listed(upstream), Listed(store)}});
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->bytes, "image");
}

// With a proxy, too, names are looked up and checked here: it is asked for an address.
TEST_F(FetcherTest, GoesThroughTheProxyToTheCheckedAddress) {
  ScriptedUpstream upstream([](const Request&) { return ScriptedUpstream::Answer(200, "image"); });
  ConnectProxy proxy;
  std::string url = absl::StrCat("http://cdn.example:", upstream.port(), "/x");
  Fetcher fetcher(loop_, client_, [](const std::string&, int, std::function<void(Fetcher::Addresses)> done) {
    done({{Loopback()}});
  });
  EXPECT_EQ(Wait(fetcher.Fetch(url, {.egress_proxy = proxy.url()})).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(proxy.heads(), IsEmpty());
  FetchOptions options{.fetch_hosts = {"cdn.example"}, .egress_proxy = proxy.url()};
  absl::StatusOr<Fetched> fetched = Wait(fetcher.Fetch(url, options));
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->bytes, "image");
  EXPECT_THAT(proxy.heads()[0], HasSubstr(absl::StrCat("CONNECT 127.0.0.1:", upstream.port(), " ")));
  EXPECT_EQ(upstream.requests()[0].header("Host"), absl::StrCat("cdn.example:", upstream.port()));
}

TEST_F(FetcherTest, WhatIsFetchedTakesRoomAsLongAsItIsKept) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(200, std::string(100'000, 'x')); });
  FetchOptions options{.fetch_hosts = {"127.0.0.1"}, .room = ByteRoom::Make(&budget_, 1)};
  absl::StatusOr<Fetched> fetched = Fetch(upstream.url(), options);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->room.bytes(), 100'000);
  EXPECT_EQ(budget_.used(), 100'000);
}

TEST_F(FetcherTest, SizeIsCappedAndTheUrlStaysOutOfTheMessage) {
  ScriptedUpstream upstream(
      [](const Request&) { return ScriptedUpstream::Answer(200, std::string(1001, 'x')); });
  absl::Status status =
      Fetch(upstream.url("/a?token=geheim"), {.fetch_hosts = {"127.0.0.1"}, .bytes_max = 1000}).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("geheim")));
}

}  // namespace
}  // namespace prismatic::provider_proxy
