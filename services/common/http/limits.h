#ifndef PRISMATIC_SERVICES_COMMON_HTTP_LIMITS_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_LIMITS_H_

#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "services/common/http/head.h"

namespace prismatic::http {

// What one client may take of a server. The head's limits are in head.h.
struct Limits {
  // Which header fields handlers see.
  Fields fields = Fields::kPublic;
  // Larger bodies are refused with 413. 32 MiB: reference images may be data: URLs.
  int64_t body_bytes_max = int64_t{32} << 20;
  // How much of that a request with this head may have (its method, target and has_credential are set), so
  // that what nobody needs is refused before it takes memory. On the gate's thread; quick. Absent: all of it.
  std::function<int64_t(const Head&)> body_bytes_max_for;
  // Requests that may have no more than this are read however much of the byte budget others have taken: all
  // connections together take at most `connections_max` times this. 0: none are.
  int64_t body_bytes_reserved = 0;
  // Connections at once, most of them idle; one more closes the one that has sent no request for
  // longest, or waits when all are busy. An idle one takes about a kilobyte here and some in the kernel.
  int connections_max = 10'000;
  // Requests with their handlers; one more is answered with 503, before its body is read if it is full by
  // then. Those without a body may be some more, so that health checks are answered by a full server.
  int requests_max = 1'000;
  // A head, and after it a body, arrives within this; else 408.
  absl::Duration head_time = absl::Seconds(10);
  absl::Duration body_time = absl::Seconds(60);
  // An idle connection is closed after this: longer than the 60 s for which proxies in front usually keep
  // theirs, so that they do not reuse one that is just being closed.
  absl::Duration keep_alive = absl::Seconds(75);
  // A client takes some of its answer within this, and after it the average of at least
  // `bytes_per_second_min`.
  absl::Duration answer_time = absl::Seconds(30);
  // A body comes at least this fast, looked at in windows of `rate_window`; an answer is taken as fast, on
  // average.
  int64_t bytes_per_second_min = 16 << 10;
  absl::Duration rate_window = absl::Seconds(5);
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_LIMITS_H_
