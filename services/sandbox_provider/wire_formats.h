#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_WIRE_FORMATS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_WIRE_FORMATS_H_

#include <string>

#include "absl/status/statusor.h"
#include "services/common/http/message.h"
#include "services/sandbox_provider/errors.h"
#include "services/sandbox_provider/image_call.h"

namespace prismatic::sandbox {

// What a format says of a job that is not done, and of one that is.
struct JobWords {
  http::Response (*submitted)(const ImageAnswer& job);
  http::Response (*pending)(const ImageAnswer& job);
  // Where the state and the result have URLs of their own: the state. Else null.
  http::Response (*completed)(const ImageAnswer& job);
  // Of an ID that is not known, or not any more.
  http::Response (*unknown)(const std::string& id);
};

// One way to speak. Pure: JSON in, JSON out.
struct WireFormat {
  // The endpoint's label in metrics.
  absl::string_view name;
  // Whether the request carries this credential, in the format's own style.
  bool (*authorized)(const http::Request& request, absl::string_view key);
  // What a request without the right credential is told.
  http::Response (*unauthorized)(const http::Request& request);
  // `path_model` is what the path has in the place of a model. INVALID_ARGUMENT, UNIMPLEMENTED (a field
  // that does not exist) or NOT_FOUND with words for the client.
  absl::StatusOr<ImageCall> (*parse)(const http::Request& request, absl::string_view path_model);
  http::Response (*answer)(const ImageAnswer& answer);
  // The ways in which it says that the content is not allowed, the usual one first; separated by blanks.
  absl::string_view refusals;
  // `answer.steering.refuse` is one of these.
  http::Response (*refusal)(const ImageAnswer& answer);
  http::Response (*error)(const ErrorWords& words);
  // The status of requests that make no sense.
  int bad_request = 400;
  // Pictures can be URLs.
  bool has_urls = true;
  // Where there are several pictures, one of them all may come first.
  bool has_grid = false;
  // Null: answers with the pictures.
  const JobWords* job = nullptr;
};

// openai_images.cc: /v1/images/generations and /v1/images/edits; the same behind Azure's paths and
// key; and OpenRouter's /v1/images.
extern const WireFormat kOpenAiImages;
extern const WireFormat kAzureImages;
extern const WireFormat kOpenRouterImages;
// chat_completions.cc: /v1/chat/completions, images in message.images[].
extern const WireFormat kChatCompletions;
// gemini.cc: generateContent.
extern const WireFormat kGemini;
// sdapi.cc: txt2img and img2img of AUTOMATIC1111.
extern const WireFormat kSdapi;
// black_forest_labs.cc, fal.cc, replicate.cc: submit, poll, download.
extern const WireFormat kBlackForestLabs;
extern const WireFormat kFal;
extern const WireFormat kReplicate;

// fal's status and result URLs have the model's first two parts only.
std::string FalApp(absl::string_view model);

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_WIRE_FORMATS_H_
