#include "services/model_registry/endpoint_values.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/model_registry/catalog_values.h"

namespace prismatic::model_registry {
namespace {

constexpr size_t kPathMax = 512;
constexpr size_t kNameMax = 64;
constexpr size_t kValueMax = 1024;

// Whoever sends the request writes them; a second one would be read differently by different servers.
constexpr absl::string_view kSendersHeaders[] = {
    "Host",   "Content-Length",  "Transfer-Encoding", "Connection", "Content-Type", "Content-Encoding",
    "Expect", "Keep-Alive",      "Accept-Encoding",   "TE",         "Trailer",      "Upgrade",
    "Cookie", "Proxy-Connection"};

template <typename Allowed>
bool AllOf(absl::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return allowed(static_cast<unsigned char>(c)); });
}

// RFC 9110's token.
bool IsToken(absl::string_view name) {
  return !name.empty() && name.size() <= kNameMax && AllOf(name, [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", static_cast<char>(c));
  });
}

bool IsSendersHeader(absl::string_view name) {
  return std::any_of(std::begin(kSendersHeaders), std::end(kSendersHeaders),
                     [&](absl::string_view other) { return absl::EqualsIgnoreCase(name, other); });
}

// `apiKey-v2` -> api, key, v2.
std::vector<std::string> WordsOf(absl::string_view name) {
  std::vector<std::string> words(1);
  bool was_lower = false;
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    bool starts = was_lower && absl::ascii_isupper(byte);
    if ((starts || !absl::ascii_isalnum(byte)) && !words.back().empty()) words.emplace_back();
    if (absl::ascii_isalnum(byte)) words.back() += absl::ascii_tolower(byte);
    was_lower = absl::ascii_islower(byte);
  }
  return words;
}

constexpr char kTokenForm[] = "must be 1 to 64 letters, digits and - _ . as in a header's name";

std::string SecretsBelongElsewhere(absl::string_view name) {
  return absl::StrCat("`", name,
                      "` speaks of a secret, and the catalog holds none: name the credential under "
                      "`credential`, as env:PROVIDER_KEY_NAME or file:NAME, and the header that carries it "
                      "under `auth_header`");
}

}  // namespace

bool SpeaksOfSecrets(absl::string_view name) {
  std::string lower = absl::AsciiStrToLower(name);
  for (absl::string_view part : {"apikey", "token", "secret", "passw", "credential", "authori"}) {
    if (absl::StrContains(lower, part)) return true;
  }
  for (const std::string& word : WordsOf(name)) {
    for (absl::string_view said : {"key", "keys", "auth", "sig", "signature", "jwt", "bearer", "pwd"}) {
      if (word == said) return true;
    }
  }
  return false;
}

std::string CheckEndpointPath(absl::string_view path) {
  if (path.size() > kPathMax) return absl::StrCat("must be at most ", kPathMax, " characters");
  if (!absl::StartsWith(path, "/")) return "must begin with a slash";
  if (absl::StrContains(path, '?')) return "must not hold `?`; put a query under `query`";
  if (absl::StrContains(path, '#')) return "must not hold `#`";
  std::string filled = absl::StrReplaceAll(path, {{"{model}", "model"}});
  if (absl::StrContains(filled, '{') || absl::StrContains(filled, '}')) {
    return "only `{model}` is filled in; no other braces";
  }
  bool plain = AllOf(filled, [](unsigned char c) {
    return absl::ascii_isgraph(c) && c != '%' && c != '\\' && c != '"' && c != '<' && c != '>';
  });
  if (!plain) return "must be plain printable ASCII without blanks, % and backslashes";
  for (absl::string_view part : absl::StrSplit(filled.substr(1), '/')) {
    if (part == ".." || part == ".") return "must not hold `..` or `.`";
    if (part.empty()) return "must not hold `//` or end in a slash";
  }
  return "";
}

std::string CheckAuthHeader(absl::string_view name) {
  if (!IsToken(name)) return kTokenForm;
  return IsSendersHeader(name)
             ? "is written by whoever sends the request; name the header that carries the credential"
             : "";
}

std::string CheckHeaderName(absl::string_view name) {
  if (!IsToken(name)) return kTokenForm;
  if (IsSendersHeader(name)) return "must not be set: whoever sends the request writes this header";
  return SpeaksOfSecrets(name) ? SecretsBelongElsewhere(name) : "";
}

std::string CheckHeaderValue(absl::string_view value) {
  bool fine = !value.empty() && value.size() <= kValueMax && value.front() != ' ' && value.back() != ' ' &&
              AllOf(value, [](unsigned char c) { return absl::ascii_isprint(c); });
  return fine ? "" : "must be 1 to 1024 printable ASCII characters without control characters";
}

std::string CheckQueryName(absl::string_view name) {
  bool fine = !name.empty() && name.size() <= kNameMax && AllOf(name, absl::ascii_isgraph);
  if (!fine) return "must be 1 to 64 printable ASCII characters without blanks";
  return SpeaksOfSecrets(name) ? SecretsBelongElsewhere(name) : "";
}

std::string CheckQueryValue(absl::string_view value) {
  bool fine =
      value.size() <= kValueMax && AllOf(value, [](unsigned char c) { return !absl::ascii_iscntrl(c); });
  return fine ? "" : "must be at most 1024 bytes without control characters";
}

std::string CheckEgressProxy(absl::string_view proxy) {
  constexpr char kForm[] = "must be `direct` or http://host:port, without user, path and query";
  if (proxy == "direct") return "";
  absl::string_view authority = proxy;
  if (proxy.size() > 300 || !absl::ConsumePrefix(&authority, "http://")) return kForm;
  if (!CheckHost(authority).empty() || absl::EndsWith(authority, "]")) return kForm;
  // A bare IPv6 address passes CheckHost; here it would hide the port.
  size_t colon = authority.rfind(':');
  bool bare_address6 = !absl::StartsWith(authority, "[") && authority.find(':') != colon;
  return colon == absl::string_view::npos || bare_address6 ? kForm : "";
}

std::string CheckPollHost(absl::string_view host) {
  constexpr char kForm[] = "must be a host name, or `*.` and a host name, without scheme, port and path";
  absl::string_view name = host;
  bool below = absl::ConsumePrefix(&name, "*.");
  if (absl::StrContains(name, ':') || absl::StrContains(name, '[') || !CheckHost(name).empty()) return kForm;
  if (!below) return "";
  if (!absl::StrContains(name, '.')) {
    return "must have at least two labels below `*.`: the credential goes to every host that matches";
  }
  return absl::ascii_isdigit(static_cast<unsigned char>(name.back())) ? kForm : "";
}

std::string CheckModelInPath(absl::string_view model) {
  for (absl::string_view part : absl::StrSplit(model, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return "becomes a part of the path, so it must be plain, without //, . and ..";
    }
  }
  return "";
}

}  // namespace prismatic::model_registry
