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
};

// What the sandbox answers with, in whichever wire format.
struct ImageAnswer {
  struct Image {
    // One of the two.
    std::string base64;
    std::string url;
  };
  int64_t created = 0;
  std::string model;
  std::string prompt;
  std::vector<Image> images;
  Steering steering;
};

// Sets model and prompt, and the words that they carry.
absl::Status SetModelAndPrompt(absl::string_view model, absl::string_view prompt, ImageCall& call);

// Readers of single fields. Absent or null: the fallback. A wrong type: INVALID_ARGUMENT.
absl::StatusOr<std::string> TextField(const json::Value& object, absl::string_view name);
absl::StatusOr<std::optional<int64_t>> IntField(const json::Value& object, absl::string_view name);

// One error in OpenAI's words, as a JSON text. Empty code or param: null.
std::string ErrorJson(absl::string_view message, absl::string_view type, absl::string_view code,
                      absl::string_view param = "");

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_IMAGE_CALL_H_
