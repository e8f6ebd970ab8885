#include "services/provider_proxy/upstream/fetch_guard.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace prismatic::provider_proxy {
namespace {

// Stores of images redirect to a signed URL, which may redirect to a region.
constexpr int kRedirectsMax = 3;

struct Block4 {
  uint32_t network;
  int bits;
};

constexpr uint32_t Ip4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA's special-purpose registry, as far as nobody outside may be meant by it, and what a cloud took
// for itself from the public space.
constexpr Block4 kNotPublic4[] = {
    {Ip4(0, 0, 0, 0), 8},         // this network
    {Ip4(10, 0, 0, 0), 8},        // private
    {Ip4(100, 64, 0, 0), 10},     // carrier-grade NAT; some clouds' metadata
    {Ip4(127, 0, 0, 0), 8},       // loopback
    {Ip4(168, 63, 129, 16), 32},  // Azure's wire server
    {Ip4(169, 254, 0, 0), 16},    // link-local; clouds' metadata
    {Ip4(172, 16, 0, 0), 12},     // private
    {Ip4(192, 0, 0, 0), 24},      // protocol assignments
    {Ip4(192, 0, 2, 0), 24},      // documentation
    {Ip4(192, 88, 99, 0), 24},    // 6to4 relays
    {Ip4(192, 168, 0, 0), 16},    // private
    {Ip4(198, 18, 0, 0), 15},     // benchmarks
    {Ip4(198, 51, 100, 0), 24},   // documentation
    {Ip4(203, 0, 113, 0), 24},    // documentation
    {Ip4(224, 0, 0, 0), 4},       // multicast
    {Ip4(240, 0, 0, 0), 4},       // reserved, broadcast
};

bool IsPublic4(uint32_t address) {
  for (const Block4& block : kNotPublic4) {
    if ((address ^ block.network) >> (32 - block.bits) == 0) return false;
  }
  return true;
}

uint32_t Ip4At(const uint8_t* bytes) { return Ip4(bytes[0], bytes[1], bytes[2], bytes[3]); }

bool AllZero(const uint8_t* bytes, int count) {
  for (int i = 0; i < count; ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

bool IsPublic6(const uint8_t* a) {
  // Forms that carry an IPv4 address, which then decides.
  if (AllZero(a, 10) && a[10] == 0xff && a[11] == 0xff) return IsPublic4(Ip4At(a + 12));  // ::ffff:0:0/96
  constexpr uint8_t kNat64[12] = {0x00, 0x64, 0xff, 0x9b};
  if (std::memcmp(a, kNat64, sizeof(kNat64)) == 0) return IsPublic4(Ip4At(a + 12));  // 64:ff9b::/96
  // Global unicast is 2000::/3; everything else is local, multicast, reserved or a network's own NAT64.
  if ((a[0] & 0xe0) != 0x20) return false;
  if (a[0] == 0x20 && a[1] == 0x02) return IsPublic4(Ip4At(a + 2));                // 6to4, 2002::/16
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02) return false;                   // 2001::/23, Teredo in it
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return false;  // documentation
  if (a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10) return false;                   // documentation, 3fff::/20
  return true;
}

std::string AddressText(const loop::Loop::Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.storage.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr, text, sizeof(text));
    return text;
  }
  inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr, text,
            sizeof(text));
  return absl::StrCat("[", text, "]");
}

// A literal IPv6 address stands in brackets in a URL, and without them everywhere else.
absl::string_view WithoutBrackets(absl::string_view host) {
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return host;
  return host.substr(1, host.size() - 2);
}

// A host in the one form in which it is compared.
std::string Canonical(absl::string_view host) {
  std::string plain = absl::AsciiStrToLower(WithoutBrackets(host));
  in6_addr address;
  char text[INET6_ADDRSTRLEN] = "";
  if (inet_pton(AF_INET6, plain.c_str(), &address) != 1) return plain;
  return inet_ntop(AF_INET6, &address, text, sizeof(text));
}

bool IsBareIp6(const std::string& text) {
  in6_addr address;
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool IsLiteral(const std::string& text) {
  in_addr address;
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || IsBareIp6(text);
}

// A wait for a lookup: the first of its answer, the deadline and the cancellation ends it. A lookup that has
// not begun is taken back then; another answers later, and finds it over. Lives on the loop.
struct LookupWait {
  void End(Fetcher::Addresses addresses) {
    if (!done) return;
    auto ended = std::exchange(done, nullptr);
    timer.reset();
    on_cancel = Cancellation::Registration();
    if (take_back && take_back() && leave) std::exchange(leave, nullptr)();
    ended(std::move(addresses));
  }
  // The lookup has come back, however the wait ended.
  void Answer(Fetcher::Addresses addresses) {
    take_back = nullptr;
    auto left = std::exchange(leave, nullptr);
    End(std::move(addresses));
    if (left) left();
  }

  std::function<void(Fetcher::Addresses)> done;
  std::unique_ptr<loop::Loop::Timer> timer;
  Cancellation::Registration on_cancel;
  loop::Loop::TakeBack take_back;
  std::function<void()> leave;  // gives its turn to the next
};

// One part of a URL; empty when it has none.
std::string PartOf(CURLU* url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string result(text);
  curl_free(text);
  return result;
}

absl::Status Refused(absl::string_view host, absl::string_view why) {
  return absl::PermissionDeniedError(absl::StrCat("fetch from ", host, " refused: ", why));
}

absl::Status CallerGone() { return absl::CancelledError("the caller has gone"); }

absl::Status LookedUpTooLong(absl::string_view host) {
  return absl::UnavailableError(absl::StrCat("fetch from ", host, " failed: its name was not found in time"));
}

absl::Status LedTooFar(absl::string_view host) {
  return absl::UnavailableError(absl::StrCat("fetch from ", host, " failed: too many redirects"));
}

// Where the answer says that it is elsewhere.
bool IsRedirect(const HttpResult& result) {
  int status = result.response.status;
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

absl::StatusOr<Fetched> BodyOf(const std::string& host, HttpResult result) {
  if (result.response.status != 200) {
    return absl::UnavailableError(absl::StrCat("fetch from ", host, " answered ", result.response.status));
  }
  return Fetched{.bytes = std::move(result.response.body), .room = std::move(result.room)};
}

}  // namespace

bool IsPublicAddress(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return IsPublic4(ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    return IsPublic6(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr);
  }
  return false;
}

absl::StatusOr<FetchTarget> ParseFetchUrl(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
    return absl::InvalidArgumentError("the URL cannot be read, or holds a user name");
  }
  std::string scheme = PartOf(parsed.get(), CURLUPART_SCHEME);
  FetchTarget target;
  target.https = scheme == "https";
  if (!target.https && scheme != "http")
    return absl::InvalidArgumentError("the URL is neither http nor https");
  target.host = PartOf(parsed.get(), CURLUPART_HOST);
  bool port_read = absl::SimpleAtoi(PartOf(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT), &target.port);
  if (target.host.empty() || !port_read) return absl::InvalidArgumentError("the URL has no host");
  return target;
}

bool IsListed(const FetchTarget& target, const std::vector<std::string>& fetch_hosts) {
  std::string host = Canonical(target.host);
  std::string port = absl::StrCat(":", target.port);
  for (const std::string& listed : fetch_hosts) {
    if (Canonical(listed) == host) return true;
    // What follows the last colon of a bare IPv6 address is no port.
    absl::string_view before_port = listed;
    if (!IsBareIp6(listed) && absl::ConsumeSuffix(&before_port, port) && Canonical(before_port) == host) {
      return true;
    }
  }
  return false;
}

// Lets lookups begin one at a time, in order. Lives on the loop.
class Fetcher::Turns : public std::enable_shared_from_this<Turns> {
 public:
  void Await(std::shared_ptr<LookupWait> wait, std::function<void()> begin) {
    waiting_.push_back({std::move(wait), std::move(begin)});
    if (!taken_) Next();
  }

 private:
  struct Waiter {
    std::shared_ptr<LookupWait> wait;
    std::function<void()> begin;
  };

  void Next() {
    taken_ = false;
    while (!waiting_.empty() && !taken_) {
      Waiter next = std::move(waiting_.front());
      waiting_.pop_front();
      if (!next.wait->done) continue;
      taken_ = true;
      next.wait->leave = [self = shared_from_this()] { self->Next(); };
      next.begin();
    }
  }

  std::deque<Waiter> waiting_;
  bool taken_ = false;
};

Fetcher::Fetcher(loop::Loop& loop, HttpClient& client, Resolver resolver)
    : loop_(loop), client_(client), resolver_(std::move(resolver)), turns_(std::make_shared<Turns>()) {}

Task<Fetcher::Addresses> Fetcher::Resolve(FetchTarget target, FetchOptions options) {
  std::string host(WithoutBrackets(target.host));
  Callback<Addresses> resolved([&](Callback<Addresses>::Done done) {
    loop_.Post([this, host, port = target.port, options, done = std::move(done)]() mutable {
      LookUp(std::move(host), port, std::move(options), std::move(done));
    });
  });
  Addresses addresses = co_await resolved;
  co_return addresses;
}

void Fetcher::LookUp(std::string host, int port, FetchOptions options, std::function<void(Addresses)> done) {
  if (options.cancellation.cancelled()) return done(CallerGone());
  auto wait = std::make_shared<LookupWait>();
  std::weak_ptr<LookupWait> weak = wait;
  loop::Loop* loop = &loop_;
  wait->done = std::move(done);
  absl::Duration left = std::min(options.deadline - absl::Now(), options.timeout);
  if (left != absl::InfiniteDuration()) {
    wait->timer = loop->After(left, [weak, host] {
      if (auto here = weak.lock()) here->End(LookedUpTooLong(host));
    });
  }
  wait->on_cancel = options.cancellation.OnCancel([weak, loop] {
    loop->Post([weak] {
      if (auto here = weak.lock()) here->End(CallerGone());
    });
  });
  bool in_turn = options.client_chosen && !IsLiteral(host);
  // It may begin after this fetcher has gone.
  auto begin = [loop, resolver = resolver_, wait, host = std::move(host), port] {
    auto answer = [wait](Addresses addresses) { wait->Answer(std::move(addresses)); };
    if (resolver) return resolver(host, port, answer);
    wait->take_back = loop->Resolve(host, port, answer);
  };
  if (!in_turn) return begin();
  turns_->Await(std::move(wait), std::move(begin));
}

Task<absl::StatusOr<HttpResult>> Fetcher::Get(std::string url, FetchTarget target, FetchOptions options) {
  bool listed = IsListed(target, options.fetch_hosts);
  if (!listed && !target.https) co_return Refused(target.host, "not https");
  auto resolving = Resolve(target, options);
  Addresses addresses = co_await resolving;
  if (!addresses.ok()) co_return addresses.status();
  for (const loop::Loop::Address& address : *addresses) {
    bool allowed = listed || IsPublicAddress(reinterpret_cast<const sockaddr*>(&address.storage));
    if (!allowed) co_return Refused(target.host, "an address of it is not public");
  }

  HttpResult result;
  for (const loop::Loop::Address& address : *addresses) {
    HttpRequest request{.method = "GET", .url = url};
    SendOptions send{.deadline = options.deadline,
                     .timeout = options.timeout,
                     .cancellation = options.cancellation,
                     .response_bytes_max = options.bytes_max,
                     .room = options.room,
                     .bytes_expected = options.bytes_expected,
                     .strip_leading_space = false,
                     .connect_to = AddressText(address),
                     .egress_proxy = options.egress_proxy};
    auto sending = client_.Send(std::move(request), std::move(send));
    result = co_await sending;
    if (result.end != HttpEnd::kNotStarted) break;
  }
  if (result.end == HttpEnd::kCancelled) co_return CallerGone();
  if (result.end != HttpEnd::kAnswered) {
    std::string why = absl::StrCat("fetch from ", target.host, " failed: ", result.note);
    if (result.end == HttpEnd::kTimedOut) co_return absl::DeadlineExceededError(why);
    if (result.end == HttpEnd::kNoRoom) co_return absl::ResourceExhaustedError(why);
    co_return absl::UnavailableError(why);
  }
  co_return std::move(result);
}

Task<absl::StatusOr<Fetched>> Fetcher::Fetch(std::string url, FetchOptions options) {
  for (int redirects = 0;; ++redirects) {
    absl::StatusOr<FetchTarget> target = ParseFetchUrl(url);
    if (!target.ok()) co_return Refused("a result URL", target.status().message());
    auto getting = Get(url, *target, options);
    absl::StatusOr<HttpResult> result = co_await getting;
    if (!result.ok()) co_return result.status();
    if (!IsRedirect(*result) || result->redirect_url.empty()) {
      co_return BodyOf(target->host, *std::move(result));
    }
    if (redirects == kRedirectsMax) co_return LedTooFar(target->host);
    url = std::move(result->redirect_url);
  }
}

}  // namespace prismatic::provider_proxy
