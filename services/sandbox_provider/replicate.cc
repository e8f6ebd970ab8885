#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/credentials.h"
#include "services/sandbox_provider/references.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {
namespace {

constexpr int kImagesMax = 4;

absl::StatusOr<Frame> ReadFrame(const json::Value& input) {
  ASSIGN_OR_RETURN(std::string size, TextField(input, "size"));
  ASSIGN_OR_RETURN(std::string ratio, TextField(input, "aspect_ratio"));
  ASSIGN_OR_RETURN(std::optional<int64_t> width, IntField(input, "width"));
  ASSIGN_OR_RETURN(std::optional<int64_t> height, IntField(input, "height"));
  if (width && height) size = absl::StrCat(*width, "x", *height);
  return FrameFor(size, ratio);
}

absl::Status ReadInput(const json::Value& input, ImageCall& call) {
  ASSIGN_OR_RETURN(call.frame, ReadFrame(input));
  ASSIGN_OR_RETURN(call.seed, IntField(input, "seed"));
  RETURN_IF_ERROR(TextField(input, "negative_prompt").status());
  RETURN_IF_ERROR(TextField(input, "output_format").status());
  ASSIGN_OR_RETURN(std::optional<int64_t> images, IntField(input, "num_outputs"));
  if (images.value_or(1) < 1 || images.value_or(1) > kImagesMax) {
    return absl::InvalidArgumentError("`num_outputs` must be 1 to 4");
  }
  call.images = static_cast<int>(images.value_or(1));
  call.wants_list = images.has_value();
  ASSIGN_OR_RETURN(
      call.references,
      CountCheckedReferences(
          input, {"image", "images", "image_input", "input_image", "input_images", "image_prompt",
                  "input_image_2", "input_image_3", "input_image_4", "input_image_5", "input_image_6",
                  "input_image_7", "input_image_8", "reference_images"}));
  return absl::OkStatus();
}

// The model stands in the path, or its `version` in the body.
absl::StatusOr<ImageCall> Parse(const http::Request& request, absl::string_view path_model) {
  ASSIGN_OR_RETURN(json::Document document, ParseObject(request.body));
  const json::Value& root = document.root();
  ImageCall call;
  ASSIGN_OR_RETURN(std::string model, TextField(root, "version"));
  if (!path_model.empty()) model = std::string(path_model);
  if (model.empty()) return absl::InvalidArgumentError("`version` is required");
  const json::Value* input = root.FindNonNull("input");
  if (input == nullptr || !input->is_object()) return absl::InvalidArgumentError("`input` is required");
  ASSIGN_OR_RETURN(std::string prompt, TextField(*input, "prompt"));
  RETURN_IF_ERROR(SetModelAndPrompt(model, prompt, call));
  RETURN_IF_ERROR(ReadInput(*input, call));
  call.wants_url = true;
  call.waits = absl::StartsWith(request.header("prefer"), "wait");
  return call;
}

void WriteOutput(const ImageAnswer& job, json::Writer& writer) {
  bool is_list = job.call.wants_list || job.images.size() != 1;
  if (!is_list) {
    writer.String(job.images[0].url);
    return;
  }
  writer.BeginArray();
  for (const ImageAnswer::Image& image : job.images) writer.String(image.url);
  writer.EndArray();
}

// A prediction as every one of its answers has it; an empty error is none.
http::Response Prediction(const ImageAnswer& job, absl::string_view status, absl::string_view error = "") {
  std::string url = absl::StrCat(job.base_url, "/replicate/v1/predictions/", job.job_id);
  json::Writer writer;
  writer.BeginObject().Key("id").String(job.job_id).Key("model").String(job.call.model);
  writer.Key("version").String("hidden").Key("input").BeginObject();
  writer.Key("prompt").String(job.call.prompt).EndObject().Key("logs").String("").Key("output");
  if (status == "succeeded") {
    WriteOutput(job, writer);
  } else {
    writer.Null();
  }
  writer.Key("error");
  if (error.empty()) {
    writer.Null();
  } else {
    writer.String(error);
  }
  writer.Key("status").String(status).Key("data_removed").Bool(false);
  writer.Key("created_at")
      .String(absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(job.created), absl::UTCTimeZone()));
  writer.Key("urls").BeginObject().Key("get").String(url);
  writer.Key("cancel").String(absl::StrCat(url, "/cancel")).EndObject().EndObject();
  return JsonResponse(writer.Take());
}

http::Response Submitted(const ImageAnswer& job) {
  // With `Prefer: wait` it had its time to begin.
  http::Response response = Prediction(job, job.call.waits ? "processing" : "starting");
  response.status = 201;
  return response;
}

http::Response Pending(const ImageAnswer& job) { return Prediction(job, "processing"); }
http::Response Answer(const ImageAnswer& job) { return Prediction(job, "succeeded"); }
http::Response Refusal(const ImageAnswer& job) {
  return Prediction(job, "failed",
                    job.steering.refuse == "nsfw"
                        ? "NSFW content detected. Try running it again, or try a different prompt."
                        : "The input or output was flagged as sensitive. Please try again with different "
                          "inputs. (E005)");
}

http::Response Unauthorized(const http::Request&) {
  return ReplicateError({.status = 401, .message = "You did not pass a valid authentication token"});
}

http::Response Unknown(const std::string&) {
  return ReplicateError({.status = 404, .message = "The requested resource could not be found."});
}

constexpr JobWords kWords = {
    .submitted = Submitted, .pending = Pending, .completed = nullptr, .unknown = Unknown};

}  // namespace

const WireFormat kReplicate = {.name = "replicate",
                               .authorized = HasBearer,
                               .unauthorized = Unauthorized,
                               .parse = Parse,
                               .answer = Answer,
                               .refusals = "nsfw content",
                               .refusal = Refusal,
                               .error = ReplicateError,
                               .bad_request = 422,
                               .job = &kWords};

}  // namespace prismatic::sandbox
