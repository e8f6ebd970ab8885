#include "gateway/openai/request_headers.h"

#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::openai {
namespace {

// A key of ours has 112 characters at most; imported ones are seldom longer than 200.
constexpr size_t kApiKeySizeMax = 512;
constexpr size_t kIdempotencyKeySizeMax = 255;
constexpr char kIdempotencyKey[] = "Idempotency-Key";

absl::Status InvalidApiKey(absl::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY, message);
}

bool IsGraphic(char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); }
bool IsPrintable(char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); }

bool IsTwice(const http::Request& request, absl::string_view name) {
  return absl::c_count_if(request.headers, [name](const auto& header) {
           return absl::EqualsIgnoreCase(header.first, name);
         }) > 1;
}

// `charset=utf-8`, also in quotes; other parameters mean nothing for JSON.
bool IsOtherCharset(absl::string_view parameter) {
  std::vector<absl::string_view> halves = absl::StrSplit(parameter, absl::MaxSplits('=', 1));
  if (halves.size() != 2 || !absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(halves[0]), "charset"))
    return false;
  absl::string_view charset = absl::StripAsciiWhitespace(halves[1]);
  if (absl::ConsumePrefix(&charset, "\"")) absl::ConsumeSuffix(&charset, "\"");
  return !absl::EqualsIgnoreCase(charset, "utf-8") && !absl::EqualsIgnoreCase(charset, "utf8");
}

}  // namespace

absl::StatusOr<std::string> ReadApiKey(const http::Request& request) {
  absl::string_view value = request.header("Authorization");
  if (value.empty()) {
    return InvalidApiKey("You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY`.");
  }
  if (!absl::StartsWithIgnoreCase(value, "Bearer ") || IsTwice(request, "Authorization"))
    return InvalidApiKey("The Authorization header is malformed.");
  absl::string_view key = absl::StripAsciiWhitespace(value.substr(7));
  if (key.empty() || key.size() > kApiKeySizeMax || !absl::c_all_of(key, IsGraphic))
    return InvalidApiKey("Incorrect API key provided.");
  return std::string(key);
}

absl::StatusOr<std::string> ReadIdempotencyKey(const http::Request& request) {
  absl::string_view key = request.header(kIdempotencyKey);
  if (IsTwice(request, kIdempotencyKey)) {
    return InvalidValue(kIdempotencyKey, "The Idempotency-Key header is there more than once.");
  }
  if (key.size() > kIdempotencyKeySizeMax || !absl::c_all_of(key, IsPrintable)) {
    return InvalidValue(kIdempotencyKey,
                        "The Idempotency-Key header must have at most 255 printable ASCII characters.");
  }
  return std::string(key);
}

absl::Status UnsupportedMediaType(absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_UNSUPPORTED_MEDIA_TYPE, message);
}

absl::Status CheckContentType(const http::Request& request) {
  std::vector<absl::string_view> parts = absl::StrSplit(request.header("Content-Type"), ';');
  bool json = absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]), "application/json");
  if (!json || IsTwice(request, "Content-Type") || absl::c_any_of(parts, IsOtherCharset)) {
    return UnsupportedMediaType("The body must be application/json in UTF-8.");
  }
  return absl::OkStatus();
}

TraceContext ReadTrace(const http::Request& request) {
  IncomingTrace incoming;
  for (const auto& [name, value] : request.headers) {
    if (absl::EqualsIgnoreCase(name, kTraceparentKey)) incoming.AddTraceparent(value);
    if (absl::EqualsIgnoreCase(name, kTracestateKey)) incoming.AddTracestate(value);
  }
  return incoming.Continue();
}

}  // namespace prismatic::gateway::openai
