#include "services/sandbox_provider/endpoints.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "services/sandbox_provider/model_lists.h"

namespace prismatic::sandbox {
namespace {

constexpr auto kGenerate = EndpointKind::kGenerate;
constexpr auto kPoll = EndpointKind::kPoll;
constexpr auto kResult = EndpointKind::kResult;
constexpr auto kList = EndpointKind::kList;

// The first that matches counts.
const Endpoint kEndpoints[] = {
    {"POST", "/v1/images/generations", "", false, kGenerate, &kOpenAiImages, nullptr},
    {"POST", "/v1/images/edits", "", false, kGenerate, &kOpenAiImages, nullptr},
    {"POST", "/v1/images", "", false, kGenerate, &kOpenRouterImages, nullptr},
    {"POST", "/v1/chat/completions", "", false, kGenerate, &kChatCompletions, nullptr},
    {"GET", "/v1/models", "", false, kList, &kOpenAiImages, OpenAiModels},
    {"POST", "/openai/deployments/", "/images/generations", true, kGenerate, &kAzureImages, nullptr},
    {"POST", "/openai/deployments/", "/images/edits", true, kGenerate, &kAzureImages, nullptr},
    {"GET", "/openai/models", "", false, kList, &kAzureImages, OpenAiModels},
    {"POST", "/v1beta/models/", ":generateContent", true, kGenerate, &kGemini, nullptr},
    {"POST", "/v1/projects/", ":generateContent", true, kGenerate, &kGemini, nullptr},
    {"GET", "/v1beta/models", "", false, kList, &kGemini, GeminiModels},
    {"GET", "/bfl/v1/get_result", "", false, kPoll, &kBlackForestLabs, nullptr},
    {"GET", "/bfl/v1/credits", "", false, kList, &kBlackForestLabs, BlackForestLabsCredits},
    {"POST", "/bfl/v1/", "", true, kGenerate, &kBlackForestLabs, nullptr},
    {"GET", "/fal/", "/status", true, kPoll, &kFal, nullptr},
    {"GET", "/fal/", "", true, kResult, &kFal, nullptr},
    {"POST", "/fal/", "", true, kGenerate, &kFal, nullptr},
    {"POST", "/replicate/v1/models/", "/predictions", true, kGenerate, &kReplicate, nullptr},
    {"POST", "/replicate/v1/predictions", "", false, kGenerate, &kReplicate, nullptr},
    {"GET", "/replicate/v1/predictions/", "", true, kPoll, &kReplicate, nullptr},
    {"GET", "/replicate/v1/account", "", false, kList, &kReplicate, ReplicateAccount},
    {"POST", "/sdapi/v1/txt2img", "", false, kGenerate, &kSdapi, nullptr},
    {"POST", "/sdapi/v1/img2img", "", false, kGenerate, &kSdapi, nullptr},
    {"GET", "/sdapi/v1/sd-models", "", false, kList, &kSdapi, SdModels},
};

bool Matches(const Endpoint& endpoint, absl::string_view path, absl::string_view* middle) {
  if (!absl::ConsumePrefix(&path, endpoint.prefix)) return false;
  if (!absl::ConsumeSuffix(&path, endpoint.suffix)) return false;
  *middle = path;
  return endpoint.has_middle != path.empty();
}

}  // namespace

EndpointMatch FindEndpoint(absl::string_view method, absl::string_view path) {
  EndpointMatch match;
  for (const Endpoint& endpoint : kEndpoints) {
    absl::string_view middle;
    if (!Matches(endpoint, path, &middle)) continue;
    if (method == endpoint.method) {
      return {.endpoint = &endpoint, .middle = std::string(middle)};
    }
    match.other_method = true;
  }
  return match;
}

}  // namespace prismatic::sandbox
