#include "gateway/admin/browser_safety.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/crypto/crypto.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

constexpr absl::string_view kSessionPrefix = "ps_";
constexpr size_t kSessionSecretSize = 43;
constexpr size_t kCredentialSizeMax = 512;
// What else is ever derived from a session's token must use another word.
constexpr absl::string_view kCsrfWord = "prismatic-admin-csrf:";

absl::Status BadCredential(absl::string_view message) {
  return Error(absl::StatusCode::kUnauthenticated, common::v1::ERROR_REASON_INVALID_API_KEY, message);
}

bool IsGraphic(char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); }

std::vector<absl::string_view> All(const http::Request& request, absl::string_view name) {
  std::vector<absl::string_view> values;
  for (const auto& [key, value] : request.headers) {
    if (absl::EqualsIgnoreCase(key, name)) values.push_back(value);
  }
  return values;
}

// Every value of the session's cookie, over all Cookie fields.
std::vector<absl::string_view> SessionCookies(const http::Request& request) {
  std::vector<absl::string_view> found;
  for (absl::string_view field : All(request, "Cookie")) {
    for (absl::string_view pair : absl::StrSplit(field, ';')) {
      pair = absl::StripAsciiWhitespace(pair);
      size_t equals = pair.find('=');
      if (equals != absl::string_view::npos && pair.substr(0, equals) == kSessionCookie) {
        found.push_back(pair.substr(equals + 1));
      }
    }
  }
  return found;
}

// `host:port` as both sides write it: without the scheme's own port, in lower case.
std::string Authority(absl::string_view scheme, absl::string_view authority) {
  absl::ConsumeSuffix(&authority, scheme == "https" ? ":443" : ":80");
  return absl::AsciiStrToLower(authority);
}

bool OriginIsHost(absl::string_view origin, absl::string_view host) {
  for (absl::string_view scheme : {"http", "https"}) {
    absl::string_view rest = origin;
    if (!absl::ConsumePrefix(&rest, scheme) || !absl::ConsumePrefix(&rest, "://")) continue;
    return !host.empty() && Authority(scheme, rest) == Authority(scheme, host);
  }
  return false;  // `null`, and whatever is no page of the web
}

}  // namespace

bool IsSessionToken(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kSessionPrefix) || text.size() != kSessionSecretSize) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

absl::StatusOr<Credential> ReadCredential(const http::Request& request) {
  std::vector<absl::string_view> fields = All(request, "Authorization");
  if (!fields.empty()) {
    absl::string_view value = fields[0];
    if (fields.size() > 1 || !absl::StartsWithIgnoreCase(value, "Bearer ")) {
      return BadCredential("The Authorization header is malformed.");
    }
    value = absl::StripAsciiWhitespace(value.substr(7));
    if (value.empty() || value.size() > kCredentialSizeMax ||
        !std::all_of(value.begin(), value.end(), IsGraphic)) {
      return BadCredential("The credential is not valid.");
    }
    return Credential{.token = std::string(value)};
  }
  std::vector<absl::string_view> cookies = SessionCookies(request);
  if (cookies.empty()) return Credential{};
  if (cookies.size() > 1 || !IsSessionToken(cookies[0])) {
    return BadCredential("The session's cookie is not valid. Sign in again.");
  }
  return Credential{.token = std::string(cookies[0]), .by_cookie = true};
}

std::string SetSessionCookie(absl::string_view token) {
  return absl::StrCat(kSessionCookie, "=", token, "; Path=/; HttpOnly; Secure; SameSite=Strict");
}

std::string ClearSessionCookie() { return absl::StrCat(SetSessionCookie(""), "; Max-Age=0"); }

std::string CsrfTokenOf(absl::string_view session_token) {
  return crypto::Sha256Hex(absl::StrCat(kCsrfWord, session_token));
}

bool IsSameOrigin(const http::Request& request) {
  std::vector<absl::string_view> sites = All(request, "Sec-Fetch-Site");
  if (sites.size() > 1) return false;
  if (!sites.empty() && sites[0] != "same-origin" && sites[0] != "none") return false;
  std::vector<absl::string_view> origins = All(request, "Origin");
  if (origins.size() > 1) return false;
  return origins.empty() || OriginIsHost(origins[0], request.header("Host"));
}

bool ProvesItsPage(const http::Request& request, absl::string_view session_token) {
  std::vector<absl::string_view> tokens = All(request, "X-CSRF-Token");
  return IsSameOrigin(request) && tokens.size() == 1 &&
         crypto::ConstantTimeEquals(tokens[0], CsrfTokenOf(session_token));
}

}  // namespace prismatic::gateway::admin
