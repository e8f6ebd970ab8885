#include "services/common/redis/url.h"

#include <sys/un.h>

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace prismatic::redis {
namespace {

constexpr char kForms[] = "redis://[user:password@]host[:port] or unix:///path/to/socket";

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the Redis URL ", why, "; expected ", kForms));
}

absl::Status NotYet(absl::string_view scheme, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the Redis URL begins with ", scheme, ": ", what,
                                                 " is not supported yet; expected ", kForms));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> PercentDecode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    int high = HexDigit(text[i + 1]);
    int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

absl::Status ParseCredentials(absl::string_view text, Endpoint& endpoint) {
  size_t colon = text.find(':');
  if (colon == absl::string_view::npos)
    return Malformed("has a user without a password (a `:` before the `@`)");
  std::optional<std::string> user = PercentDecode(text.substr(0, colon));
  std::optional<std::string> password = PercentDecode(text.substr(colon + 1));
  if (!user || !password) return Malformed("has a malformed %-escape in its credentials");
  if (password->empty()) return Malformed("has an empty password");
  endpoint.user = *user;
  endpoint.password = *password;
  return absl::OkStatus();
}

absl::Status ParsePort(absl::string_view text, Endpoint& endpoint) {
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return Malformed("has a port that is no number");
  }
  if (!absl::SimpleAtoi(text, &endpoint.port) || endpoint.port < 1 || endpoint.port > 65535) {
    return Malformed("has a port outside 1 to 65535");
  }
  return absl::OkStatus();
}

absl::Status ParseHostPort(absl::string_view text, Endpoint& endpoint) {
  absl::string_view rest;
  if (absl::StartsWith(text, "[")) {
    size_t close = text.find(']');
    if (close == absl::string_view::npos) return Malformed("has `[` without `]`");
    endpoint.host = std::string(text.substr(1, close - 1));
    rest = text.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') return Malformed("has something other than a port behind `]`");
  } else {
    size_t colon = text.find(':');
    endpoint.host = std::string(text.substr(0, colon));
    rest = colon == absl::string_view::npos ? absl::string_view() : text.substr(colon);
    if (absl::StrContains(rest.substr(rest.empty() ? 0 : 1), ":")) {
      return Malformed("has several `:` in its address (write IPv6 addresses as [::1])");
    }
  }
  if (endpoint.host.empty()) return Malformed("names no host");
  for (char c : endpoint.host) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)))
      return Malformed("has a host with blanks or control characters");
  }
  return rest.empty() ? absl::OkStatus() : ParsePort(rest.substr(1), endpoint);
}

absl::StatusOr<Endpoint> ParseUnix(absl::string_view path) {
  if (!absl::StartsWith(path, "/")) return Malformed("has no absolute path behind unix://");
  if (path.size() >= sizeof(sockaddr_un{}.sun_path))
    return Malformed("has a socket path of more than 107 bytes");
  Endpoint endpoint;
  endpoint.unix_path = std::string(path);
  return endpoint;
}

}  // namespace

std::string Endpoint::Name() const {
  if (!unix_path.empty()) return absl::StrCat("unix://", unix_path);
  bool six = absl::StrContains(host, ":");
  return absl::StrCat(six ? "[" : "", host, six ? "]" : "", ":", port);
}

absl::StatusOr<Endpoint> ParseUrl(absl::string_view url) {
  if (absl::ConsumePrefix(&url, "unix://")) return ParseUnix(url);
  if (absl::StartsWith(url, "rediss://")) return NotYet("rediss://", "TLS");
  if (absl::StartsWith(url, "redis+sentinel://")) return NotYet("redis+sentinel://", "Sentinel");
  if (!absl::ConsumePrefix(&url, "redis://")) return Malformed("begins with neither redis:// nor unix://");

  Endpoint endpoint;
  size_t at = url.rfind('@');
  if (at != absl::string_view::npos) {
    absl::Status credentials = ParseCredentials(url.substr(0, at), endpoint);
    if (!credentials.ok()) return credentials;
    url.remove_prefix(at + 1);
  }
  size_t slash = url.find_first_of("/?#");
  if (slash != absl::string_view::npos) {
    absl::string_view path = url.substr(slash);
    if (path != "/" && path != "/0") return Malformed("names a database or options; only database 0 is used");
    url = url.substr(0, slash);
  }
  absl::Status address = ParseHostPort(url, endpoint);
  if (!address.ok()) return address;
  return endpoint;
}

}  // namespace prismatic::redis
