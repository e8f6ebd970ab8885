#include "services/provider_proxy/upstream/body_decoder.h"

#include <brotli/decode.h>
#include <zlib.h>

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"

namespace prismatic::provider_proxy {
namespace {

constexpr size_t kPieceBytes = 32 << 10;

// What zlib calls the wrapping that it shall expect.
constexpr int kGzip = 16 + MAX_WBITS;
constexpr int kZlib = MAX_WBITS;
constexpr int kRaw = -MAX_WBITS;

class Inflate : public BodyDecoder {
 public:
  explicit Inflate(bool gzip) : gzip_(gzip) {}
  ~Inflate() override {
    if (begun_) inflateEnd(&stream_);
  }

  bool Decode(absl::string_view part, const Sink& sink) override {
    if (part.empty()) return true;
    if (!begun_ && !Begin(part[0])) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    stream_.avail_in = static_cast<uInt>(part.size());
    do {
      if (ended_ && !Again()) return true;
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_out = static_cast<uInt>(piece_.size());
      int result = inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return false;
      ended_ = result == Z_STREAM_END;
      size_t made = piece_.size() - stream_.avail_out;
      if (made > 0 && !sink(absl::string_view(piece_.data(), made))) return false;
    } while (stream_.avail_in > 0 || (!ended_ && stream_.avail_out == 0));
    return true;
  }
  bool complete() const override { return ended_; }

 private:
  // "deflate" means zlib's wrapping, and some servers send none: then the first byte does not hold zlib's
  // method and window.
  bool Begin(char first) {
    auto byte = static_cast<uint8_t>(first);
    bool zlib = (byte & 0x0f) == Z_DEFLATED && byte >> 4 <= 7;
    begun_ = inflateInit2(&stream_, gzip_ ? kGzip : zlib ? kZlib : kRaw) == Z_OK;
    return begun_;
  }
  // A gzip file may be several, one behind the other. Behind the others nothing counts.
  bool Again() {
    if (!gzip_ || stream_.avail_in == 0 || inflateReset(&stream_) != Z_OK) return false;
    ended_ = false;
    return true;
  }

  const bool gzip_;
  z_stream stream_ = {};
  bool begun_ = false;
  bool ended_ = false;
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

class Brotli : public BodyDecoder {
 public:
  ~Brotli() override { BrotliDecoderDestroyInstance(state_); }

  bool Decode(absl::string_view part, const Sink& sink) override {
    const auto* in = reinterpret_cast<const uint8_t*>(part.data());
    size_t in_left = part.size();
    for (;;) {
      auto* out = reinterpret_cast<uint8_t*>(piece_.data());
      size_t out_left = piece_.size();
      BrotliDecoderResult result =
          BrotliDecoderDecompressStream(state_, &in_left, &in, &out_left, &out, nullptr);
      if (result == BROTLI_DECODER_RESULT_ERROR) return false;
      size_t made = piece_.size() - out_left;
      if (made > 0 && !sink(absl::string_view(piece_.data(), made))) return false;
      if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return true;
    }
  }
  bool complete() const override { return BrotliDecoderIsFinished(state_) == BROTLI_TRUE; }

 private:
  BrotliDecoderState* const state_ = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

}  // namespace

std::unique_ptr<BodyDecoder> BodyDecoder::For(absl::string_view encoding) {
  if (absl::EqualsIgnoreCase(encoding, "gzip") || absl::EqualsIgnoreCase(encoding, "x-gzip")) {
    return std::make_unique<Inflate>(true);
  }
  if (absl::EqualsIgnoreCase(encoding, "deflate")) return std::make_unique<Inflate>(false);
  if (absl::EqualsIgnoreCase(encoding, "br")) return std::make_unique<Brotli>();
  return nullptr;
}

}  // namespace prismatic::provider_proxy
