#include "services/common/http/head.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace prismatic::http {
namespace {

// A request line with the longest target, and some room for the method and the version.
constexpr size_t kRequestLineBytesMax = kTargetBytesMax + 64;
// 18 digits fit an int64.
constexpr size_t kLengthDigitsMax = 18;

struct Field {
  absl::string_view name;
  absl::string_view value;
};

bool Is(absl::string_view name, absl::string_view other) { return absl::EqualsIgnoreCase(name, other); }

template <typename Names>
bool IsOneOf(absl::string_view name, const Names& names) {
  return std::any_of(std::begin(names), std::end(names), [&](absl::string_view n) { return Is(name, n); });
}

constexpr absl::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
constexpr absl::string_view kBodylessMethods[] = {"GET", "HEAD", "OPTIONS"};
constexpr absl::string_view kPublicFields[] = {
    "host",         "authorization", "content-type", "idempotency-key",
    "x-request-id", "traceparent",   "tracestate",   "user-agent"};
constexpr absl::string_view kAdminFields[] = {"cookie",       "origin",        "sec-fetch-site",
                                              "x-csrf-token", "if-none-match", "x-forwarded-for"};
// Hop by hop, or what would make the library act by itself. The last four it adds itself.
constexpr absl::string_view kNeverPassed[] = {
    "accept-encoding",   "range",       "connection",     "keep-alive",       "proxy-connection", "te",
    "trailer",           "upgrade",     "content-length", "content-encoding", "expect",           "if-range",
    "transfer-encoding", "remote_addr", "remote_port",    "local_addr",       "local_port"};
// Two of these would be read differently by different readers.
constexpr absl::string_view kSingleFields[] = {
    "host",         "content-length",   "transfer-encoding", "authorization",
    "content-type", "content-encoding", "idempotency-key",   "expect",
    "x-request-id"};

bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("!#$%&'*+-.^_`|~", c);
  });
}

// Visible characters, spaces, tabs, and what is beyond ASCII.
bool IsValue(absl::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool IsTarget(absl::string_view target) {
  if (target.empty() || target.front() != '/') return false;
  for (size_t i = 0; i < target.size(); ++i) {
    auto byte = static_cast<unsigned char>(target[i]);
    if (byte <= 0x20 || byte >= 0x7f || target[i] == '#' || target[i] == '\\') return false;
    if (target[i] != '%') continue;
    absl::string_view digits = target.substr(i + 1, 2);
    if (digits.size() < 2 || !absl::ascii_isxdigit(static_cast<unsigned char>(digits[0])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(digits[1]))) {
      return false;
    }
    // A control character in disguise.
    if (digits[0] == '0' || digits[0] == '1' || absl::EqualsIgnoreCase(digits, "7f")) return false;
  }
  return true;
}

bool IsHost(absl::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(".-_:[]", c);
  });
}

int ReadRequestLine(absl::string_view line, Head& head) {
  std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
  if (parts.size() != 3 || !IsToken(parts[0])) return 400;
  head.method = std::string(parts[0]);
  if (parts[1].size() > kTargetBytesMax) return 414;
  if (parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0")
    return absl::StartsWith(parts[2], "HTTP/") ? 505 : 400;
  head.http10 = parts[2] == "HTTP/1.0";
  head.keep_alive = !head.http10;
  if (std::find(std::begin(kMethods), std::end(kMethods), parts[0]) == std::end(kMethods)) return 405;
  if (!IsTarget(parts[1])) return 400;
  head.target = std::string(parts[1]);
  return 0;
}

int ReadFields(absl::string_view lines, std::vector<Field>& fields) {
  while (!lines.empty()) {
    size_t end = lines.find("\r\n");
    absl::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    if (fields.size() == kFieldsMax) return 431;
    size_t colon = line.find(':');
    // A name that ends in a space, or a line that begins with one (folding), has no token before the colon.
    if (colon == absl::string_view::npos || !IsToken(line.substr(0, colon))) return 400;
    Field field{line.substr(0, colon), absl::StripAsciiWhitespace(line.substr(colon + 1))};
    if (!IsValue(line.substr(colon + 1))) return 400;
    bool second =
        std::any_of(fields.begin(), fields.end(), [&](const Field& f) { return Is(f.name, field.name); });
    if (second && IsOneOf(field.name, kSingleFields)) return 400;
    fields.push_back(field);
  }
  return 0;
}

const Field* Find(const std::vector<Field>& fields, absl::string_view name) {
  auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return Is(f.name, name); });
  return found == fields.end() ? nullptr : &*found;
}

int ReadFraming(const std::vector<Field>& fields, int64_t body_bytes_max, Head& head) {
  const Field* host = Find(fields, "host");
  if (host == nullptr ? !head.http10 : !IsHost(host->value)) return 400;
  const Field* length = Find(fields, "content-length");
  const Field* coding = Find(fields, "transfer-encoding");
  if (coding != nullptr) {
    if (length != nullptr || head.http10) return 400;
    if (!Is(coding->value, "chunked")) return 501;
    head.chunked = true;
  }
  if (length != nullptr) {
    absl::string_view digits = length->value;
    bool number = !digits.empty() && digits.size() <= kLengthDigitsMax &&
                  std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit);
    if (!number || !absl::SimpleAtoi(digits, &head.content_length)) return 400;
  }
  if (head.has_body() && IsOneOf(head.method, kBodylessMethods)) return 400;
  const Field* encoding = Find(fields, "content-encoding");
  if (encoding != nullptr && !Is(encoding->value, "identity")) return 415;
  if (head.content_length > body_bytes_max) return 413;
  const Field* expect = Find(fields, "expect");
  if (expect != nullptr && !Is(expect->value, "100-continue")) return 417;
  head.expects_continue = expect != nullptr && !head.http10;
  head.has_credential = Find(fields, "authorization") != nullptr || Find(fields, "cookie") != nullptr;
  return 0;
}

void ReadConnection(const std::vector<Field>& fields, Head& head) {
  for (const Field& field : fields) {
    if (!Is(field.name, "connection")) continue;
    for (absl::string_view option : absl::StrSplit(field.value, ',')) {
      option = absl::StripAsciiWhitespace(option);
      if (Is(option, "close")) {
        head.keep_alive = false;
        return;
      }
      if (Is(option, "keep-alive")) head.keep_alive = true;
    }
  }
}

bool IsPassed(absl::string_view name, Fields fields) {
  if (fields == Fields::kAll) return !IsOneOf(name, kNeverPassed);
  return IsOneOf(name, kPublicFields) || absl::StartsWithIgnoreCase(name, "x-stainless-") ||
         (fields == Fields::kAdmin && IsOneOf(name, kAdminFields));
}

// The HTTP library takes no longer line.
constexpr size_t kPassedLineBytesMax = 8192;
// A trace refuses no request: of a value that is too long for one, so much is passed on that this shows.
constexpr absl::string_view kTraceFields[] = {"traceparent", "tracestate"};
constexpr size_t kTraceValueBytesMax = 1024;

// The head written anew; empty when a field is too long.
std::string Rewrite(const Head& head, const std::vector<Field>& fields, Fields passed) {
  // The library splits at each question mark; only the first one means something.
  size_t query = std::min(head.target.find('?'), head.target.size() - 1) + 1;
  std::string text =
      absl::StrCat(head.method, " ", head.target.substr(0, query),
                   absl::StrReplaceAll(head.target.substr(query), {{"?", "%3F"}}), " HTTP/1.1\r\n");
  for (const Field& field : fields) {
    if (!IsPassed(field.name, passed)) continue;
    size_t begin = text.size();
    absl::string_view value = field.value;
    if (IsOneOf(field.name, kTraceFields)) value = value.substr(0, kTraceValueBytesMax);
    absl::StrAppend(&text, field.name, ": ", absl::StrReplaceAll(value, {{"%", "%25"}}), "\r\n");
    if (text.size() - begin > kPassedLineBytesMax) return "";
  }
  absl::StrAppend(&text, "Content-Length: 0\r\n\r\n");
  return text;
}

}  // namespace

HeadScanner::Result HeadScanner::Scan(absl::string_view bytes) {
  // A TLS handshake and most other things that are not HTTP show at once.
  if (scanned_ == 0 && !bytes.empty() && !absl::ascii_isalpha(static_cast<unsigned char>(bytes[0]))) {
    return Result::kMalformed;
  }
  while (true) {
    size_t end = bytes.find('\n', scanned_);
    if (end == absl::string_view::npos) break;
    if (end == 0 || bytes[end - 1] != '\r') return Result::kMalformed;
    if (end + 1 > kHeadBytesMax) return Result::kTooLarge;
    bool empty_line = end == line_ + 1;
    line_ = scanned_ = end + 1;
    if (empty_line) return Result::kComplete;
  }
  scanned_ = bytes.size();
  if (line_ == 0 && bytes.size() > kRequestLineBytesMax) return Result::kTargetTooLong;
  return bytes.size() > kHeadBytesMax ? Result::kTooLarge : Result::kMore;
}

Head ReadHead(absl::string_view bytes, Fields fields, int64_t body_bytes_max) {
  Head head;
  size_t line_end = bytes.find("\r\n");
  std::vector<Field> read;
  head.refusal = ReadRequestLine(bytes.substr(0, line_end), head);
  // Without the empty line at the end.
  absl::string_view lines = bytes.substr(line_end + 2);
  lines.remove_suffix(2);
  if (head.refusal == 0) head.refusal = ReadFields(lines, read);
  if (head.refusal == 0) head.refusal = ReadFraming(read, body_bytes_max, head);
  if (head.refusal != 0) return head;
  ReadConnection(read, head);
  head.rewritten = Rewrite(head, read, fields);
  if (head.rewritten.empty()) head.refusal = 431;
  return head;
}

}  // namespace prismatic::http
