#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_BODY_DECODER_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_BODY_DECODER_H_

#include <functional>
#include <memory>

#include "absl/strings/string_view.h"

namespace prismatic::provider_proxy {

// Undoes the Content-Encoding of a body while it comes. Its output is handed on in small pieces, and whoever
// takes them may say stop: a few bytes can stand for gigabytes. curl's own decoding is not used, since it
// goes on into a buffer of its own while a transfer is paused. One thread at a time.
class BodyDecoder {
 public:
  // False: no more of it.
  using Sink = std::function<bool(absl::string_view)>;

  virtual ~BodyDecoder() = default;
  // gzip, deflate, br, and gzip's old name x-gzip, in any case; null for anything else.
  static std::unique_ptr<BodyDecoder> For(absl::string_view encoding);

  // False when `part` cannot be read or the sink has said stop.
  virtual bool Decode(absl::string_view part, const Sink& sink) = 0;
  // Whether what came so far is a whole body.
  virtual bool complete() const = 0;
};

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_UPSTREAM_BODY_DECODER_H_
