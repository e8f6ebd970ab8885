#ifndef PRISMATIC_SERVICES_COMMON_LOG_LOG_H_
#define PRISMATIC_SERVICES_COMMON_LOG_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/common/trace/trace_context.h"

namespace prismatic::log {

// One JSON object a line on standard error: time, level, service, message, then the fields.
//
//   log::Info("reservation settled", {{"request_id", id}, {"delivered", 2}});
//
// Never a prompt, an image, a credential or a body: what looks like an API key, a bearer token or a
// registered secret is replaced by [redacted] all the same. Thread-safe.
class Field {
 public:
  Field(absl::string_view key, absl::string_view value);
  Field(absl::string_view key, const char* value) : Field(key, absl::string_view(value)) {}
  Field(absl::string_view key, const std::string& value) : Field(key, absl::string_view(value)) {}
  Field(absl::string_view key, bool value);
  Field(absl::string_view key, int value) : Field(key, static_cast<int64_t>(value)) {}
  Field(absl::string_view key, int64_t value);
  Field(absl::string_view key, uint64_t value);
  Field(absl::string_view key, double value);
  // `trace_id` and `span_id`; nothing when there is no trace.
  Field(const TraceContext& trace);  // NOLINT: a line names the trace as it names its other fields

 private:
  friend void Write(int, absl::string_view, std::initializer_list<Field>);
  std::string json_;  // `"key":value`, or several of them, or nothing
};

using Fields = std::initializer_list<Field>;

enum Level : int { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

void Write(int level, absl::string_view message, Fields fields);
inline void Debug(absl::string_view message, Fields fields = {}) { Write(kDebug, message, fields); }
inline void Info(absl::string_view message, Fields fields = {}) { Write(kInfo, message, fields); }
inline void Warning(absl::string_view message, Fields fields = {}) { Write(kWarning, message, fields); }
inline void Error(absl::string_view message, Fields fields = {}) { Write(kError, message, fields); }

// The `service` of every line. Call once, in main.
void SetService(absl::string_view name);
// Lines below are dropped. Default: kInfo.
void SetLevel(Level level);
// Whether lines of this level are written; asked before fields are made for lines that seldom are.
bool IsWritten(int level);
// "debug", "info", "warning" or "error".
std::optional<Level> ParseLevel(absl::string_view name);
// From now on this text never appears in a line. At least 8 characters, else ignored.
void RegisterSecret(absl::string_view secret);
// Where lines go; nullptr is standard error. For tests.
void SetSink(void (*sink)(absl::string_view line));

// The text without what looks like a secret.
std::string Redact(absl::string_view text);

}  // namespace prismatic::log

#endif  // PRISMATIC_SERVICES_COMMON_LOG_LOG_H_
