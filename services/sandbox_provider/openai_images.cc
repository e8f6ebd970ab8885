#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/credentials.h"
#include "services/sandbox_provider/references.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {
namespace {

constexpr int kImagesMax = 10;

// What vendors' models of this format do not know, although others do.
absl::Status CheckModelKnowsFields(const json::Value& root, absl::string_view model) {
  bool is_gpt_image = absl::StrContains(model, "gpt-image"), is_grok = absl::StartsWith(model, "grok-");
  for (absl::string_view name : {"response_format", "style"}) {
    if (is_gpt_image && root.FindNonNull(name) != nullptr) {
      return absl::UnimplementedError(absl::StrCat("Unknown parameter: '", name, "'."));
    }
  }
  for (absl::string_view name : {"size", "style"}) {
    if (is_grok && root.FindNonNull(name) != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("Argument not supported: '", name, "'"));
    }
  }
  return absl::OkStatus();
}

// `size`, `resolution` (OpenRouter, xAI), or `width` and `height` (Together).
absl::StatusOr<Frame> ReadFrame(const json::Value& root) {
  ASSIGN_OR_RETURN(std::string size, TextField(root, "size"));
  ASSIGN_OR_RETURN(std::string resolution, TextField(root, "resolution"));
  ASSIGN_OR_RETURN(std::string ratio, TextField(root, "aspect_ratio"));
  ASSIGN_OR_RETURN(std::optional<int64_t> width, IntField(root, "width"));
  ASSIGN_OR_RETURN(std::optional<int64_t> height, IntField(root, "height"));
  if (width.has_value() != height.has_value()) {
    return absl::InvalidArgumentError("`width` and `height` belong together.");
  }
  if (width) size = absl::StrCat(*width, "x", *height);
  return FrameFor(size.empty() ? resolution : size, ratio);
}

absl::Status CheckTypes(const json::Value& root) {
  for (absl::string_view name :
       {"quality", "style", "background", "moderation", "output_format", "user", "negative_prompt"}) {
    RETURN_IF_ERROR(TextField(root, name).status());
  }
  ASSIGN_OR_RETURN(std::optional<int64_t> compression, IntField(root, "output_compression"));
  if (compression.value_or(0) < 0 || compression.value_or(0) > 100) {
    return absl::InvalidArgumentError("`output_compression` must be 0 to 100.");
  }
  return absl::OkStatus();
}

absl::Status ReadImages(const json::Value& root, ImageCall& call) {
  ASSIGN_OR_RETURN(std::optional<int64_t> images, IntField(root, "n"));
  call.images = static_cast<int>(images.value_or(1));
  if (images && (*images < 1 || *images > kImagesMax)) {
    return absl::InvalidArgumentError("`n` must be 1 to 10.");
  }
  ASSIGN_OR_RETURN(std::string form, TextField(root, "response_format"));
  // `base64` is Together's word.
  if (!form.empty() && form != "url" && form != "b64_json" && form != "base64") {
    return absl::InvalidArgumentError("`response_format` must be `url` or `b64_json`.");
  }
  call.wants_url = form == "url";
  return absl::OkStatus();
}

absl::StatusOr<ImageCall> Parse(const http::Request& request, absl::string_view deployment) {
  ASSIGN_OR_RETURN(json::Document document, ParseObject(request.body));
  const json::Value& root = document.root();
  ImageCall call;
  ASSIGN_OR_RETURN(std::string model, TextField(root, "model"));
  ASSIGN_OR_RETURN(std::string prompt, TextField(root, "prompt"));
  if (!deployment.empty()) model = std::string(deployment);
  RETURN_IF_ERROR(SetModelAndPrompt(model, prompt, call));
  RETURN_IF_ERROR(CheckModelKnowsFields(root, call.model));
  RETURN_IF_ERROR(CheckTypes(root));
  ASSIGN_OR_RETURN(call.frame, ReadFrame(root));
  ASSIGN_OR_RETURN(call.seed, IntField(root, "seed"));
  RETURN_IF_ERROR(ReadImages(root, call));
  // By any of the names that upstreams of this format know.
  ASSIGN_OR_RETURN(call.references, CountReferences(root, {"image_url", "image", "images", "input_references",
                                                           "reference_images"}));
  if (call.references == 0 && absl::EndsWith(request.path, "/edits")) {
    return absl::InvalidArgumentError("Missing required parameter: 'image'.");
  }
  return call;
}

void WriteUsage(const ImageAnswer& answer, json::Writer& writer) {
  // What one of OpenAI's pictures of middle quality takes.
  int text = 16, references = 323 * answer.call.references;
  int output = 1056 * static_cast<int>(answer.images.size());
  writer.Key("usage").BeginObject();
  writer.Key("total_tokens").Int(text + references + output).Key("input_tokens").Int(text + references);
  writer.Key("output_tokens").Int(output);
  writer.Key("input_tokens_details").BeginObject();
  writer.Key("text_tokens").Int(text).Key("image_tokens").Int(references).EndObject();
  writer.EndObject();
}

json::Writer RoomyWriter(const ImageAnswer& answer) {
  size_t size = 512;
  for (const ImageAnswer::Image& image : answer.images) size += image.base64.size() + 256;
  return json::Writer(size + answer.call.prompt.size() * answer.images.size());
}

http::Response Answer(const ImageAnswer& answer) {
  json::Writer writer = RoomyWriter(answer);
  writer.BeginObject().Key("created").Int(answer.created).Key("data").BeginArray();
  for (const ImageAnswer::Image& image : answer.images) {
    writer.BeginObject();
    if (image.url.empty()) {
      writer.Key("b64_json").PlainString(image.base64);
    } else {
      writer.Key("url").String(image.url);
    }
    if (answer.steering.revised) {
      writer.Key("revised_prompt").String(absl::StrCat(answer.call.prompt, ", seen through a prism"));
    }
    writer.EndObject();
  }
  writer.EndArray();
  if (answer.steering.usage) WriteUsage(answer, writer);
  writer.EndObject();
  return JsonResponse(writer.Take());
}

// As xAI: a success whose items hold nothing.
http::Response FlaggedAnswer(const ImageAnswer& answer) {
  json::Writer writer;
  writer.BeginObject().Key("created").Int(answer.created).Key("data").BeginArray();
  for (int i = 0; i < answer.call.images; ++i) {
    writer.BeginObject().Key("url").String("").Key("respect_moderation").Bool(false).EndObject();
  }
  writer.EndArray().EndObject();
  return JsonResponse(writer.Take());
}

http::Response Refusal(const ImageAnswer& answer) {
  if (answer.steering.refuse == "flagged") return FlaggedAnswer(answer);
  return OpenAiError({.message = "Your request was rejected by the safety system. If you believe this is an "
                                 "error, contact us.",
                      .code = "moderation_blocked"});
}

http::Response Unauthorized(const http::Request&) {
  return OpenAiError({.status = 401, .message = "Incorrect API key provided."});
}

// --- Azure ---

bool HasAzureKey(const http::Request& request, absl::string_view key) {
  return HasInHeader(request, "api-key", key);
}

http::Response UnauthorizedAtAzure(const http::Request&) {
  return JsonResponse(R"({"error":{"code":"401","message":"Access denied due to invalid subscription key or )"
                      R"(wrong API endpoint."}})",
                      401);
}

absl::StatusOr<ImageCall> ParseForAzure(const http::Request& request, absl::string_view deployment) {
  for (const auto& [name, value] : request.query) {
    if (name == "api-version" && !value.empty()) return Parse(request, deployment);
  }
  return absl::NotFoundError("Resource not found");
}

http::Response RefusalOfAzure(const ImageAnswer&) {
  return JsonResponse(
      R"({"error":{"code":"content_policy_violation","inner_error":{"code":"ResponsibleAIPolicyViolation",)"
      R"("content_filter_results":{"jailbreak":{"detected":false,"filtered":false},"violence":{"filtered":)"
      R"(true,"severity":"medium"}}},"message":"Your request was rejected as a result of our safety system.",)"
      R"("type":"invalid_request_error"}})",
      400);
}

// --- OpenRouter ---

http::Response UnauthorizedAtOpenRouter(const http::Request&) {
  return OpenRouterError({.status = 401, .message = "No auth credentials found"});
}

http::Response AnswerOfOpenRouter(const ImageAnswer& answer) {
  json::Writer writer = RoomyWriter(answer);
  writer.BeginObject().Key("created").Int(answer.created).Key("data").BeginArray();
  for (const ImageAnswer::Image& image : answer.images) {
    writer.BeginObject();
    if (image.url.empty()) {
      writer.Key("b64_json").PlainString(image.base64).Key("media_type").String("image/png");
    } else {
      writer.Key("url").String(image.url);
    }
    writer.EndObject();
  }
  int images = static_cast<int>(answer.images.size());
  writer.EndArray().Key("usage").BeginObject().Key("prompt_tokens").Int(0);
  writer.Key("completion_tokens").Int(4175 * images).Key("total_tokens").Int(4175 * images);
  writer.Key("cost").Double(0.04 * images).Key("is_byok").Bool(false).EndObject().EndObject();
  return JsonResponse(writer.Take());
}

http::Response RefusalOfOpenRouter(const ImageAnswer& answer) {
  json::Writer writer;
  writer.BeginObject().Key("error").BeginObject().Key("code").Int(403);
  writer.Key("message").String("The model requires moderation, and your input was flagged.");
  writer.Key("metadata").BeginObject().Key("reasons").BeginArray().String("violence").EndArray();
  writer.Key("flagged_input").String("a picture").Key("provider_name").String("sandbox");
  writer.Key("model_slug").String(answer.call.model).EndObject().EndObject().EndObject();
  return JsonResponse(writer.Take(), 403);
}

}  // namespace

const WireFormat kOpenAiImages = {.name = "openai_images",
                                  .authorized = HasBearer,
                                  .unauthorized = Unauthorized,
                                  .parse = Parse,
                                  .answer = Answer,
                                  .refusals = "error flagged",
                                  .refusal = Refusal,
                                  .error = OpenAiError};

const WireFormat kAzureImages = {.name = "azure_images",
                                 .authorized = HasAzureKey,
                                 .unauthorized = UnauthorizedAtAzure,
                                 .parse = ParseForAzure,
                                 .answer = Answer,
                                 .refusals = "error",
                                 .refusal = RefusalOfAzure,
                                 .error = OpenAiError};

const WireFormat kOpenRouterImages = {.name = "openrouter_images",
                                      .authorized = HasBearer,
                                      .unauthorized = UnauthorizedAtOpenRouter,
                                      .parse = Parse,
                                      .answer = AnswerOfOpenRouter,
                                      .refusals = "error",
                                      .refusal = RefusalOfOpenRouter,
                                      .error = OpenRouterError};

}  // namespace prismatic::sandbox
