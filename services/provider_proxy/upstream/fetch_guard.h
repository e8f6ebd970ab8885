#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_FETCH_GUARD_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_FETCH_GUARD_H_

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/loop/loop.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"
#include "services/provider_proxy/upstream/http_client.h"

namespace prismatic::provider_proxy {

// Whether an address belongs to the public internet: not private, loopback, link-local, carrier-grade
// NAT, multicast, reserved or documentation, nor an IPv6 form that carries an IPv4 address which is.
bool IsPublicAddress(const sockaddr* address);

// Where a URL leads, by curl's own reading of it.
struct FetchTarget {
  std::string host;
  int port = 0;
  bool https = false;
};
// INVALID_ARGUMENT when it is not http or https, holds a user name or password, or cannot be read.
absl::StatusOr<FetchTarget> ParseFetchUrl(const std::string& url);

// Whether `fetch_hosts` lists the target, as `host` (any port) or `host:port`. An IPv6 address may be
// written in any form, with brackets or, without a port, also without.
bool IsListed(const FetchTarget& target, const std::vector<std::string>& fetch_hosts);

struct FetchOptions {
  // Hosts that may be private or plain http; all others are https and public.
  std::vector<std::string> fetch_hosts;
  int64_t bytes_max = int64_t{8} << 20;
  absl::Time deadline = absl::InfiniteFuture();
  // As SendOptions has it, of each redirect anew.
  absl::Duration timeout = absl::InfiniteDuration();
  Cancellation cancellation;
  // A client has chosen the URL, and so whose DNS is asked. Such lookups are made one at a time, in order:
  // slow ones keep nobody else's waiting.
  bool client_chosen = false;
  // As SendOptions has them. With a proxy names are still looked up and checked here, and the proxy is
  // asked for the checked address.
  std::shared_ptr<ByteRoom> room;
  int64_t bytes_expected = int64_t{8} << 20;
  std::string egress_proxy;
};

struct Fetched {
  std::string bytes;
  // What the bytes take of FetchOptions::room. Kept as long as they are.
  ByteRoom::Entry room;
};

// Fetches what somebody else's URL points to, without becoming a way into our own network: the host is
// looked up once, every address is checked, the connection goes to a checked address, each of at most three
// redirects is checked like the first URL, and size and time are capped. What the answer says of its type is
// ignored, the bytes tell. No credential is ever sent.
class Fetcher {
 public:
  using Addresses = absl::StatusOr<std::vector<loop::Loop::Address>>;
  // As Loop::Resolve: called on the loop, answers there, whenever it likes.
  using Resolver = std::function<void(const std::string& host, int port, std::function<void(Addresses)>)>;

  // Without a resolver the loop's.
  Fetcher(loop::Loop& loop, HttpClient& client, Resolver resolver = nullptr);

  // The body of a 200. PERMISSION_DENIED when the guard refuses, UNAVAILABLE when it fails,
  // DEADLINE_EXCEEDED when its bytes did not come in time, RESOURCE_EXHAUSTED when there was no room for them
  // in time, CANCELLED. Messages hold no part of the URL but its host. Resumes on the loop.
  Task<absl::StatusOr<Fetched>> Fetch(std::string url, FetchOptions options);

 private:
  // One hop: the answer to a GET from a checked address.
  Task<absl::StatusOr<HttpResult>> Get(std::string url, FetchTarget target, FetchOptions options);
  Task<Addresses> Resolve(FetchTarget target, FetchOptions options);
  void LookUp(std::string host, int port, FetchOptions options, std::function<void(Addresses)> done);

  loop::Loop& loop_;
  HttpClient& client_;
  const Resolver resolver_;
  class Turns;
  const std::shared_ptr<Turns> turns_;  // of the lookups that clients cause
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_FETCH_GUARD_H_
