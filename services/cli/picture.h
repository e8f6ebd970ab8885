#ifndef PRISMATIC_SERVICES_CLI_PICTURE_H_
#define PRISMATIC_SERVICES_CLI_PICTURE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace prismatic::cli {

// What the first bytes of an image say.
struct PictureKind {
  // "png", "jpg", "webp"; "bin" for anything else.
  absl::string_view extension;
  // Pixels of a PNG; 0 for others.
  int width = 0;
  int height = 0;
};
PictureKind KindOf(absl::string_view image);

// A file name for image `number` (from 1) of a model: `google/imagen-4` gives `google-imagen-4-1.png`.
std::string DefaultFileName(absl::string_view model, int number, absl::string_view extension);
// `path` for the only image; of several, the number goes before the extension: `out-2.png`.
std::string NumberedFileName(absl::string_view path, int number, int count);

}  // namespace prismatic::cli

#endif  // PRISMATIC_SERVICES_CLI_PICTURE_H_
