#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_FRAME_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_FRAME_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace prismatic::sandbox {

struct Frame {
  int width = 1024;
  int height = 1024;
};

// The frame for a `size` ("1024x768", a tier "1K", "2K", "4K", "auto" or empty) and an `aspect_ratio`
// ("16:9", "auto" or empty). WxH wins over a ratio; a ratio keeps the tier's area. Sides are 256 to
// 2048: the ratio is kept as well as that allows. INVALID_ARGUMENT for what is none of these.
absl::StatusOr<Frame> FrameFor(absl::string_view size, absl::string_view aspect_ratio);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_FRAME_H_
