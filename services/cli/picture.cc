#include "services/cli/picture.h"

#include <cstdint>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace prismatic::cli {
namespace {

constexpr absl::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);
constexpr absl::string_view kJpegSignature("\xff\xd8\xff", 3);
// Signature, then the length and name of the first chunk, IHDR; then width and height.
constexpr size_t kPngWidthAt = 16;

int BigEndian32(absl::string_view bytes) {
  uint32_t number = 0;
  for (char c : bytes.substr(0, 4)) number = number << 8 | static_cast<uint8_t>(c);
  return static_cast<int>(number);
}

}  // namespace

PictureKind KindOf(absl::string_view image) {
  if (absl::StartsWith(image, kPngSignature)) {
    if (image.size() < kPngWidthAt + 8) return {"png"};
    return {"png", BigEndian32(image.substr(kPngWidthAt)), BigEndian32(image.substr(kPngWidthAt + 4))};
  }
  if (absl::StartsWith(image, kJpegSignature)) return {"jpg"};
  bool is_webp = image.size() >= 12 && absl::StartsWith(image, "RIFF") && image.substr(8, 4) == "WEBP";
  if (is_webp) return {"webp"};
  return {"bin"};
}

std::string DefaultFileName(absl::string_view model, int number, absl::string_view extension) {
  std::string name(model);
  for (char& c : name) {
    bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    if (!plain) c = '-';
  }
  return absl::StrCat(name, "-", number, ".", extension);
}

std::string NumberedFileName(absl::string_view path, int number, int count) {
  if (count <= 1) return std::string(path);
  std::filesystem::path file{std::string(path)};
  file.replace_filename(absl::StrCat(file.stem().string(), "-", number, file.extension().string()));
  return file.string();
}

}  // namespace prismatic::cli
