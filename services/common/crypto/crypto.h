#ifndef PRISMATIC_SERVICES_COMMON_CRYPTO_CRYPTO_H_
#define PRISMATIC_SERVICES_COMMON_CRYPTO_CRYPTO_H_

#include <string>

#include "absl/strings/string_view.h"

// The few primitives that the suite needs, from OpenSSL.

namespace prismatic::crypto {

// 32 bytes.
std::string Sha256(absl::string_view data);
// 64 lower-case hex digits.
std::string Sha256Hex(absl::string_view data);
// `count` bytes from the system's generator, for secrets. Ends the process when there are none.
std::string RandomBytes(int count);
// Compares in a time that depends on the lengths only.
bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

}  // namespace prismatic::crypto

#endif  // PRISMATIC_SERVICES_COMMON_CRYPTO_CRYPTO_H_
