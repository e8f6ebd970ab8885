#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/credentials.h"
#include "services/sandbox_provider/references.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {
namespace {

constexpr int64_t kSideMin = 256;
constexpr int64_t kSideMax = 1920;

absl::StatusOr<Frame> ReadFrame(const json::Value& root) {
  ASSIGN_OR_RETURN(std::string ratio, TextField(root, "aspect_ratio"));
  ASSIGN_OR_RETURN(std::optional<int64_t> width, IntField(root, "width"));
  ASSIGN_OR_RETURN(std::optional<int64_t> height, IntField(root, "height"));
  if (!width && !height) return FrameFor("", ratio);
  int64_t sides[] = {width.value_or(1024), height.value_or(1024)};
  for (int64_t side : sides) {
    if (side < kSideMin || side > kSideMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("`", side == sides[0] ? "width" : "height", "` should be 256 to 1920"));
    }
  }
  return FrameFor(absl::StrCat(sides[0], "x", sides[1]), "");
}

absl::Status CheckOthers(const json::Value& root) {
  ASSIGN_OR_RETURN(std::string form, TextField(root, "output_format"));
  if (!form.empty() && form != "jpeg" && form != "png" && form != "webp") {
    return absl::InvalidArgumentError("`output_format` should be 'jpeg' or 'png'");
  }
  ASSIGN_OR_RETURN(std::optional<int64_t> tolerance, IntField(root, "safety_tolerance"));
  if (tolerance.value_or(0) < 0 || tolerance.value_or(0) > 6) {
    return absl::InvalidArgumentError("`safety_tolerance` should be 0 to 6");
  }
  return BoolField(root, "prompt_upsampling").status();
}

absl::StatusOr<ImageCall> Parse(const http::Request& request, absl::string_view path_model) {
  ASSIGN_OR_RETURN(json::Document document, ParseObject(request.body));
  const json::Value& root = document.root();
  ImageCall call;
  ASSIGN_OR_RETURN(std::string prompt, TextField(root, "prompt"));
  RETURN_IF_ERROR(SetModelAndPrompt(path_model, prompt, call));
  ASSIGN_OR_RETURN(call.frame, ReadFrame(root));
  ASSIGN_OR_RETURN(call.seed, IntField(root, "seed"));
  RETURN_IF_ERROR(CheckOthers(root));
  ASSIGN_OR_RETURN(
      call.references,
      CountCheckedReferences(root, {"input_image", "input_image_2", "input_image_3", "input_image_4",
                                    "input_image_5", "input_image_6", "input_image_7", "input_image_8",
                                    "input_image_9", "input_image_10", "image_prompt"}));
  call.wants_url = true;
  return call;
}

http::Response Submitted(const ImageAnswer& job) {
  json::Writer writer;
  writer.BeginObject().Key("id").String(job.job_id).Key("polling_url");
  writer.String(absl::StrCat(job.base_url, "/bfl/v1/get_result?id=", job.job_id));
  writer.Key("cost").Int(4).Key("input_mp").Int(job.call.references).Key("output_mp").Int(1).EndObject();
  return JsonResponse(writer.Take());
}

// Its words for one state; with its picture if there is one.
http::Response State(const ImageAnswer& job, absl::string_view status) {
  json::Writer writer;
  writer.BeginObject().Key("id").String(job.job_id).Key("status").String(status).Key("result");
  if (status != "Ready" || job.steering.body == BodyFault::kEmptyData) {
    writer.Null();
  } else {
    writer.BeginObject();
    if (!job.images.empty()) writer.Key("sample").String(job.images[0].url);
    writer.Key("prompt").String(job.call.prompt).Key("seed").Int(job.call.seed.value_or(1)).EndObject();
  }
  writer.Key("progress").Null().Key("details").Null().EndObject();
  return JsonResponse(writer.Take());
}

http::Response Pending(const ImageAnswer& job) { return State(job, "Pending"); }
http::Response Answer(const ImageAnswer& job) { return State(job, "Ready"); }
http::Response Refusal(const ImageAnswer& job) {
  return State(job, job.steering.refuse == "content" ? "Content Moderated" : "Request Moderated");
}

bool Authorized(const http::Request& request, absl::string_view key) {
  return HasInHeader(request, "x-key", key);
}

http::Response Unauthorized(const http::Request& request) {
  bool is_given = !request.header("x-key").empty();
  return DetailError(
      {.status = 403,
       .message = is_given ? "Not authenticated - Invalid Authentication" : "Not authenticated"});
}

http::Response Unknown(const std::string& id) {
  json::Writer writer;
  writer.BeginObject().Key("id").String(id).Key("status").String("Task not found").Key("result").Null();
  return JsonResponse(writer.EndObject().Take(), 404);
}

constexpr JobWords kWords = {
    .submitted = Submitted, .pending = Pending, .completed = nullptr, .unknown = Unknown};

}  // namespace

const WireFormat kBlackForestLabs = {.name = "black_forest_labs",
                                     .authorized = Authorized,
                                     .unauthorized = Unauthorized,
                                     .parse = Parse,
                                     .answer = Answer,
                                     .refusals = "request content",
                                     .refusal = Refusal,
                                     .error = DetailError,
                                     .bad_request = 422,
                                     .job = &kWords};

}  // namespace prismatic::sandbox
