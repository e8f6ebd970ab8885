#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_WIRE_FORMATS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_WIRE_FORMATS_H_

#include <string>

#include "absl/status/statusor.h"
#include "services/common/http/message.h"
#include "services/sandbox_provider/image_call.h"

namespace prismatic::sandbox {

// One way to speak. Pure: JSON in, JSON out.
struct WireFormat {
  // The endpoint's label in metrics.
  absl::string_view name;
  absl::string_view path;
  // INVALID_ARGUMENT with words for the client.
  absl::StatusOr<ImageCall> (*parse)(const std::string& body);
  std::string (*answer)(const ImageAnswer& answer);
  // How this format says that the content is not allowed.
  http::Response (*refusal)(const ImageAnswer& answer);
};

// openai_images.cc: POST /v1/images/generations.
extern const WireFormat kOpenAiImages;
// chat_completions.cc: POST /v1/chat/completions, images in message.images[].
extern const WireFormat kChatCompletions;

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_WIRE_FORMATS_H_
