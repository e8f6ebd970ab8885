#ifndef PRISMATIC_SERVICES_COMMON_HTTP_SERVER_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/http/message.h"

namespace prismatic::http {

struct ServerOptions {
  // host:port; port 0 picks one. Loopback only, until the connection gate stands in front.
  std::string address;
  // Larger bodies are refused with 413. 32 MiB: reference images may be data: URLs.
  int64_t body_bytes_max = int64_t{32} << 20;
  // Connections served at once; each holds a thread while it lives. More wait to be accepted.
  int connections_max = 1024;
  // A head, and after it a body, arrives within this; else 408.
  absl::Duration head_time = absl::Seconds(10);
  absl::Duration body_time = absl::Seconds(60);
  // An idle keep-alive connection is closed after this.
  absl::Duration keep_alive = absl::Seconds(5);
  // What answers requests the library refuses by itself (malformed: 400, too large: 413, ...).
  std::function<Response(int status)> refuse;
};

// cpp-httplib behind one door: every complete request, whatever its path and method, goes to one
// handler. Headers that concern the connection or the coding of the answer are kept from it. A request
// whose client hangs up (also: closes its sending half) is cancelled. Until the connection gate comes,
// each connection holds a thread.
class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options, Handler handler);
  // Drains with a grace of 0.
  ~Server();
  int port() const;

  // Stops accepting, lets requests in flight finish within `grace`, cancels the others, closes
  // everything, and returns when every handler has ended. Answers sent meanwhile carry
  // `Connection: close`. Idempotent.
  void Drain(absl::Duration grace);

 private:
  Server();
  struct Impl;
  int port_ = 0;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_SERVER_H_
