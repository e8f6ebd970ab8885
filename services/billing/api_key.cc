#include "services/billing/api_key.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"

namespace prismatic::billing {
namespace {

constexpr absl::string_view kPrefix = "pk_";
constexpr size_t kSecretDigits = 64;
constexpr size_t kChecksumDigits = 8;
// Prefix, 40 + 1 + 9 of key ID, and two underscores are less than 64 more.
constexpr size_t kTextMax = kSecretDigits + kChecksumDigits + 64;

bool IsHex(absl::string_view text) {
  for (char c : text) {
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

std::string Checksum(absl::string_view text) { return crypto::Sha256Hex(text).substr(0, kChecksumDigits); }

}  // namespace

std::optional<ApiKey> ParseApiKey(absl::string_view text) {
  constexpr size_t kTail = 1 + kSecretDigits + 1 + kChecksumDigits;
  if (text.size() > kTextMax || text.size() <= kPrefix.size() + kTail) return std::nullopt;
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  absl::string_view body = text.substr(0, text.size() - kChecksumDigits - 1);
  absl::string_view secret = body.substr(body.size() - kSecretDigits);
  absl::string_view head = body.substr(0, body.size() - kSecretDigits);
  if (text[body.size()] != '_' || head.back() != '_' || !IsHex(secret)) return std::nullopt;
  if (text.substr(body.size() + 1) != Checksum(body)) return std::nullopt;
  std::optional<KeyId> id = ParseKeyId(head.substr(kPrefix.size(), head.size() - kPrefix.size() - 1));
  if (!id) return std::nullopt;
  return ApiKey{.id = *std::move(id), .sha256 = crypto::Sha256Hex(text)};
}

std::string NewApiKey(const KeyId& id) {
  std::string secret = absl::BytesToHexString(crypto::RandomBytes(kSecretDigits / 2));
  std::string body = absl::StrCat(kPrefix, id.Text(), "_", secret);
  return absl::StrCat(body, "_", Checksum(body));
}

}  // namespace prismatic::billing
