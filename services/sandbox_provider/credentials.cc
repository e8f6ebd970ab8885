#include "services/sandbox_provider/credentials.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/strip.h"
#include "services/common/crypto/crypto.h"

namespace prismatic::sandbox {
namespace {

bool HasScheme(const http::Request& request, absl::string_view scheme, absl::string_view key) {
  absl::string_view given = request.header("authorization");
  return absl::ConsumePrefix(&given, scheme) && crypto::ConstantTimeEquals(given, key);
}

}  // namespace

bool HasBearer(const http::Request& request, absl::string_view key) {
  return HasScheme(request, "Bearer ", key);
}

bool HasKey(const http::Request& request, absl::string_view key) { return HasScheme(request, "Key ", key); }

bool HasBasic(const http::Request& request, absl::string_view key) {
  absl::string_view given = request.header("authorization");
  std::string pair;
  if (!absl::ConsumePrefix(&given, "Basic ") || !absl::Base64Unescape(given, &pair)) return false;
  if (crypto::ConstantTimeEquals(pair, key)) return true;
  size_t colon = pair.find(':');
  return colon != std::string::npos && crypto::ConstantTimeEquals(pair.substr(colon + 1), key);
}

bool HasInHeader(const http::Request& request, absl::string_view name, absl::string_view key) {
  return crypto::ConstantTimeEquals(request.header(name), key);
}

absl::string_view CredentialHeader(const http::Request& request) {
  for (absl::string_view name : {"authorization", "proxy-authorization", "x-key", "api-key", "x-api-key",
                                 "x-goog-api-key", "cookie"}) {
    if (!request.header(name).empty()) return name;
  }
  return "";
}

}  // namespace prismatic::sandbox
