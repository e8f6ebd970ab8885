#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_GZIP_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_GZIP_H_

#include <string>

#include "absl/strings/string_view.h"

namespace prismatic::sandbox {

// The text compressed, and behind it this many mebibytes of blanks, which JSON does not mind.
std::string Gzip(absl::string_view text, int blanks_mib = 0);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_GZIP_H_
