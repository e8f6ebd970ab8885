#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_PICTURE_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_PICTURE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "services/sandbox_provider/frame.h"
#include "services/sandbox_provider/text.h"

namespace prismatic::sandbox {

// All that a picture depends on: the same gives the same bytes.
struct PictureSpec {
  std::string prompt;
  std::string model;
  std::optional<int64_t> seed;
  Frame frame;
  // Of a request for several.
  int index = 0;
  // Reference images that came with the request.
  int references = 0;
  int64_t size_bytes = 0;
  // Nothing but black, as some upstreams hide what they do not want to show.
  bool black = false;
};

// A PNG: light that falls through a prism, with the prompt written below. Without a font, no words.
std::string DrawPicture(const PictureSpec& spec, const Font* font);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_PICTURE_H_
