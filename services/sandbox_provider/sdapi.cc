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
constexpr int64_t kSideMin = 64;
constexpr int64_t kSideMax = 2048;

absl::StatusOr<int64_t> NumberWithin(const json::Value& root, absl::string_view name, int64_t fallback,
                                     int64_t min, int64_t max) {
  ASSIGN_OR_RETURN(std::optional<int64_t> number, IntField(root, name));
  int64_t value = number.value_or(fallback);
  if (value < min || value > max) {
    return absl::InvalidArgumentError(absl::StrCat("`", name, "` must be ", min, " to ", max, "."));
  }
  return value;
}

absl::Status CheckTypes(const json::Value& root) {
  for (absl::string_view name : {"negative_prompt", "sampler_name", "scheduler"}) {
    RETURN_IF_ERROR(TextField(root, name).status());
  }
  for (absl::string_view name : {"cfg_scale", "denoising_strength"}) {
    const json::Value* value = root.FindNonNull(name);
    if (value != nullptr && !value->Double()) {
      return absl::InvalidArgumentError(absl::StrCat("`", name, "` must be a number."));
    }
  }
  return NumberWithin(root, "steps", 20, 1, 150).status();
}

absl::StatusOr<std::string> Checkpoint(const json::Value& root) {
  const json::Value* settings = root.FindNonNull("override_settings");
  if (settings == nullptr) return "";
  if (!settings->is_object()) return absl::InvalidArgumentError("`override_settings` must be an object.");
  return TextField(*settings, "sd_model_checkpoint");
}

absl::Status ReadReferences(const http::Request& request, const json::Value& root, ImageCall& call) {
  if (!absl::EndsWith(request.path, "/img2img")) return absl::OkStatus();
  ASSIGN_OR_RETURN(call.references, CountCheckedReferences(root, {"init_images"}));
  return call.references > 0 ? absl::OkStatus() : absl::NotFoundError("Init image not found");
}

absl::StatusOr<ImageCall> Parse(const http::Request& request, absl::string_view) {
  ASSIGN_OR_RETURN(json::Document document, ParseObject(request.body));
  const json::Value& root = document.root();
  ImageCall call;
  ASSIGN_OR_RETURN(std::string model, Checkpoint(root));
  ASSIGN_OR_RETURN(std::string prompt, TextField(root, "prompt"));
  RETURN_IF_ERROR(SetModelAndPrompt(model, prompt, call));
  RETURN_IF_ERROR(CheckTypes(root));
  ASSIGN_OR_RETURN(int64_t width, NumberWithin(root, "width", 512, kSideMin, kSideMax));
  ASSIGN_OR_RETURN(int64_t height, NumberWithin(root, "height", 512, kSideMin, kSideMax));
  ASSIGN_OR_RETURN(call.frame, FrameFor(absl::StrCat(width, "x", height), ""));
  ASSIGN_OR_RETURN(call.seed, IntField(root, "seed"));
  // -1 asks for any.
  if (call.seed == -1) call.seed.reset();
  ASSIGN_OR_RETURN(int64_t batch, NumberWithin(root, "batch_size", 1, 1, kImagesMax));
  ASSIGN_OR_RETURN(int64_t rounds, NumberWithin(root, "n_iter", 1, 1, kImagesMax));
  if (batch * rounds > kImagesMax)
    return absl::InvalidArgumentError("`batch_size` times n_iter is at most 10.");
  call.images = static_cast<int>(batch * rounds);
  RETURN_IF_ERROR(ReadReferences(request, root, call));
  return call;
}

// A JSON text within the JSON, as the original has it.
std::string Info(const ImageAnswer& answer) {
  int64_t seed = answer.call.seed.value_or(1);
  json::Writer writer;
  writer.BeginObject().Key("prompt").String(answer.call.prompt).Key("seed").Int(seed);
  writer.Key("all_seeds").BeginArray();
  for (int i = 0; i < answer.call.images; ++i) writer.Int(seed + i);
  writer.EndArray().Key("width").Int(answer.call.frame.width).Key("height").Int(answer.call.frame.height);
  writer.Key("sd_model_name").String(answer.call.model);
  writer.Key("index_of_first_image")
      .Int(answer.steering.grid && answer.images.size() > 1 ? 1 : 0)
      .EndObject();
  return writer.Take();
}

http::Response Answer(const ImageAnswer& answer) {
  size_t size = 1024 + 2 * answer.call.prompt.size();
  for (const ImageAnswer::Image& image : answer.images) size += image.base64.size() + 8;
  json::Writer writer(size);
  writer.BeginObject().Key("images").BeginArray();
  for (const ImageAnswer::Image& image : answer.images) writer.PlainString(image.base64);
  writer.EndArray().Key("parameters").BeginObject().Key("prompt").String(answer.call.prompt);
  writer.Key("batch_size").Int(answer.call.images).Key("n_iter").Int(1).EndObject();
  writer.Key("info").String(Info(answer)).EndObject();
  return JsonResponse(writer.Take());
}

http::Response Unauthorized(const http::Request& request) {
  bool is_given = !request.header("authorization").empty();
  http::Response response = DetailError(
      {.status = 401, .message = is_given ? "Incorrect username or password" : "Not authenticated"});
  response.Header("WWW-Authenticate", "Basic");
  return response;
}

}  // namespace

const WireFormat kSdapi = {.name = "sdapi",
                           .authorized = HasBasic,
                           .unauthorized = Unauthorized,
                           .parse = Parse,
                           .answer = Answer,
                           .refusals = "",
                           .refusal = nullptr,
                           .error = AutomaticError,
                           .bad_request = 422,
                           .has_urls = false,
                           .has_grid = true};

}  // namespace prismatic::sandbox
