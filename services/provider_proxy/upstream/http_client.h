#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_HTTP_CLIENT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_HTTP_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "services/common/byte_budget/byte_room.h"
#include "services/common/loop/loop.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"
#include "services/provider_proxy/adapters/http_message.h"
#include "services/provider_proxy/upstream/connect_report.h"

namespace prismatic::provider_proxy {

// How a call ended.
enum class HttpEnd {
  // A complete answer, whatever its status.
  kAnswered,
  // The upstream cannot have got the whole request: no name, no connection, no TLS, a proxy that refuses,
  // or the last byte of the body was never handed to the socket.
  kNotStarted,
  // The rest came after the request had gone out, so that the work may have been done.
  // Its deadline or timeout passed, or its body came too slowly.
  kTimedOut,
  kBroken,
  kTooLarge,
  // The deadline passed while the answer's body waited for room in our own memory: nobody else is to blame.
  kNoRoom,
  // The caller took it back, at whatever stage.
  kCancelled,
};

struct HttpResult {
  HttpEnd end = HttpEnd::kNotStarted;
  // Only with kAnswered, as is all up to `note`. Its body is decoded, and white space before it is gone.
  HttpResponse response;
  // What the body takes of SendOptions::room. Kept as long as the body is.
  ByteRoom::Entry room;
  // Where a redirect leads, made absolute; else empty.
  std::string redirect_url;
  // What went wrong, for the log. Holds neither headers nor bodies.
  std::string note;
  int64_t bytes_sent = 0;
  // As transferred.
  int64_t bytes_received = 0;
  // How connecting went; without a fault also when something failed later.
  ConnectReport connect;
};

struct SendOptions {
  // The caller's. Once it has passed nothing is sent any more.
  absl::Time deadline = absl::InfiniteFuture();
  // How long the upstream may take. Stands still while the answer's body waits for room.
  absl::Duration timeout = absl::InfiniteDuration();
  Cancellation cancellation;
  // Of the body, decoded.
  int64_t response_bytes_max = int64_t{1} << 20;
  // From its first byte the answer's body takes room for what it announces, or else for `bytes_expected`, as
  // `parts` of those that belong together there. Until it is let in the rest is left unread. What takes none
  // since it should be small is counted as soon as it is not. Null: not counted.
  std::shared_ptr<ByteRoom> room;
  int parts = 1;
  int64_t bytes_expected = int64_t{8} << 20;
  // Some upstreams send white space for as long as they paint, to keep the connection. It is no part of the
  // body then. Of a body that may be anything, a picture, it is.
  bool strip_leading_space = true;
  // An address, "93.184.216.34" or "[2606:2800::1]", to connect to instead of looking the host up. The
  // host's name stays in TLS and in the Host header.
  std::string connect_to;
  // The HTTP proxy to go through, `http://[user:password@]host:port`: a tunnel for https and with
  // connect_to, else it gets the request. Empty: none. The environment's are never used.
  std::string egress_proxy;
  // Ends as kAnswered, with status 0, as soon as a new connection stands, TLS included; nothing is sent.
  bool connect_only = false;
};

// How slowly a body may come, on average over a window; see HttpClientOptions.
constexpr int64_t kBodyBytesPerSecondMin = 1024;
constexpr absl::Duration kBodyRateWindow = absl::Seconds(30);
// In what time a body should come, by the size for which it has taken room: else a provider that drips keeps
// that room from everybody for hours. Far more than a good connection needs, and less than the patience of
// most clients.
constexpr absl::Duration kBodyTimeMax = absl::Seconds(60);

struct HttpClientOptions {
  // PEM file of certificate authorities to trust instead of the system's. Empty: the system's.
  std::string ca_file;
  // No upstream is worth waiting for longer than this before it takes the connection.
  absl::Duration connect_timeout = absl::Seconds(5);
  // A body that has begun holds its share of memory and one of the provider's places, so it has to come, at
  // this rate at least; a large one at the rate of kBodyTimeMax. A connection that lost packets comes back
  // within a few seconds: below it something is wrong or malicious.
  int64_t body_bytes_per_second_min = kBodyBytesPerSecondMin;
  // Long enough for an upstream that writes an image of an answer as soon as it has it, and then waits for
  // the next one.
  absl::Duration body_rate_window = kBodyRateWindow;
};

// Calls upstreams: libcurl's multi interface on a loop, thousands of calls at once on its one thread.
// HTTP/2 where TLS offers it, one call at a time per connection; connections are reused. Verifies TLS end to
// end, never follows a redirect, asks for no compression but reads gzip, deflate and br, keeps no cookies,
// and never sends a request other than a GET a second time: a reused connection that dies after the body
// went out is a broken call, not a new one. Thread-safe.
//
// What makes room in a budget ends before the loop does.
class HttpClient {
 public:
  HttpClient(loop::Loop& loop, HttpClientOptions options);
  // Calls that are pending end as cancelled. Destroyed before the loop, not on it.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;

  // Resumes on the loop.
  Task<HttpResult> Send(HttpRequest request, SendOptions options);

 private:
  class Impl;
  loop::Loop& loop_;
  std::shared_ptr<Impl> impl_;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_HTTP_CLIENT_H_
