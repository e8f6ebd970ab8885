#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_IMAGE_CHECK_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_IMAGE_CHECK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// What counts as a delivered image, that is, as one that is paid for: it is a whole PNG, JPEG or WebP
// by its bytes, with sides of 1 to kSideMax and at most kPixelsMax pixels. Pixels are not decoded.

namespace prismatic::provider_proxy {

inline constexpr int kSideMax = 16'384;
// Twice what upscalers give today (8192 x 8192). A viewer takes four bytes for each: a small file that claims
// more is there to break one.
inline constexpr int64_t kPixelsMax = 134'217'728;

struct ImageFacts {
  std::string mime_type;
  int width = 0;
  int height = 0;
};

// How many bytes a standard base64 with padding stands for.
size_t BytesInBase64(absl::string_view base64);

// INVALID_ARGUMENT with what is wrong, for the log.
absl::StatusOr<ImageFacts> CheckImageBytes(absl::string_view bytes);

// The same for standard base64 with padding. All of the text is checked, and only the bytes that
// matter are decoded.
absl::StatusOr<ImageFacts> CheckBase64Image(absl::string_view base64);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_ADAPTERS_IMAGE_CHECK_H_
