#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {
namespace {

constexpr int kImagesMax = 10;

// Reference images by any of the names that upstreams of this format know.
int CountReferences(const json::Value& root) {
  int count = 0;
  for (absl::string_view name : {"image_url", "image", "images", "input_references", "reference_images"}) {
    const json::Value* value = root.FindNonNull(name);
    if (value == nullptr) continue;
    count += value->is_array() ? static_cast<int>(value->elements().size()) : 1;
  }
  return count;
}

absl::StatusOr<ImageCall> Parse(const std::string& body) {
  ASSIGN_OR_RETURN(json::Document document, json::Document::Parse(body));
  const json::Value& root = document.root();
  if (!root.is_object()) return absl::InvalidArgumentError("The body must be a JSON object.");
  ImageCall call;
  ASSIGN_OR_RETURN(std::string model, TextField(root, "model"));
  ASSIGN_OR_RETURN(std::string prompt, TextField(root, "prompt"));
  RETURN_IF_ERROR(SetModelAndPrompt(model, prompt, call));
  ASSIGN_OR_RETURN(std::string size, TextField(root, "size"));
  ASSIGN_OR_RETURN(std::string ratio, TextField(root, "aspect_ratio"));
  ASSIGN_OR_RETURN(call.frame, FrameFor(size, ratio));
  ASSIGN_OR_RETURN(call.seed, IntField(root, "seed"));
  ASSIGN_OR_RETURN(std::optional<int64_t> images, IntField(root, "n"));
  call.images = static_cast<int>(images.value_or(1));
  if (images && (*images < 1 || *images > kImagesMax)) {
    return absl::InvalidArgumentError("`n` must be 1 to 10.");
  }
  ASSIGN_OR_RETURN(std::string form, TextField(root, "response_format"));
  if (!form.empty() && form != "url" && form != "b64_json") {
    return absl::InvalidArgumentError("`response_format` must be `url` or `b64_json`.");
  }
  call.wants_url = form == "url";
  call.references = CountReferences(root);
  return call;
}

void WriteUsage(int images, json::Writer& writer) {
  // What one of OpenAI's pictures of middle quality takes.
  int input = 16, output = 1056 * images;
  writer.Key("usage").BeginObject();
  writer.Key("total_tokens").Int(input + output).Key("input_tokens").Int(input);
  writer.Key("output_tokens").Int(output);
  writer.Key("input_tokens_details").BeginObject();
  writer.Key("text_tokens").Int(input).Key("image_tokens").Int(0).EndObject();
  writer.EndObject();
}

std::string Answer(const ImageAnswer& answer) {
  size_t size = 512;
  for (const ImageAnswer::Image& image : answer.images) size += image.base64.size() + 256;
  json::Writer writer(size + answer.prompt.size() * answer.images.size());
  writer.BeginObject().Key("created").Int(answer.created).Key("data").BeginArray();
  for (const ImageAnswer::Image& image : answer.images) {
    writer.BeginObject();
    if (image.url.empty()) {
      writer.Key("b64_json").PlainString(image.base64);
    } else {
      writer.Key("url").String(image.url);
    }
    if (answer.steering.revised) {
      writer.Key("revised_prompt").String(absl::StrCat(answer.prompt, ", seen through a prism"));
    }
    writer.EndObject();
  }
  writer.EndArray();
  if (answer.steering.usage) WriteUsage(static_cast<int>(answer.images.size()), writer);
  writer.EndObject();
  return writer.Take();
}

http::Response Refusal(const ImageAnswer&) {
  http::Response response;
  response.status = 400;
  response.body = ErrorJson(
      "Your request was rejected by the safety system. If you believe this is an error, contact us.",
      "image_generation_user_error", "moderation_blocked");
  return response;
}

}  // namespace

const WireFormat kOpenAiImages = {.name = "openai_images",
                                  .path = "/v1/images/generations",
                                  .parse = Parse,
                                  .answer = Answer,
                                  .refusal = Refusal};

}  // namespace prismatic::sandbox
