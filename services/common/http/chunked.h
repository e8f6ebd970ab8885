#ifndef PRISMATIC_SERVICES_COMMON_HTTP_CHUNKED_H_
#define PRISMATIC_SERVICES_COMMON_HTTP_CHUNKED_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace prismatic::http {

// Puts a chunked body together from bytes that arrive bit by bit. Strict: sizes of 1 to 8 hex digits, CR LF,
// no extensions, no trailers; all others use of the coding in requests is an attempt to be misunderstood.
class ChunkedReader {
 public:
  enum class Result { kMore, kDone, kMalformed, kTooLarge };
  // Takes what belongs to the body from the front of `bytes` and appends the content to `body`, which
  // stays within `body_bytes_max`. What it leaves in `bytes` after kMore is less than a chunk's head.
  Result Read(absl::string_view& bytes, std::string& body, size_t body_bytes_max);

 private:
  enum class Part { kSize, kContent, kContentEnd, kLastEnd };
  Result ReadSize(absl::string_view& bytes, size_t room);

  Part part_ = Part::kSize;
  size_t left_ = 0;  // of the chunk's content
};

}  // namespace prismatic::http

#endif  // PRISMATIC_SERVICES_COMMON_HTTP_CHUNKED_H_
