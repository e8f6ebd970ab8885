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

// Which answer of several the faults of a whole answer are meant for.
enum class FaultPlace {
  // To the request for pictures.
  kAnswer,
  // To the poll that finds a job done; for formats without jobs the same as kAnswer.
  kResult,
  // To the fetch of a picture's URL.
  kPicture,
};

// How the sandbox is asked to misbehave; docs/reference/sandbox.md has the words.
struct Steering {
  std::optional<int> status;
  std::optional<int> retry_after_seconds;
  absl::Duration delay;
  std::optional<int> cut_body_at;
  std::optional<int> images;
  // Empty: does not refuse. `usual`, or one of a format's own ways.
  std::string refuse;
  BodyFault body = BodyFault::kNone;
  FaultPlace at = FaultPlace::kAnswer;
  // How often a job is found unfinished, and the status that says so instead of the format's words.
  std::optional<int> polls;
  std::optional<int> poll_status;
  bool url_only = false;
  bool revised = false;
  bool usage = false;
  bool grid = false;
  bool thought = false;
  bool markdown = false;
  // The picture's head claims sides that nobody should make room for.
  bool huge_dimensions = false;
  bool gzip = false;
  std::optional<int> gzip_bomb_mib;
  int64_t size_bytes = 0;
  // All of it as it was written.
  std::string words;
};

// `steering` as it concerns the answer at `place`: without what is meant for another one.
Steering Here(const Steering& steering, FaultPlace place);

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
