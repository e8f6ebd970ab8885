#ifndef PRISMATIC_SERVICES_CLI_PORT_PROBE_H_
#define PRISMATIC_SERVICES_CLI_PORT_PROBE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::cli {

// What is behind an address that was taken for a gRPC port.
enum class PortKind {
  // "host:port" is no such text.
  kNoAddress,
  kUnknownName,
  kRefused,
  kUnreachable,
  // It takes connections and says nothing to HTTP/2 without TLS.
  kSilent,
  // It hangs up on it.
  kClosed,
  kTls,
  kHttp1,
  // What gRPC speaks.
  kHttp2,
};

// Connects, says what an HTTP/2 client begins with, and looks at the first bytes of the answer. Blocks, no
// longer than `timeout` (but for DNS).
PortKind ProbePort(const std::string& address, absl::Duration timeout);

// What the first bytes that came back mean; empty: the connection was closed.
PortKind KindOfAnswer(absl::string_view first_bytes);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_PORT_PROBE_H_
