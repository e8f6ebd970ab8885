#ifndef PRISMATIC_SERVICES_COMMON_TRACE_TRACE_CONTEXT_H_
#define PRISMATIC_SERVICES_COMMON_TRACE_TRACE_CONTEXT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace prismatic {

// The fields of W3C Trace Context, as HTTP headers and as gRPC metadata.
inline constexpr char kTraceparentKey[] = "traceparent";
inline constexpr char kTracestateKey[] = "tracestate";

// Which trace a call belongs to, and the span in it that stands for what this process does about the call. A
// value: copied along with the call, no state elsewhere.
class TraceContext {
 public:
  // No trace: what is not about any call.
  TraceContext() = default;
  // A trace of our own. Not sampled: nobody records it yet.
  static TraceContext New();
  // The sender's span as a traceparent field says it, without tracestate; nullopt when it is malformed. Of a
  // version above 00, which may have more fields, the first four are read. Allocates nothing.
  static std::optional<TraceContext> Parse(absl::string_view traceparent);

  // The same trace, flags and tracestate with a span ID of its own: what goes on in the next process.
  TraceContext NextHop() const;

  bool empty() const { return trace_id_[0] == '\0'; }
  // 32 and 16 lower-case hex digits, not all zero; empty when there is no trace.
  absl::string_view trace_id() const { return {trace_id_.data(), empty() ? 0 : trace_id_.size()}; }
  absl::string_view span_id() const { return {span_id_.data(), empty() ? 0 : span_id_.size()}; }
  bool sampled() const { return (flags_ & kSampled) != 0; }
  // Version 00; empty when there is no trace. Printable ASCII, as is tracestate.
  std::string traceparent() const;
  // What other tracing systems want passed on; mostly empty. At most 512 bytes and 32 members.
  const std::string& tracestate() const { return tracestate_; }

 private:
  friend class IncomingTrace;
  static constexpr uint8_t kSampled = 1;

  std::array<char, 32> trace_id_{};
  std::array<char, 16> span_id_{};
  uint8_t flags_ = 0;
  std::string tracestate_;
};

// The trace fields of one incoming call, HTTP or gRPC, in the order in which they came.
//
// Nothing that a sender writes here is an error. A traceparent that is missing, malformed or there twice
// begins a new trace; a tracestate that is malformed or too long is dropped, all of it.
class IncomingTrace {
 public:
  void AddTraceparent(absl::string_view value);
  // Several fields are one list.
  void AddTracestate(absl::string_view value);

  // The span of the process that asks.
  TraceContext Continue() const;

 private:
  int traceparents_ = 0;
  std::optional<TraceContext> parent_;  // of the last traceparent
  std::string tracestate_;
  int members_ = 0;
  bool tracestate_refused_ = false;
};

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_TRACE_TRACE_CONTEXT_H_
