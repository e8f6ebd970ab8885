#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_STEERING_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_STEERING_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace prismatic::sandbox {

enum class BodyFault { kNone, kHtml, kBrokenJson, kEmptyData, kWrongBase64, kNotImage };

// How the sandbox is asked to misbehave; docs/reference/sandbox.md has the words.
struct Steering {
  std::optional<int> status;
  std::optional<int> retry_after_seconds;
  absl::Duration delay;
  std::optional<int> cut_body_at;
  std::optional<int> images;
  bool refuse = false;
  BodyFault body = BodyFault::kNone;
  bool url_only = false;
  bool revised = false;
  bool usage = false;
  int64_t size_bytes = 0;
};

// Adds words like "status=429 retry_after=2", separated by blanks or commas, to `steering`; a word that
// is there already is replaced. INVALID_ARGUMENT that names every word it does not know or understand.
absl::Status Steer(absl::string_view words, Steering& steering);

struct DirectedPrompt {
  // Without directives and the blanks around them.
  std::string prompt;
  std::string words;
};

// Takes `[[sandbox words]]` out of a prompt; there may be several.
absl::StatusOr<DirectedPrompt> TakeDirectives(absl::string_view prompt);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_STEERING_H_
