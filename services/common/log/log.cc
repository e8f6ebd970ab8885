#include "services/common/log/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace prismatic::log {
namespace {

constexpr absl::string_view kRedacted = "[redacted]";
constexpr size_t kSecretSizeMin = 8;
// A line is for people; what is longer is somebody's data.
constexpr size_t kValueSizeMax = 2048;

struct State {
  std::mutex mutex;
  std::string service = "prismatic";  // guarded by mutex
  std::vector<std::string> secrets;   // guarded by mutex
  std::atomic<int> level{kInfo};
  std::atomic<void (*)(absl::string_view)> sink{nullptr};
};

State& GetState() {
  static State* state = new State();
  return *state;
}

// JSON of a text; bytes beyond ASCII are passed on, control characters escaped.
std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (char c : text.substr(0, kValueSizeMax)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(&out, "\\u00", absl::Hex(static_cast<int>(c), absl::kZeroPad2));
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' || c == '=' ||
         c == '+' || c == '/' || c == '~';
}

// Replaces the token after each `prefix` when it has at least kSecretSizeMin characters.
void RedactAfter(absl::string_view prefix, std::string& text) {
  for (size_t at = text.find(prefix.data(), 0, prefix.size()); at != std::string::npos;
       at = text.find(prefix.data(), at + 1, prefix.size())) {
    size_t begin = at + prefix.size();
    size_t end = begin;
    while (end < text.size() && IsTokenCharacter(text[end])) ++end;
    if (end - begin >= kSecretSizeMin) text.replace(begin, end - begin, kRedacted.data(), kRedacted.size());
  }
}

void WriteAll(absl::string_view line) {
  while (!line.empty()) {
    ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) return;
    line.remove_prefix(static_cast<size_t>(written));
  }
}

constexpr absl::string_view kLevelNames[] = {"debug", "info", "warning", "error"};

}  // namespace

Field::Field(absl::string_view key, absl::string_view value)
    : json_(absl::StrCat(Quoted(key), ":", Quoted(Redact(value)))) {}
Field::Field(absl::string_view key, bool value)
    : json_(absl::StrCat(Quoted(key), ":", value ? "true" : "false")) {}
Field::Field(absl::string_view key, int64_t value) : json_(absl::StrCat(Quoted(key), ":", value)) {}
Field::Field(absl::string_view key, uint64_t value) : json_(absl::StrCat(Quoted(key), ":", value)) {}
Field::Field(absl::string_view key, double value) : json_(absl::StrCat(Quoted(key), ":", value)) {}
Field::Field(const TraceContext& trace)
    : json_(trace.empty() ? ""
                          : absl::StrCat("\"trace_id\":\"", trace.trace_id(), "\",\"span_id\":\"",
                                         trace.span_id(), "\"")) {}

std::string Redact(absl::string_view text) {
  std::string clean(text);
  State& state = GetState();
  {
    std::lock_guard<std::mutex> lock(state.mutex);
    for (const std::string& secret : state.secrets) {
      absl::StrReplaceAll({{secret, kRedacted}}, &clean);
    }
  }
  RedactAfter("pk_", clean);
  RedactAfter("Bearer ", clean);
  RedactAfter("bearer ", clean);
  return clean;
}

void Write(int level, absl::string_view message, std::initializer_list<Field> fields) {
  State& state = GetState();
  if (!IsWritten(level)) return;
  std::string service;
  {
    std::lock_guard<std::mutex> lock(state.mutex);
    service = state.service;
  }
  std::string line =
      absl::StrCat("{\"time\":\"", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone()),
                   "\",\"level\":\"", kLevelNames[level], "\",\"service\":", Quoted(service),
                   ",\"message\":", Quoted(Redact(message)));
  for (const Field& field : fields) {
    if (!field.json_.empty()) absl::StrAppend(&line, ",", field.json_);
  }
  absl::StrAppend(&line, "}\n");
  if (auto sink = state.sink.load()) {
    sink(line);
  } else {
    WriteAll(line);
  }
}

void SetService(absl::string_view name) {
  State& state = GetState();
  std::lock_guard<std::mutex> lock(state.mutex);
  state.service = std::string(name);
}

void SetLevel(Level level) { GetState().level = level; }

bool IsWritten(int level) { return level >= GetState().level.load(std::memory_order_relaxed); }

std::optional<Level> ParseLevel(absl::string_view name) {
  for (int level = kDebug; level <= kError; ++level) {
    if (name == kLevelNames[level]) return static_cast<Level>(level);
  }
  return std::nullopt;
}

void RegisterSecret(absl::string_view secret) {
  if (secret.size() < kSecretSizeMin) return;
  State& state = GetState();
  std::lock_guard<std::mutex> lock(state.mutex);
  if (std::find(state.secrets.begin(), state.secrets.end(), secret) == state.secrets.end()) {
    state.secrets.emplace_back(secret);
  }
}

void SetSink(void (*sink)(absl::string_view line)) { GetState().sink = sink; }

}  // namespace prismatic::log
