#include "services/model_registry/catalog_values.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace prismatic::model_registry {
namespace {

constexpr char kCredentialForm[] = "must be env:PROVIDER_KEY_NAME or file:NAME, never the credential itself";

template <typename Allowed>
bool AllOf(absl::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return allowed(static_cast<unsigned char>(c)); });
}

bool IsHostLabel(absl::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         AllOf(label, [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; });
}

bool IsAddress6(absl::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool IsAddress4(absl::string_view text) {
  in_addr address;
  return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

// What URL readers take for a part of an IPv4 address, also as in `127.1` and `0x7f000001`.
bool IsAddressPart(absl::string_view label) {
  if (absl::ConsumePrefix(&label, "0x") || absl::ConsumePrefix(&label, "0X")) {
    return AllOf(label, absl::ascii_isxdigit);
  }
  return AllOf(label, absl::ascii_isdigit);
}

bool IsHostName(absl::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  if (IsAddressPart(host.substr(host.rfind('.') + 1))) return IsAddress4(host);
  for (absl::string_view label : absl::StrSplit(host, '.')) {
    if (!IsHostLabel(label)) return false;
  }
  return true;
}

bool IsPort(absl::string_view text) {
  int port;
  return AllOf(text, absl::ascii_isdigit) && !absl::StartsWith(text, "0") && absl::SimpleAtoi(text, &port) &&
         port >= 1 && port <= 65535;
}

// host, host:port, [v6] or [v6]:port.
bool IsAuthority(absl::string_view authority) {
  if (absl::ConsumePrefix(&authority, "[")) {
    size_t close = authority.find(']');
    if (close == absl::string_view::npos || !IsAddress6(authority.substr(0, close))) return false;
    absl::string_view rest = authority.substr(close + 1);
    return rest.empty() || (absl::ConsumePrefix(&rest, ":") && IsPort(rest));
  }
  size_t colon = authority.find(':');
  if (!IsHostName(authority.substr(0, colon))) return false;
  return colon == absl::string_view::npos || IsPort(authority.substr(colon + 1));
}

}  // namespace

std::string CheckProviderName(absl::string_view name) {
  bool fine = !name.empty() && name.size() <= 40 && AllOf(name, [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
  return fine ? "" : "must be 1 to 40 of a-z, 0-9 and -";
}

std::string CheckModelId(absl::string_view id) {
  bool fine = !id.empty() && id.size() <= 128 && absl::ascii_isalnum(static_cast<unsigned char>(id[0])) &&
              AllOf(id, [](unsigned char c) {
                return absl::ascii_isalnum(c) || absl::StrContains("._:/@+-", static_cast<char>(c));
              });
  return fine ? "" : "must be 1 to 128 letters, digits and . _ : / @ + -, beginning with a letter or digit";
}

std::string CheckUpstreamModel(absl::string_view id) {
  bool fine = !id.empty() && id.size() <= 256 && AllOf(id, absl::ascii_isgraph);
  return fine ? "" : "must be 1 to 256 printable ASCII characters without blanks";
}

std::string CheckBaseUrl(absl::string_view url) {
  absl::string_view rest = url;
  if (url.size() > 2048) return "must be at most 2048 characters";
  if (!absl::ConsumePrefix(&rest, "https://") && !absl::ConsumePrefix(&rest, "http://")) {
    return "must begin with http:// or https://";
  }
  if (!AllOf(rest, absl::ascii_isgraph)) return "must be printable ASCII without blanks";
  if (absl::StrContains(rest, '@')) return "must not carry a user or password";
  if (absl::StrContains(rest, '?') || absl::StrContains(rest, '#'))
    return "must not have a query or a fragment";
  size_t slash = rest.find('/');
  if (!IsAuthority(rest.substr(0, slash))) return "must name a host, with an optional port from 1 to 65535";
  if (absl::EndsWith(rest, "/")) return "must not end in /";
  if (slash == absl::string_view::npos) return "";
  for (absl::string_view part : absl::StrSplit(rest.substr(slash + 1), '/')) {
    if (part.empty() || part == "." || part == "..") return "must have a plain path, without //, . and ..";
  }
  return absl::StrContains(rest, '\\') ? "must not contain a backslash" : "";
}

std::string CheckCredential(absl::string_view credential) {
  if (credential.size() > 128) return kCredentialForm;
  if (absl::ConsumePrefix(&credential, "env:")) {
    bool fine = absl::ConsumePrefix(&credential, "PROVIDER_KEY_") && !credential.empty() &&
                AllOf(credential, [](unsigned char c) {
                  return absl::ascii_isupper(c) || absl::ascii_isdigit(c) || c == '_';
                });
    return fine ? "" : "an env: credential must begin with PROVIDER_KEY_ and go on in A-Z, 0-9 and _";
  }
  if (absl::ConsumePrefix(&credential, "file:")) {
    bool fine = !credential.empty() && credential[0] != '.' && AllOf(credential, [](unsigned char c) {
      return absl::ascii_isalnum(c) || absl::StrContains("._-", static_cast<char>(c));
    });
    return fine ? ""
                : "a file: credential must be a plain name of letters, digits and . _ -, without folders";
  }
  return kCredentialForm;
}

std::string CheckHost(absl::string_view host) {
  bool fine = IsAuthority(host) || IsAddress6(host);
  return fine ? "" : "must be a host name or an IP address, perhaps with a port, without scheme and path";
}

std::string NormalHost(absl::string_view host) {
  bool bare = IsAddress6(host);
  if (!bare && !absl::StartsWith(host, "[")) return absl::AsciiStrToLower(host);
  size_t close = bare ? host.size() : host.find(']');
  absl::string_view address = bare ? host : host.substr(1, close - 1);
  in6_addr binary;
  char text[INET6_ADDRSTRLEN] = "";
  inet_pton(AF_INET6, std::string(address).c_str(), &binary);
  inet_ntop(AF_INET6, &binary, text, sizeof(text));
  return absl::StrCat("[", text, "]", bare ? "" : host.substr(close + 1));
}

std::string CheckOwner(absl::string_view owner) {
  bool fine = owner.size() <= 128 && !AllOf(owner, absl::ascii_isspace) &&
              AllOf(owner, [](unsigned char c) { return !absl::ascii_iscntrl(c); });
  return fine ? "" : "must be 1 to 128 bytes without control characters";
}

}  // namespace prismatic::model_registry
