#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/common/status/status_macros.h"
#include "services/sandbox_provider/credentials.h"
#include "services/sandbox_provider/references.h"
#include "services/sandbox_provider/wire_formats.h"

namespace prismatic::sandbox {
namespace {

constexpr int kImagesMax = 4;
constexpr int64_t kSideMax = 14'142;

absl::StatusOr<Frame> NamedFrame(absl::string_view name) {
  static constexpr struct {
    absl::string_view name;
    Frame frame;
  } kNames[] = {{"square_hd", {1024, 1024}},    {"square", {512, 512}},
                {"portrait_4_3", {768, 1024}},  {"portrait_16_9", {576, 1024}},
                {"landscape_4_3", {1024, 768}}, {"landscape_16_9", {1024, 576}}};
  for (const auto& known : kNames) {
    if (known.name == name) return known.frame;
  }
  return absl::InvalidArgumentError("`image_size` should be a known size or an object with width and height");
}

absl::StatusOr<Frame> ReadFrame(const json::Value& root) {
  ASSIGN_OR_RETURN(std::string ratio, TextField(root, "aspect_ratio"));
  const json::Value* size = root.FindNonNull("image_size");
  if (size == nullptr) return FrameFor("", ratio);
  if (!size->is_object()) return NamedFrame(size->String().value_or(""));
  ASSIGN_OR_RETURN(std::optional<int64_t> width, IntField(*size, "width"));
  ASSIGN_OR_RETURN(std::optional<int64_t> height, IntField(*size, "height"));
  for (std::optional<int64_t> side : {width, height}) {
    if (!side || *side < 1 || *side > kSideMax) {
      return absl::InvalidArgumentError("`image_size` needs width and height from 1 to 14142");
    }
  }
  return FrameFor(absl::StrCat(*width, "x", *height), "");
}

absl::StatusOr<ImageCall> Parse(const http::Request& request, absl::string_view path_model) {
  ASSIGN_OR_RETURN(json::Document document, ParseObject(request.body));
  const json::Value& root = document.root();
  ImageCall call;
  ASSIGN_OR_RETURN(std::string prompt, TextField(root, "prompt"));
  RETURN_IF_ERROR(SetModelAndPrompt(path_model, prompt, call));
  ASSIGN_OR_RETURN(call.frame, ReadFrame(root));
  ASSIGN_OR_RETURN(call.seed, IntField(root, "seed"));
  RETURN_IF_ERROR(TextField(root, "negative_prompt").status());
  RETURN_IF_ERROR(BoolField(root, "enable_safety_checker").status());
  ASSIGN_OR_RETURN(std::optional<int64_t> images, IntField(root, "num_images"));
  if (images.value_or(1) < 1 || images.value_or(1) > kImagesMax) {
    return absl::InvalidArgumentError("`num_images` should be 1 to 4");
  }
  call.images = static_cast<int>(images.value_or(1));
  ASSIGN_OR_RETURN(call.references,
                   CountCheckedReferences(root, {"image_url", "image_urls", "reference_image_urls"}));
  // With it pictures come as data: URLs.
  ASSIGN_OR_RETURN(std::optional<bool> sync_mode, BoolField(root, "sync_mode"));
  call.wants_url = !sync_mode.value_or(false);
  return call;
}

std::string RequestUrl(const ImageAnswer& job) {
  return absl::StrCat(job.base_url, "/fal/", FalApp(job.call.model), "/requests/", job.job_id);
}

http::Response State(const ImageAnswer& job, absl::string_view status, int http_status) {
  std::string url = RequestUrl(job);
  json::Writer writer;
  writer.BeginObject().Key("status").String(status).Key("request_id").String(job.job_id);
  writer.Key("response_url").String(url).Key("status_url").String(absl::StrCat(url, "/status"));
  writer.Key("cancel_url").String(absl::StrCat(url, "/cancel")).Key("logs").Null();
  if (status == "IN_QUEUE") writer.Key("queue_position").Int(0);
  writer.Key("metrics").BeginObject().EndObject().EndObject();
  return JsonResponse(writer.Take(), http_status);
}

http::Response Submitted(const ImageAnswer& job) { return State(job, "IN_QUEUE", 200); }
http::Response Pending(const ImageAnswer& job) { return State(job, "IN_PROGRESS", 202); }
http::Response Completed(const ImageAnswer& job) { return State(job, "COMPLETED", 200); }

void WriteImage(const ImageAnswer::Image& image, json::Writer& writer) {
  writer.BeginObject().Key("url");
  writer.String(image.url.empty() ? absl::StrCat("data:image/png;base64,", image.base64) : image.url);
  writer.Key("width").Int(image.frame.width).Key("height").Int(image.frame.height);
  writer.Key("content_type").String("image/png").EndObject();
}

http::Response Pictures(const ImageAnswer& job, bool is_nsfw) {
  json::Writer writer;
  writer.BeginObject().Key("images").BeginArray();
  for (const ImageAnswer::Image& image : job.images) WriteImage(image, writer);
  writer.EndArray().Key("timings").BeginObject().Key("inference").Double(0.5).EndObject();
  writer.Key("seed").Int(job.call.seed.value_or(1)).Key("has_nsfw_concepts").BeginArray();
  for (size_t i = 0; i < job.images.size(); ++i) writer.Bool(is_nsfw);
  writer.EndArray().Key("prompt").String(job.call.prompt).EndObject();
  return JsonResponse(writer.Take());
}

http::Response Answer(const ImageAnswer& job) { return Pictures(job, false); }

http::Response Refusal(const ImageAnswer& job) {
  if (job.steering.refuse == "nsfw") return Pictures(job, true);
  return DetailError({.status = 422,
                      .message =
                          "The content could not be processed because it contained material flagged by "
                          "a content checker.",
                      .code = "content_policy_violation",
                      .field = "prompt"});
}

http::Response Unauthorized(const http::Request& request) {
  bool is_given = !request.header("authorization").empty();
  return DetailError({.status = 401,
                      .message = is_given ? "No user found for Key ID and Secret"
                                          : "Authentication is required to access this application"});
}

http::Response Unknown(const std::string&) {
  return DetailError({.status = 404, .message = "Request not found"});
}

constexpr JobWords kWords = {
    .submitted = Submitted, .pending = Pending, .completed = Completed, .unknown = Unknown};

}  // namespace

std::string FalApp(absl::string_view model) {
  std::vector<absl::string_view> parts = absl::StrSplit(model, '/');
  if (parts.size() > 2) parts.resize(2);
  return absl::StrJoin(parts, "/");
}

const WireFormat kFal = {.name = "fal",
                         .authorized = HasKey,
                         .unauthorized = Unauthorized,
                         .parse = Parse,
                         .answer = Answer,
                         .refusals = "nsfw content",
                         .refusal = Refusal,
                         .error = DetailError,
                         .bad_request = 422,
                         .job = &kWords};

}  // namespace prismatic::sandbox
