#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/credentials.h"
#include "services/sandbox_provider/references.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {
namespace {

constexpr int kTokensPerImage = 1290;

// Google names the first field that its messages do not have.
absl::Status CheckKnown(const json::Value& object, absl::string_view where,
                        std::initializer_list<absl::string_view> names) {
  if (!object.is_object())
    return absl::InvalidArgumentError(absl::StrCat("'", where, "' must be an object."));
  for (const auto& [name, value] : object.members()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("Invalid JSON payload received. Unknown name \"", name,
                                                   "\" at '", where, "': Cannot find field."));
  }
  return absl::OkStatus();
}

// A field by its name, or by its name in snake case.
const json::Value* Either(const json::Value& object, absl::string_view camel, absl::string_view snake) {
  const json::Value* value = object.FindNonNull(camel);
  return value == nullptr ? object.FindNonNull(snake) : value;
}

absl::Status ReadInlineData(const json::Value& data, ImageCall& call) {
  const json::Value* type = Either(data, "mimeType", "mime_type");
  const json::Value* base64 = data.FindNonNull("data");
  if (type == nullptr || !absl::StartsWith(type->String().value_or(""), "image/")) {
    return absl::InvalidArgumentError("Unsupported MIME type.");
  }
  if (base64 == nullptr || !CheckBase64Image(base64->String().value_or("")).ok()) {
    return absl::InvalidArgumentError("Unable to process input image.");
  }
  ++call.references;
  return absl::OkStatus();
}

absl::Status ReadPart(const json::Value& part, std::string& prompt, ImageCall& call) {
  RETURN_IF_ERROR(CheckKnown(
      part, "contents.parts",
      {"text", "inlineData", "inline_data", "fileData", "file_data", "thought", "thoughtSignature"}));
  if (const json::Value* data = Either(part, "inlineData", "inline_data"); data != nullptr) {
    return ReadInlineData(*data, call);
  }
  if (const json::Value* file = Either(part, "fileData", "file_data"); file != nullptr) {
    const json::Value* uri = Either(*file, "fileUri", "file_uri");
    if (uri == nullptr || !uri->is_string()) return absl::InvalidArgumentError("'fileUri' is missing.");
    ++call.references;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::string text, TextField(part, "text"));
  absl::StrAppend(&prompt, prompt.empty() || text.empty() ? "" : "\n", text);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadContents(const json::Value& root, ImageCall& call) {
  const json::Value* contents = root.FindNonNull("contents");
  if (contents == nullptr || contents->elements().empty()) {
    return absl::InvalidArgumentError("* GenerateContentRequest.contents: contents is not specified");
  }
  const json::Value& last = contents->elements().back();
  ASSIGN_OR_RETURN(std::string role, TextField(last, "role"));
  if (!role.empty() && role != "user") {
    return absl::InvalidArgumentError("Please ensure that multiturn requests end with a user turn.");
  }
  const json::Value* parts = last.FindNonNull("parts");
  if (parts == nullptr || parts->elements().empty()) {
    return absl::InvalidArgumentError(
        "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.");
  }
  std::string prompt;
  for (const json::Value& part : parts->elements()) RETURN_IF_ERROR(ReadPart(part, prompt, call));
  return prompt;
}

absl::Status ReadImageConfig(const json::Value& config, ImageCall& call) {
  static constexpr absl::string_view kRatios[] = {"1:1",  "2:3",  "3:2",  "3:4", "4:3", "4:5", "5:4",
                                                  "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1"};
  static constexpr absl::string_view kSizes[] = {"512", "1K", "2K", "4K"};
  RETURN_IF_ERROR(CheckKnown(
      config, "generation_config.image_config",
      {"aspectRatio", "aspect_ratio", "imageSize", "image_size", "personGeneration", "imageOutputOptions"}));
  const json::Value* ratio = Either(config, "aspectRatio", "aspect_ratio");
  const json::Value* size = Either(config, "imageSize", "image_size");
  auto known = [](const json::Value* value, const auto& names) {
    return value == nullptr ||
           std::find(std::begin(names), std::end(names), value->String().value_or("")) != std::end(names);
  };
  if (!known(ratio, kRatios))
    return absl::InvalidArgumentError("aspect_ratio must be one of the supported ratios.");
  if (!known(size, kSizes)) return absl::InvalidArgumentError("image_size must be one of 512, 1K, 2K, 4K.");
  ASSIGN_OR_RETURN(
      call.frame, FrameFor(size == nullptr ? "" : *size->String(), ratio == nullptr ? "" : *ratio->String()));
  return absl::OkStatus();
}

absl::Status ReadConfig(const json::Value& root, ImageCall& call) {
  const json::Value* config = Either(root, "generationConfig", "generation_config");
  if (config == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(CheckKnown(*config, "generation_config",
                             {"responseModalities", "response_modalities", "seed", "imageConfig",
                              "image_config", "temperature", "topP", "topK", "candidateCount",
                              "maxOutputTokens", "stopSequences", "thinkingConfig", "mediaResolution"}));
  ASSIGN_OR_RETURN(call.seed, IntField(*config, "seed"));
  if (call.seed && (*call.seed < INT32_MIN || *call.seed > INT32_MAX)) {
    return absl::InvalidArgumentError("Invalid value at 'generation_config.seed' (TYPE_INT32)");
  }
  const json::Value* image_config = Either(*config, "imageConfig", "image_config");
  if (image_config != nullptr) RETURN_IF_ERROR(ReadImageConfig(*image_config, call));
  const json::Value* modalities = Either(*config, "responseModalities", "response_modalities");
  if (modalities == nullptr) return absl::OkStatus();
  bool image = false;
  for (const json::Value& each : modalities->elements()) {
    image = image || each.String() == "IMAGE";
    if (each.String() != "IMAGE" && each.String() != "TEXT") {
      return absl::InvalidArgumentError("Invalid value at 'generation_config.response_modalities'");
    }
  }
  if (image) return absl::OkStatus();
  return absl::InvalidArgumentError("Model does not support the requested response modalities: text");
}

// AI Studio's path has the model; Vertex AI's has project, location and publisher before it.
absl::StatusOr<ImageCall> Parse(const http::Request& request, absl::string_view path_model) {
  ASSIGN_OR_RETURN(json::Document document, ParseObject(request.body));
  const json::Value& root = document.root();
  RETURN_IF_ERROR(CheckKnown(root, "request",
                             {"contents", "generationConfig", "generation_config", "safetySettings",
                              "safety_settings", "systemInstruction", "system_instruction", "tools",
                              "toolConfig", "cachedContent", "labels", "model"}));
  size_t models = path_model.rfind("/models/");
  if (models != absl::string_view::npos) path_model.remove_prefix(models + 8);
  ImageCall call;
  ASSIGN_OR_RETURN(std::string prompt, ReadContents(root, call));
  RETURN_IF_ERROR(SetModelAndPrompt(path_model, prompt, call));
  RETURN_IF_ERROR(ReadConfig(root, call));
  return call;
}

void WriteImage(absl::string_view base64, bool is_thought, json::Writer& writer) {
  writer.BeginObject().Key("inlineData").BeginObject().Key("mimeType").String("image/png");
  writer.Key("data").PlainString(base64).EndObject();
  if (is_thought) writer.Key("thought").Bool(true);
  writer.EndObject();
}

void WriteParts(const ImageAnswer& answer, json::Writer& writer) {
  writer.BeginArray();
  if (answer.steering.thought) {
    writer.BeginObject().Key("text").String("First a sketch.").Key("thought").Bool(true).EndObject();
    // Not a picture that anybody asked for; who takes it has taken a wrong one.
    WriteImage(absl::Base64Escape("A sketch, not an image."), true, writer);
  }
  if (answer.steering.revised) {
    writer.BeginObject().Key("text").String(absl::StrCat(answer.call.prompt, ", seen through a prism"));
    writer.EndObject();
  }
  for (const ImageAnswer::Image& image : answer.images) WriteImage(image.base64, false, writer);
  writer.EndArray();
}

void WriteModality(absl::string_view name, int64_t tokens, json::Writer& writer) {
  writer.BeginObject().Key("modality").String(name).Key("tokenCount").Int(tokens).EndObject();
}

void WriteUsage(const ImageAnswer& answer, json::Writer& writer) {
  int text = 16, references = 258 * answer.call.references;
  int output = kTokensPerImage * static_cast<int>(answer.images.size());
  writer.Key("usageMetadata").BeginObject();
  writer.Key("promptTokenCount").Int(text + references).Key("candidatesTokenCount").Int(output);
  writer.Key("totalTokenCount").Int(text + references + output);
  writer.Key("promptTokensDetails").BeginArray();
  WriteModality("TEXT", text, writer);
  if (references > 0) WriteModality("IMAGE", references, writer);
  writer.EndArray();
  if (output > 0) {
    writer.Key("candidatesTokensDetails").BeginArray();
    WriteModality("IMAGE", output, writer);
    writer.EndArray();
  }
  writer.EndObject();
}

http::Response Ended(const ImageAnswer& answer, json::Writer& writer) {
  WriteUsage(answer, writer);
  writer.Key("modelVersion").String(answer.call.model);
  writer.Key("responseId").String(absl::StrCat("sandbox-", answer.created)).EndObject();
  return JsonResponse(writer.Take());
}

http::Response Answer(const ImageAnswer& answer) {
  size_t size = 1024;
  for (const ImageAnswer::Image& image : answer.images) size += image.base64.size() + 128;
  json::Writer writer(size);
  writer.BeginObject().Key("candidates").BeginArray();
  if (answer.steering.body != BodyFault::kEmptyData) {
    writer.BeginObject();
    if (!answer.images.empty()) {
      writer.Key("content").BeginObject().Key("role").String("model").Key("parts");
      WriteParts(answer, writer);
      writer.EndObject();
    }
    writer.Key("finishReason").String(answer.images.empty() ? "NO_IMAGE" : "STOP").Key("index").Int(0);
    writer.EndObject();
  }
  writer.EndArray();
  return Ended(answer, writer);
}

http::Response Refusal(const ImageAnswer& answer) {
  json::Writer writer;
  writer.BeginObject();
  if (answer.steering.refuse == "prompt") {
    writer.Key("promptFeedback").BeginObject().Key("blockReason").String("PROHIBITED_CONTENT").EndObject();
  } else {
    writer.Key("candidates").BeginArray().BeginObject().Key("finishReason").String("IMAGE_SAFETY");
    writer.Key("finishMessage").String("Unable to show the generated image.");
    writer.Key("index").Int(0).EndObject().EndArray();
  }
  return Ended(answer, writer);
}

bool Authorized(const http::Request& request, absl::string_view key) {
  return HasInHeader(request, "x-goog-api-key", key) || HasBearer(request, key);
}

http::Response Unauthorized(const http::Request& request) {
  if (!request.header("authorization").empty()) {
    return GoogleError({.status = 401,
                        .message = "Request had invalid authentication credentials. Expected OAuth 2 access "
                                   "token, login cookie or other valid authentication credential."});
  }
  if (request.header("x-goog-api-key").empty()) {
    return GoogleError({.status = 403,
                        .message = "Method doesn't allow unregistered callers (callers without established "
                                   "identity). Please use API Key or other form of API consumer identity to "
                                   "call this API."});
  }
  // Not 401: Google finds a wrong API key an invalid argument.
  return JsonResponse(
      R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":)"
      R"("INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":)"
      R"("API_KEY_INVALID","domain":"googleapis.com"}]}})",
      400);
}

}  // namespace

const WireFormat kGemini = {.name = "gemini",
                            .authorized = Authorized,
                            .unauthorized = Unauthorized,
                            .parse = Parse,
                            .answer = Answer,
                            .refusals = "prompt image",
                            .refusal = Refusal,
                            .error = GoogleError,
                            .has_urls = false};

}  // namespace prismatic::sandbox
