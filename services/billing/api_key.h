#ifndef PRISMATIC_SERVICES_BILLING_API_KEY_H_
#define PRISMATIC_SERVICES_BILLING_API_KEY_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/billing/names.h"

namespace prismatic::billing {

// `pk_<account>.<n>_<64 hex digits of secret>_<8 hex digits of checksum>`. The checksum is the start of
// the SHA-256 of what comes before it, so that a damaged key is refused without asking Redis. It
// proves nothing: the secret does, whose SHA-256 (of the whole text) is all that is stored.
struct ApiKey {
  KeyId id;
  // 64 hex digits.
  std::string sha256;
};

// nullopt when the text is not a whole, undamaged key.
std::optional<ApiKey> ParseApiKey(absl::string_view text);

// The text of a new key with 256 random bits.
std::string NewApiKey(const KeyId& id);

}  // namespace prismatic::billing

#endif  // PRISMATIC_SERVICES_BILLING_API_KEY_H_
