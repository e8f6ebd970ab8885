#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_IMAGE_CALL_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_IMAGE_CALL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/common/json/json.h"
#include "services/sandbox_provider/frame.h"
#include "services/sandbox_provider/steering.h"

namespace prismatic::sandbox {

// What a request asks for, in whichever wire format.
struct ImageCall {
  // Without what follows a `#`.
  std::string model;
  // Steering words that followed the `#`.
  std::string model_words;
  // Without directives, whose words are in `prompt_words`.
  std::string prompt;
  std::string prompt_words;
  std::optional<int64_t> seed;
  Frame frame;
  int images = 1;
  int references = 0;
  bool wants_url = false;
  // Replicate's `Prefer: wait`: the submission is answered when the job is done.
  bool waits = false;
  // Replicate's `num_outputs` was given: several URLs come as a list, also if there is one.
  bool wants_list = false;
};

// What the sandbox answers with, in whichever wire format.
struct ImageAnswer {
  struct Image {
    // One of the two.
    std::string base64;
    std::string url;
    Frame frame;
  };
  int64_t created = 0;
  ImageCall call;
  std::vector<Image> images;
  Steering steering;
  // Of a job: its ID, and where the sandbox was asked, `http://host:port`.
  std::string job_id;
  std::string base_url;
};

// Sets model and prompt, and the words that they carry. INVALID_ARGUMENT without a prompt.
absl::Status SetModelAndPrompt(absl::string_view model, absl::string_view prompt, ImageCall& call);

// Readers of single fields. Absent or null: the fallback. A wrong type: INVALID_ARGUMENT.
absl::StatusOr<std::string> TextField(const json::Value& object, absl::string_view name);
absl::StatusOr<std::optional<int64_t>> IntField(const json::Value& object, absl::string_view name);

absl::StatusOr<std::optional<bool>> BoolField(const json::Value& object, absl::string_view name);

// The body, which must be a JSON object.
absl::StatusOr<json::Document> ParseObject(const std::string& body);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_IMAGE_CALL_H_
