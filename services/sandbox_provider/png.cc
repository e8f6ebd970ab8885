#include "services/sandbox_provider/png.h"

#include <png.h>
#include <zlib.h>

#include <csetjmp>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace prismatic::sandbox {
namespace {

// Little time rather than few bytes: level 1 takes a third of the default's.
constexpr int kCompressionLevel = 1;
// A chunk's length, name and checksum; IEND is one without content.
constexpr size_t kChunkFrame = 12;
// Lower-case letters say: not needed to show the picture, private, safe to copy.
constexpr png_byte kPaddingChunk[] = "prPd";

void Append(png_structp png, png_bytep data, png_size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(data), size);
}

void NoFlush(png_structp) {}

void WritePadding(png_structp png, const std::string& out, size_t size_min) {
  size_t size = out.size() + 2 * kChunkFrame;
  if (size >= size_min) return;
  std::vector<png_byte> padding(size_min - size);
  // Not compressible, as pictures are not; the same each time.
  uint32_t state = 0x9E3779B9;
  for (png_byte& byte : padding) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    byte = static_cast<png_byte>(state);
  }
  png_write_chunk(png, kPaddingChunk, padding.data(), padding.size());
}

}  // namespace

std::string EncodePng(const Canvas& canvas, size_t size_min) {
  std::string out;
  out.reserve(size_t{512} << 10);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  // libpng jumps here on an error; with memory as the target there is none but a fault of ours.
  if (setjmp(png_jmpbuf(png))) std::abort();
  png_set_write_fn(png, &out, Append, NoFlush);
  png_set_IHDR(png, info, canvas.width(), canvas.height(), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(png, kCompressionLevel);
  // Gradients are nearly constant after it, and trying all filters takes longer than compressing.
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
  png_write_info(png, info);
  for (int y = 0; y < canvas.height(); ++y) png_write_row(png, canvas.row(y));
  WritePadding(png, out, size_min);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

void ClaimSides(std::string& png, uint32_t width, uint32_t height) {
  // The signature and IHDR's length stand before its name, on which the checksum begins.
  constexpr size_t kName = 12, kWidth = 16, kHeight = 20, kChecksum = 29;
  auto put = [&](size_t at, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) png[at++] = static_cast<char>(number >> shift);
  };
  put(kWidth, width);
  put(kHeight, height);
  put(kChecksum,
      static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(png.data()) + kName, kChecksum - kName)));
}

}  // namespace prismatic::sandbox
