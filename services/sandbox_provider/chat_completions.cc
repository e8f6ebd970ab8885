#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"
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

absl::StatusOr<ImageCall> Parse(const std::string& body) {
  ASSIGN_OR_RETURN(json::Document document, json::Document::Parse(body));
  const json::Value& root = document.root();
  if (!root.is_object()) return absl::InvalidArgumentError("The body must be a JSON object.");
  const json::Value* stream = root.FindNonNull("stream");
  if (stream != nullptr && stream->Bool() != false) {
    return absl::InvalidArgumentError("The sandbox does not stream.");
  }
  const json::Value* message = LastUserMessage(root);
  if (message == nullptr) return absl::InvalidArgumentError("`messages` must have a message of role `user`.");
  ImageCall call;
  ASSIGN_OR_RETURN(std::string model, TextField(root, "model"));
  ASSIGN_OR_RETURN(std::string prompt, ReadContent(*message, call));
  RETURN_IF_ERROR(SetModelAndPrompt(model, prompt, call));
  ASSIGN_OR_RETURN(call.frame, ReadFrame(root));
  ASSIGN_OR_RETURN(call.seed, IntField(root, "seed"));
  return call;
}

void WriteImages(const ImageAnswer& answer, json::Writer& writer) {
  writer.Key("images").BeginArray();
  for (const ImageAnswer::Image& image : answer.images) {
    writer.BeginObject().Key("type").String("image_url").Key("image_url").BeginObject().Key("url");
    if (image.url.empty()) {
      writer.PlainString(absl::StrCat("data:image/png;base64,", image.base64));
    } else {
      writer.String(image.url);
    }
    writer.EndObject().EndObject();
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

std::string Completion(const ImageAnswer& answer, absl::string_view words) {
  size_t size = 1024;
  for (const ImageAnswer::Image& image : answer.images) size += image.base64.size() + 256;
  json::Writer writer(size);
  writer.BeginObject().Key("id").String(absl::StrCat("gen-sandbox-", answer.created));
  writer.Key("object").String("chat.completion").Key("created").Int(answer.created);
  writer.Key("model").String(answer.model);
  writer.Key("choices").BeginArray().BeginObject().Key("index").Int(0).Key("finish_reason").String("stop");
  writer.Key("message").BeginObject().Key("role").String("assistant").Key("content").String(words);
  if (!answer.images.empty() || answer.steering.body == BodyFault::kEmptyData) WriteImages(answer, writer);
  writer.EndObject().EndObject().EndArray();
  if (answer.steering.usage) WriteUsage(static_cast<int>(answer.images.size()), writer);
  writer.EndObject();
  return writer.Take();
}

std::string Answer(const ImageAnswer& answer) {
  return Completion(answer, answer.steering.revised ? absl::StrCat(answer.prompt, ", seen through a prism")
                                                    : "Here is your picture.");
}

http::Response Refusal(const ImageAnswer& answer) {
  http::Response response;
  response.body = Completion(answer, "I can't help with that picture.");
  return response;
}

}  // namespace

const WireFormat kChatCompletions = {.name = "chat_completions",
                                     .path = "/v1/chat/completions",
                                     .parse = Parse,
                                     .answer = Answer,
                                     .refusal = Refusal};

}  // namespace prismatic::sandbox
