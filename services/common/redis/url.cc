#include "services/common/redis/url.h"

#include <sys/un.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/common/log/log.h"
#include "services/common/status/status_macros.h"

namespace prismatic::redis {
namespace {

constexpr char kForms[] =
    "redis://[user:password@]host[:port], rediss://..., unix:///path/to/socket or "
    "redis+sentinel://[user:password@]host:port,host:port/master-name";
constexpr int kRedisPort = 6379;
constexpr int kSentinelPort = 26379;
// More replicas than anybody runs; a typing error beyond.
constexpr int kWaitMax = 16;

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the Redis URL ", why, "; expected ", kForms));
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

bool OnlyOf(absl::string_view text, absl::string_view more) {
  for (char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && !absl::StrContains(more, c)) return false;
  }
  return !text.empty();
}

absl::Status ParseCredentials(absl::string_view text, Credentials& credentials) {
  size_t colon = text.find(':');
  std::optional<std::string> user = PercentDecode(text.substr(0, colon));
  std::optional<std::string> password =
      PercentDecode(colon == absl::string_view::npos ? absl::string_view() : text.substr(colon + 1));
  if (!user || !password) return Malformed("has a malformed %-escape in its credentials");
  if (colon != absl::string_view::npos && password->empty()) return Malformed("has an empty password");
  credentials.user = *user;
  credentials.password = *password;
  return absl::OkStatus();
}

// --- addresses ---

absl::Status ParsePort(absl::string_view text, NodeAddress& node) {
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return Malformed("has a port that is no number");
  }
  if (!absl::SimpleAtoi(text, &node.port) || node.port < 1 || node.port > 65535) {
    return Malformed("has a port outside 1 to 65535");
  }
  return absl::OkStatus();
}

absl::StatusOr<NodeAddress> ParseHostPort(absl::string_view text, int default_port) {
  NodeAddress node{.port = default_port};
  absl::string_view rest;
  if (absl::StartsWith(text, "[")) {
    size_t close = text.find(']');
    if (close == absl::string_view::npos) return Malformed("has `[` without `]`");
    node.host = std::string(text.substr(1, close - 1));
    rest = text.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') return Malformed("has something other than a port behind `]`");
  } else {
    size_t colon = text.find(':');
    node.host = std::string(text.substr(0, colon));
    rest = colon == absl::string_view::npos ? absl::string_view() : text.substr(colon);
    if (absl::StrContains(rest.substr(rest.empty() ? 0 : 1), ":")) {
      return Malformed("has several `:` in its address (write IPv6 addresses as [::1])");
    }
  }
  if (node.host.empty()) return Malformed("names no host");
  for (char c : node.host) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)))
      return Malformed("has a host with blanks or control characters");
  }
  if (!rest.empty()) RETURN_IF_ERROR(ParsePort(rest.substr(1), node));
  return node;
}

// `text` is what follows the credentials, without the options.
absl::Status ParseServer(absl::string_view text, Endpoint& endpoint) {
  size_t slash = text.find('/');
  if (slash != absl::string_view::npos) {
    absl::string_view path = text.substr(slash);
    if (path != "/" && path != "/0") return Malformed("names a database; only database 0 is used");
    text = text.substr(0, slash);
  }
  ASSIGN_OR_RETURN(NodeAddress node, ParseHostPort(text, kRedisPort));
  endpoint.nodes.push_back(std::move(node));
  return absl::OkStatus();
}

absl::Status ParseUnix(absl::string_view text, Endpoint& endpoint) {
  std::optional<std::string> path = PercentDecode(text);
  if (!path) return Malformed("has a malformed %-escape in its path");
  if (!absl::StartsWith(*path, "/")) return Malformed("has no absolute path behind unix://");
  if (path->size() >= sizeof(sockaddr_un{}.sun_path))
    return Malformed("has a socket path of more than 107 bytes");
  endpoint.nodes.push_back({.unix_path = *path});
  return absl::OkStatus();
}

absl::Status ParseSentinels(absl::string_view text, Endpoint& endpoint) {
  size_t slash = text.find('/');
  absl::string_view name = slash == absl::string_view::npos ? "" : text.substr(slash + 1);
  absl::ConsumeSuffix(&name, "/0");
  if (name.empty()) return Malformed("names no master behind its sentinels (host:port,.../master-name)");
  if (!OnlyOf(name, "._-")) {
    return Malformed("has a master name with other characters than letters, digits and ._-, or a database");
  }
  for (absl::string_view part : absl::StrSplit(text.substr(0, slash), ',')) {
    ASSIGN_OR_RETURN(NodeAddress node, ParseHostPort(part, kSentinelPort));
    endpoint.nodes.push_back(std::move(node));
  }
  endpoint.master_name = std::string(name);
  return absl::OkStatus();
}

// --- options ---

using OptionValues = std::map<std::string, std::string>;

absl::StatusOr<OptionValues> ReadOptions(absl::string_view query, const std::set<std::string>& known) {
  OptionValues values;
  for (absl::string_view part : absl::StrSplit(query, '&', absl::SkipEmpty())) {
    std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    std::string name(pair.first);
    // An unknown name is not repeated: it may be the rest of a password with a `?` in it.
    if (known.count(name) == 0) {
      return Malformed(
          absl::StrCat("has an option that is none of those of its scheme: ", absl::StrJoin(known, ", ")));
    }
    std::optional<std::string> value = PercentDecode(pair.second);
    if (!value) return Malformed(absl::StrCat("has a malformed %-escape in its option ", name));
    if (value->empty()) return Malformed(absl::StrCat("has an empty option ", name));
    if (!values.emplace(name, *value).second) return Malformed(absl::StrCat("has two options ", name));
  }
  return values;
}

absl::Status CheckCredentials(const Credentials& credentials, absl::string_view whose) {
  if (!credentials.password.empty() && !credentials.password_file.empty()) {
    return Malformed(absl::StrCat("has both a password and a password file", whose));
  }
  if (!credentials.user.empty() && credentials.empty()) {
    return Malformed(absl::StrCat("has a user without a password", whose,
                                  " (a `:` before the `@`, or the option password_file)"));
  }
  return absl::OkStatus();
}

absl::Status ApplyOptions(absl::string_view query, Endpoint& endpoint) {
  std::set<std::string> known = {"wait", "password_file"};
  if (endpoint.tls) known.insert({"ca_file", "cert_file", "key_file"});
  if (endpoint.sentinel()) known.insert({"sentinel_user", "sentinel_password", "sentinel_password_file"});
  ASSIGN_OR_RETURN(OptionValues values, ReadOptions(query, known));

  const std::string& wait = values["wait"];
  if (!wait.empty() && (!OnlyOf(wait, "") || !absl::SimpleAtoi(wait, &endpoint.wait_replicas) ||
                        endpoint.wait_replicas > kWaitMax)) {
    return Malformed(absl::StrCat("has an option wait that is no number from 0 to ", kWaitMax));
  }
  endpoint.credentials.password_file = values["password_file"];
  endpoint.sentinel_credentials = {.user = values["sentinel_user"],
                                   .password = values["sentinel_password"],
                                   .password_file = values["sentinel_password_file"]};
  RETURN_IF_ERROR(CheckCredentials(endpoint.credentials, ""));
  RETURN_IF_ERROR(CheckCredentials(endpoint.sentinel_credentials, " for its sentinels"));
  if (!endpoint.tls) return absl::OkStatus();
  *endpoint.tls = {
      .ca_file = values["ca_file"], .cert_file = values["cert_file"], .key_file = values["key_file"]};
  if (endpoint.tls->cert_file.empty() != endpoint.tls->key_file.empty()) {
    return Malformed("has one of cert_file and key_file; it takes both or none");
  }
  return absl::OkStatus();
}

struct Scheme {
  absl::string_view prefix;
  bool tls;
  absl::Status (*parse_address)(absl::string_view, Endpoint&);
};
constexpr Scheme kSchemes[] = {
    {"redis://", false, &ParseServer},
    {"rediss://", true, &ParseServer},
    {"unix://", false, &ParseUnix},
    {"redis+sentinel://", false, &ParseSentinels},
    {"rediss+sentinel://", true, &ParseSentinels},
};

absl::StatusOr<Endpoint> ParseBehindScheme(const Scheme& scheme, absl::string_view rest) {
  Endpoint endpoint;
  if (scheme.tls) endpoint.tls.emplace();
  // The last `@`: a password may be written with a plain one.
  size_t at = rest.rfind('@');
  if (at != absl::string_view::npos) {
    RETURN_IF_ERROR(ParseCredentials(rest.substr(0, at), endpoint.credentials));
    rest.remove_prefix(at + 1);
  }
  if (absl::StrContains(rest, '#')) return Malformed("has a `#`");
  std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(rest, absl::MaxSplits('?', 1));
  RETURN_IF_ERROR(scheme.parse_address(parts.first, endpoint));
  RETURN_IF_ERROR(ApplyOptions(parts.second, endpoint));
  return endpoint;
}

}  // namespace

std::string NodeAddress::Name() const {
  if (!unix_path.empty()) return absl::StrCat("unix://", unix_path);
  bool six = absl::StrContains(host, ":");
  return absl::StrCat(six ? "[" : "", host, six ? "]" : "", ":", port);
}

std::string Endpoint::Name() const {
  std::string names = absl::StrJoin(
      nodes, ",", [](std::string* out, const NodeAddress& node) { absl::StrAppend(out, node.Name()); });
  return sentinel() ? absl::StrCat(names, "/", master_name) : names;
}

absl::StatusOr<std::string> Credentials::Password() const {
  std::string secret = password;
  if (!password_file.empty()) {
    std::ifstream file(password_file, std::ios::binary);
    if (!file) return absl::UnavailableError(absl::StrCat("cannot read the password file ", password_file));
    secret.assign(std::istreambuf_iterator<char>(file), {});
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.empty())
      return absl::UnavailableError(absl::StrCat("the password file ", password_file, " is empty"));
  }
  log::RegisterSecret(secret);
  return secret;
}

absl::StatusOr<Endpoint> ParseUrl(absl::string_view url) {
  for (const Scheme& scheme : kSchemes) {
    if (absl::ConsumePrefix(&url, scheme.prefix)) return ParseBehindScheme(scheme, url);
  }
  return Malformed("begins with none of redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://");
}

}  // namespace prismatic::redis
