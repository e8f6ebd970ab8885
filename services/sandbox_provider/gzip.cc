#include "services/sandbox_provider/gzip.h"

#include <zlib.h>

#include <cstdlib>

namespace prismatic::sandbox {
namespace {

// Pictures do not compress anyway.
constexpr int kLevel = 1;
// zlib's way to say: with gzip's head and checksum, in its largest window.
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

void Deflate(z_stream& stream, absl::string_view text, int flush, std::string& out) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  char buffer[16 << 10];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    deflate(&stream, flush);
    out.append(buffer, sizeof buffer - stream.avail_out);
  } while (stream.avail_out == 0);
}

}  // namespace

std::string Gzip(absl::string_view text, int blanks_mib) {
  z_stream stream = {};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    std::abort();
  }
  std::string out;
  Deflate(stream, text, Z_NO_FLUSH, out);
  if (blanks_mib > 0) {
    std::string blanks(1 << 20, ' ');
    for (int i = 0; i < blanks_mib; ++i) Deflate(stream, blanks, Z_NO_FLUSH, out);
  }
  Deflate(stream, "", Z_FINISH, out);
  deflateEnd(&stream);
  return out;
}

}  // namespace prismatic::sandbox
