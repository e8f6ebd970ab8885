#ifndef PRISMATIC_SERVICES_COMMON_HTTP_HEAD_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// The framing of requests, checked strictly: where two readers could disagree about what a byte means, the
// request is refused. Pure functions over bytes; no sockets, no HTTP library.

namespace prismatic::http {

// Which header fields a handler gets to see.
enum class Fields {
  // Host, Authorization, Content-Type, Idempotency-Key, X-Request-Id, traceparent, tracestate, User-Agent,
  // x-stainless-*.
  kPublic,
  // The same, Cookie, Origin, Sec-Fetch-Site, X-CSRF-Token, If-None-Match and X-Forwarded-For.
  kAdmin,
  // All but the hop-by-hop fields, Accept-Encoding and Range.
  kAll,
};

// A request's head ends within this; a browser's or an SDK's has 1 to 4 KiB.
inline constexpr size_t kHeadBytesMax = 32 << 10;
inline constexpr size_t kTargetBytesMax = 2048;
inline constexpr int kFieldsMax = 100;

// Looks for the end of a head in bytes that arrive bit by bit, each byte once.
class HeadScanner {
 public:
  enum class Result { kMore, kComplete, kMalformed, kTargetTooLong, kTooLarge };
  // `bytes` begins with the request line and grows from call to call.
  Result Scan(absl::string_view bytes);
  // After kComplete: the head's size, its empty line included.
  size_t size() const { return line_; }

 private:
  size_t scanned_ = 0;
  size_t line_ = 0;  // where the line begins that is being looked at
};

struct Head {
  // The HTTP status to refuse the request with; 0 when it is sound. With a refusal no more than the method
  // may be set.
  int refusal = 0;
  std::string method;
  bool http10 = false;
  // What the client wants; HTTP/1.0 must ask for it.
  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  // 0 when chunked or absent.
  int64_t content_length = 0;
  // Authorization or Cookie is there; nobody has looked at what it is worth.
  bool has_credential = false;
  // How large the body may be; for what has one, set by who reads it.
  int64_t body_bytes_max = 0;
  // Path and query as they were sent.
  std::string target;
  // The head for the HTTP library: the request line, the fields that handlers see with `%` written `%25`
  // (the library decodes them), and a length of 0, since bodies do not pass through it.
  std::string rewritten;

  bool has_body() const { return chunked || content_length > 0; }
};

// Reads a complete head. Refusals: 400 malformed or ambiguous, 405 a method of no use here, 413 a body
// announced larger than `body_bytes_max`, 414 target too long, 415 an encoded body, 417 an expectation
// other than 100-continue, 431 too many fields, 501 a transfer coding other than chunked, 505 not HTTP/1.
Head ReadHead(absl::string_view bytes, Fields fields, int64_t body_bytes_max);

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_HEAD_H_
