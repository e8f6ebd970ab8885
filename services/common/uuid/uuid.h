#ifndef PRISMATIC_SERVICES_COMMON_UUID_UUID_H_
#define PRISMATIC_SERVICES_COMMON_UUID_UUID_H_

#include <string>

#include "absl/strings/string_view.h"
#include "services/common/clock/clock.h"

namespace prismatic {

// A new UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then random bits. Lower case, 36 characters.
std::string NewUuidV7(const Clock& clock = Clock::Real());

// 36 characters of lower-case hex and dashes in their places, with version digit 7.
bool IsUuidV7(absl::string_view text);

}  // namespace prismatic

#endif  // PRISMATIC_SERVICES_COMMON_UUID_UUID_H_
