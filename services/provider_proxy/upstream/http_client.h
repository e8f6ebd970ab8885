#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_HTTP_CLIENT_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_HTTP_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "services/common/loop/loop.h"
#include "services/common/task/cancel.h"
#include "services/common/task/task.h"
#include "services/provider_proxy/adapters/http_message.h"

namespace prismatic::provider_proxy {

// How a call ended.
enum class HttpEnd {
  // A complete answer, whatever its status.
  kAnswered,
  // The upstream cannot have got the whole request: no name, no connection, no TLS, or the last byte
  // of the body was never handed to the socket.
  kNotStarted,
  // The rest came after the request had gone out, so that the work may have been done.
  kTimedOut,
  kBroken,
  kTooLarge,
  // The caller took it back, at whatever stage.
  kCancelled,
};

struct HttpResult {
  HttpEnd end = HttpEnd::kNotStarted;
  // Only with kAnswered.
  HttpResponse response;
  // What went wrong, for the log. Holds neither headers nor bodies.
  std::string note;
  int64_t bytes_sent = 0;
  int64_t bytes_received = 0;
};

struct SendOptions {
  absl::Time deadline = absl::InfiniteFuture();
  Cancellation cancellation;
  int64_t response_bytes_max = int64_t{1} << 20;
  // An address, "93.184.216.34" or "[2606:2800::1]", to connect to instead of looking the host up. The
  // host's name stays in TLS and in the Host header.
  std::string connect_to;
};

struct HttpClientOptions {
  // PEM file of certificate authorities to trust instead of the system's. Empty: the system's.
  std::string ca_file;
  // No upstream is worth waiting for longer than this before it takes the connection.
  absl::Duration connect_timeout = absl::Seconds(5);
};

// Calls upstreams: libcurl's multi interface on a loop, thousands of calls at once on its one thread.
// HTTP/2 where TLS offers it, connections are reused. Never follows a redirect, uses no proxy, asks
// for no compression, keeps no cookies, and never sends a request a second time: a reused connection
// that dies after the body went out is a broken call, not a new one. Thread-safe.
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
