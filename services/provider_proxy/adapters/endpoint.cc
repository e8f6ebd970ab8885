#include "services/provider_proxy/adapters/endpoint.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace prismatic::provider_proxy {
namespace {

// Everything but RFC 3986's unreserved characters and those in `kept`.
std::string Escaped(absl::string_view text, absl::string_view kept) {
  std::string out;
  for (char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", c) || absl::StrContains(kept, c)) {
      out += c;
    } else {
      constexpr char kHex[] = "0123456789ABCDEF";
      auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

AuthScheme SchemeOf(const catalog::v1::Endpoint& endpoint, const EndpointDefaults& defaults) {
  switch (endpoint.auth_scheme()) {
    case catalog::v1::AUTH_SCHEME_BEARER:
      return AuthScheme::kBearer;
    case catalog::v1::AUTH_SCHEME_KEY:
      return AuthScheme::kKey;
    case catalog::v1::AUTH_SCHEME_BASIC:
      return AuthScheme::kBasic;
    case catalog::v1::AUTH_SCHEME_PLAIN:
      return AuthScheme::kPlain;
    default:
      break;
  }
  if (endpoint.auth_header().empty()) return defaults.auth_scheme;
  return absl::EqualsIgnoreCase(endpoint.auth_header(), "Authorization") ? AuthScheme::kBearer
                                                                         : AuthScheme::kPlain;
}

}  // namespace

HttpRequest AddressedRequest(const Target& target, const EndpointDefaults& defaults,
                             bool has_reference_images) {
  const catalog::v1::Endpoint& endpoint = target.provider.endpoint();
  absl::string_view path = endpoint.path().empty() ? defaults.path : absl::string_view(endpoint.path());
  if (has_reference_images) {
    if (!endpoint.reference_path().empty()) {
      path = endpoint.reference_path();
    } else if (endpoint.path().empty() && !defaults.reference_path.empty()) {
      path = defaults.reference_path;
    }
  }
  HttpRequest http;
  http.url =
      absl::StrCat(target.provider.base_url(),
                   absl::StrReplaceAll(path, {{"{model}", Escaped(target.route.upstream_model(), "/:@")}}));
  char separator = absl::StrContains(http.url, '?') ? '&' : '?';
  for (const catalog::v1::NameValue& each : endpoint.query()) {
    absl::StrAppend(&http.url, absl::string_view(&separator, 1), Escaped(each.name(), ""), "=",
                    Escaped(each.value(), ""));
    separator = '&';
  }
  http.headers.emplace_back("Content-Type", "application/json");
  for (const catalog::v1::NameValue& each : endpoint.headers()) {
    // A provider may want a parameter behind it; two of them would be a malformed request.
    if (absl::EqualsIgnoreCase(each.name(), "Content-Type")) {
      http.headers.front().second = each.value();
    } else {
      http.headers.emplace_back(each.name(), each.value());
    }
  }
  http.auth_header =
      endpoint.auth_header().empty() ? std::string(defaults.auth_header) : endpoint.auth_header();
  http.auth_scheme = SchemeOf(endpoint, defaults);
  return http;
}

}  // namespace prismatic::provider_proxy
