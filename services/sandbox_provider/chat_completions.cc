#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/credentials.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {
namespace {

absl::Status WrongContent() {
  return absl::InvalidArgumentError(
      "The last user message's `content` must be a string or an array of `text` and `image_url` parts.");
}

// Adds one part's text to the prompt, or its image to the references.
absl::Status ReadPart(const json::Value& part, std::string& prompt, ImageCall& call) {
  ASSIGN_OR_RETURN(std::string type, TextField(part, "type"));
  if (type == "text") {
    ASSIGN_OR_RETURN(std::string text, TextField(part, "text"));
    absl::StrAppend(&prompt, prompt.empty() ? "" : "\n", text);
    return absl::OkStatus();
  }
  const json::Value* image = part.FindNonNull("image_url");
  if (type != "image_url" || image == nullptr) return WrongContent();
  const json::Value* url = image->is_object() ? image->FindNonNull("url") : image;
  if (url == nullptr || !url->is_string()) return WrongContent();
  ++call.references;
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadContent(const json::Value& message, ImageCall& call) {
  const json::Value* content = message.FindNonNull("content");
  if (content == nullptr) return WrongContent();
  if (std::optional<std::string> text = content->String()) return *std::move(text);
  if (!content->is_array()) return WrongContent();
  std::string prompt;
  for (const json::Value& part : content->elements()) {
    RETURN_IF_ERROR(ReadPart(part, prompt, call));
  }
  return prompt;
}

// The last message of a user; nullptr when there is none.
const json::Value* LastUserMessage(const json::Value& root) {
  const json::Value* messages = root.FindNonNull("messages");
  if (messages == nullptr) return nullptr;
  const json::Value* last = nullptr;
  for (const json::Value& message : messages->elements()) {
    const json::Value* role = message.FindNonNull("role");
    if (role != nullptr && role->String() == "user") last = &message;
  }
  return last;
}

absl::StatusOr<Frame> ReadFrame(const json::Value& root) {
  const json::Value* config = root.FindNonNull("image_config");
  ASSIGN_OR_RETURN(std::string size, TextField(config == nullptr ? root : *config, "image_size"));
  ASSIGN_OR_RETURN(std::string ratio, TextField(config == nullptr ? root : *config, "aspect_ratio"));
  if (size.empty()) {
    ASSIGN_OR_RETURN(size, TextField(root, "size"));
  }
  return FrameFor(size, ratio);
}

// Models that give nothing but pictures are not found when text is asked for, too.
absl::Status CheckModalities(const json::Value& root, absl::string_view model) {
  const json::Value* modalities = root.FindNonNull("modalities");
  if (modalities == nullptr) return absl::OkStatus();
  if (!modalities->is_array() || modalities->elements().empty()) {
    return absl::InvalidArgumentError("`modalities` must be a list.");
  }
  bool text = false, image = false;
  for (const json::Value& each : modalities->elements()) {
    text = text || each.String() == "text";
    image = image || each.String() == "image";
    if (each.String() != "text" && each.String() != "image") {
      return absl::InvalidArgumentError("`modalities` may hold `image` and `text`.");
    }
  }
  bool image_only = absl::StrContains(model, "flux") || absl::StrContains(model, "seedream");
  if (image && !(text && image_only)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("No endpoints found that support the requested output modalities: ",
                                          image ? "image, text" : "text"));
}

absl::StatusOr<ImageCall> Parse(const http::Request& request, absl::string_view) {
  ASSIGN_OR_RETURN(json::Document document, ParseObject(request.body));
  const json::Value& root = document.root();
  const json::Value* stream = root.FindNonNull("stream");
  if (stream != nullptr && stream->Bool() != false) {
    return absl::InvalidArgumentError("The sandbox does not `stream`.");
  }
  const json::Value* message = LastUserMessage(root);
  if (message == nullptr) return absl::InvalidArgumentError("`messages` must have a message of role `user`.");
  ImageCall call;
  ASSIGN_OR_RETURN(std::string model, TextField(root, "model"));
  ASSIGN_OR_RETURN(std::string prompt, ReadContent(*message, call));
  RETURN_IF_ERROR(SetModelAndPrompt(model, prompt, call));
  RETURN_IF_ERROR(CheckModalities(root, call.model));
  ASSIGN_OR_RETURN(call.frame, ReadFrame(root));
  ASSIGN_OR_RETURN(call.seed, IntField(root, "seed"));
  return call;
}

std::string UrlOf(const ImageAnswer::Image& image) {
  return image.url.empty() ? absl::StrCat("data:image/png;base64,", image.base64) : image.url;
}

void WriteImages(const ImageAnswer& answer, json::Writer& writer) {
  writer.Key("images").BeginArray();
  for (const ImageAnswer::Image& image : answer.images) {
    writer.BeginObject().Key("type").String("image_url").Key("image_url").BeginObject().Key("url");
    writer.String(UrlOf(image)).EndObject().EndObject();
  }
  writer.EndArray();
}

void WriteUsage(int images, json::Writer& writer) {
  int prompt = 16, completion = 1290 * images;
  writer.Key("usage").BeginObject();
  writer.Key("prompt_tokens").Int(prompt).Key("completion_tokens").Int(completion);
  writer.Key("total_tokens")
      .Int(prompt + completion)
      .Key("cost")
      .Raw(images == 0 ? "0" : "0.039")
      .EndObject();
}

http::Response Completion(const ImageAnswer& answer, absl::string_view words,
                          absl::string_view ending = "stop") {
  size_t size = 1024 + words.size();
  for (const ImageAnswer::Image& image : answer.images) size += image.base64.size() + 256;
  json::Writer writer(size);
  writer.BeginObject().Key("id").String(absl::StrCat("gen-sandbox-", answer.created));
  writer.Key("object").String("chat.completion").Key("created").Int(answer.created);
  writer.Key("model").String(answer.call.model);
  writer.Key("choices").BeginArray().BeginObject().Key("index").Int(0).Key("finish_reason").String(ending);
  writer.Key("message").BeginObject().Key("role").String("assistant").Key("content").String(words);
  bool is_list = !answer.images.empty() || answer.steering.body == BodyFault::kEmptyData;
  if (is_list && !answer.steering.markdown) WriteImages(answer, writer);
  writer.EndObject().EndObject().EndArray();
  if (answer.steering.usage) WriteUsage(static_cast<int>(answer.images.size()), writer);
  writer.EndObject();
  return JsonResponse(writer.Take());
}

http::Response Answer(const ImageAnswer& answer) {
  std::string words = answer.steering.revised ? absl::StrCat(answer.call.prompt, ", seen through a prism")
                                              : "Here is your picture.";
  if (answer.steering.markdown) {
    for (const ImageAnswer::Image& image : answer.images) {
      absl::StrAppend(&words, "\n\n![picture](", UrlOf(image), ")");
    }
  }
  return Completion(answer, words);
}

http::Response Refusal(const ImageAnswer& answer) {
  if (answer.steering.refuse == "filter") return Completion(answer, "", "content_filter");
  return Completion(answer, "I can't help with that picture.");
}

http::Response Unauthorized(const http::Request&) {
  return OpenAiError({.status = 401, .message = "Incorrect API key provided."});
}

}  // namespace

const WireFormat kChatCompletions = {.name = "chat_completions",
                                     .authorized = HasBearer,
                                     .unauthorized = Unauthorized,
                                     .parse = Parse,
                                     .answer = Answer,
                                     .refusals = "text filter",
                                     .refusal = Refusal,
                                     .error = OpenAiError};

}  // namespace prismatic::sandbox
