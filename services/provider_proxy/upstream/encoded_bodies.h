#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_ENCODED_BODIES_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_ENCODED_BODIES_H_

#include <brotli/encode.h>
#include <zlib.h>

#include <string>

namespace prismatic::provider_proxy {

// For tests: bodies as servers encode them.
inline std::string ZlibEncoded(const std::string& text, int window_bits) {
  z_stream stream = {};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string encoded(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(encoded.data());
  stream.avail_out = static_cast<uInt>(encoded.size());
  deflate(&stream, Z_FINISH);
  encoded.resize(stream.total_out);
  deflateEnd(&stream);
  return encoded;
}
inline std::string Gzip(const std::string& text) { return ZlibEncoded(text, 16 + MAX_WBITS); }
inline std::string Deflate(const std::string& text) { return ZlibEncoded(text, MAX_WBITS); }
inline std::string RawDeflate(const std::string& text) { return ZlibEncoded(text, -MAX_WBITS); }

inline std::string Brotli(const std::string& text) {
  std::string encoded(BrotliEncoderMaxCompressedSize(text.size()) + 64, '\0');
  size_t size = encoded.size();
  BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, text.size(),
                        reinterpret_cast<const uint8_t*>(text.data()), &size,
                        reinterpret_cast<uint8_t*>(encoded.data()));
  encoded.resize(size);
  return encoded;
}

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_ENCODED_BODIES_H_
