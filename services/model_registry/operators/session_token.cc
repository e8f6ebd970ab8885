#include "services/model_registry/operators/session_token.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/crypto/crypto.h"

namespace prismatic::model_registry {
namespace {

constexpr char kPrefix[] = "ps_";
constexpr int kRandomBytes = 32;
constexpr size_t kRandomTextSize = 43;

}  // namespace

std::string NewSessionToken() {
  return absl::StrCat(kPrefix, absl::WebSafeBase64Escape(crypto::RandomBytes(kRandomBytes)));
}

std::optional<std::string> SessionSha256(absl::string_view authorization) {
  if (!absl::ConsumePrefix(&authorization, "Bearer ")) return std::nullopt;
  absl::string_view token = authorization;
  if (!absl::ConsumePrefix(&authorization, kPrefix) || authorization.size() != kRandomTextSize ||
      !std::all_of(authorization.begin(), authorization.end(),
                   [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; })) {
    return std::nullopt;
  }
  return crypto::Sha256Hex(token);
}

}  // namespace prismatic::model_registry
