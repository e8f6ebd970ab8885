#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/job_mapping.h"
#include "services/provider_proxy/adapters/json_text.h"

// fal: a queue behind https://queue.fal.run, whose answers name where to ask for the state and where for
// the result; and https://fal.run, which answers the submission with the result.

namespace prismatic::provider_proxy {
namespace {

struct Preset {
  absl::string_view ratio;
  absl::string_view name;
};
constexpr Preset kPresets[] = {{"1:1", "square_hd"},
                               {"4:3", "landscape_4_3"},
                               {"3:4", "portrait_4_3"},
                               {"16:9", "landscape_16_9"},
                               {"9:16", "portrait_16_9"}};

// Most models take `image_size` as an object, some as text, some know only `aspect_ratio`.
void WriteShape(const JobRequest& job, RequestObject& body) {
  const catalog::v1::Route& route = job.target.route;
  if (std::optional<PixelSize> pixels = job.parameters.pixels) {
    bool apart = !FieldName(route, "width", "").empty() || !FieldName(route, "height", "").empty();
    if (apart) {
      body.Field("width", "width").Int(pixels->width);
      body.Field("height", "height").Int(pixels->height);
    } else {
      json::Writer& size = body.Field("size", "image_size").BeginObject();
      size.Key("width").Int(pixels->width).Key("height").Int(pixels->height).EndObject();
    }
  }
  if (job.parameters.size) body.Field("size", "image_size").String(*job.parameters.size);
}

// A route that writes `aspect_ratio` as `image_size` means the presets.
Parameters WithPreset(Parameters parameters, const catalog::v1::Route& route) {
  if (FieldName(route, "aspect_ratio", "aspect_ratio") != "image_size") return parameters;
  // There is one field for both, and pixels say more.
  if (parameters.pixels || parameters.size) parameters.aspect_ratio.reset();
  for (const Preset& preset : kPresets) {
    if (parameters.aspect_ratio == preset.ratio) {
      parameters.aspect_ratio = std::string(preset.name);
      break;
    }
  }
  return parameters;
}

// One image goes into `image_url` where a route takes no more, else all into `image_urls`.
void WriteReferences(const JobRequest& job, RequestObject& body) {
  const catalog::v1::Route& route = job.target.route;
  if (job.request.reference_images().empty()) return;
  bool single = route.reference_form() == catalog::v1::REFERENCE_FORM_STRING ||
                (route.reference_form() == catalog::v1::REFERENCE_FORM_UNSPECIFIED &&
                 route.max_reference_images() == 1);
  if (single) {
    body.Field("reference_images", "image_url").String(job.request.reference_images(0));
    return;
  }
  json::Writer& urls = body.Field("reference_images", "image_urls").BeginArray();
  for (const std::string& url : job.request.reference_images()) urls.String(url);
  urls.EndArray();
}

// `{"url":...}`, or the URL alone.
void ReadImage(const json::Value& image, int64_t bytes_max, Collector& collector) {
  const json::Value* url = image.is_string() ? &image : image.FindNonNull("url");
  if (url == nullptr) {
    collector.Add(absl::InvalidArgumentError("an image without a URL"));
  } else {
    collector.Add(ImageFromUrl(*url, bytes_max));
  }
}

// Whether the picture at `index` is the black one that stands for something else.
bool IsWithheld(const json::Value& root, size_t index) {
  const json::Value* concepts = root.FindNonNull("has_nsfw_concepts");
  if (concepts == nullptr) return false;
  if (concepts->Bool() == true) return true;
  return index < concepts->elements().size() && concepts->elements()[index].Bool() == true;
}

Outcome ReadResult(const json::Value& root, const Target& target, int count) {
  Collector collector(count);
  const json::Value* images = root.FindNonNull("images");
  const json::Value* image = root.FindNonNull("image");
  size_t listed = images == nullptr ? 0 : images->elements().size();
  for (size_t i = 0; i < listed && !collector.full(); ++i) {
    if (IsWithheld(root, i)) {
      collector.AddRefusal();
    } else {
      ReadImage(images->elements()[i], ImageBytesMax(target.route), collector);
    }
  }
  if (listed == 0 && IsWithheld(root, 0)) {
    collector.AddRefusal();
  } else if (listed == 0 && image != nullptr) {
    ReadImage(*image, ImageBytesMax(target.route), collector);
  }
  return collector.Finish(outcome::Failed("empty_answer", "no images"));
}

class FalMapping : public JobMapping {
 public:
  const FormatFields& Fields() const override {
    static const FormatFields* const fields =
        new FormatFields{.known = {"n", "size", "aspect_ratio", "seed", "negative_prompt", "quality", "style",
                                   "background", "moderation", "output_format", "output_compression", "user"},
                         .size_form = catalog::v1::SIZE_FORM_WIDTH_HEIGHT};
    return *fields;
  }

  EndpointDefaults Endpoint() const override { return {.path = "/{model}", .auth_scheme = AuthScheme::kKey}; }

  std::string WriteBody(const JobRequest& job) const override {
    size_t reference_bytes = 0;
    for (const std::string& url : job.request.reference_images()) reference_bytes += url.size() + 4;
    json::Writer writer(job.parameters.prompt.size() + reference_bytes + 512);
    RequestObject body(job.target.route, writer);
    body.Field("prompt", "prompt").String(job.parameters.prompt);
    if (job.parameters.n) body.Field("n", "num_images").Int(job.count);
    WriteShape(job, body);
    WritePlainFields(WithPreset(job.parameters, job.target.route), body);
    WriteReferences(job, body);
    body.End();
    return writer.Take();
  }

  Outcome ReadSubmission(const json::Value& root, const Target& target, int count) const override {
    return Read(root, target, count, /*polled=*/false);
  }

  Outcome ReadState(const json::Value& root, const Target& target, int count) const override {
    return Read(root, target, count, /*polled=*/true);
  }

  Outcome ReadPollError(const HttpResponse& response) const override {
    // The result of a job that its model did not take: its own validation comes only here.
    if (response.status == 422) return outcome::FromErrorResponse(response);
    return JobMapping::ReadPollError(response);
  }

 private:
  Outcome Read(const json::Value& root, const Target& target, int count, bool polled) const {
    if (root.FindNonNull("images") != nullptr || root.FindNonNull("image") != nullptr) {
      return ReadResult(root, target, count);
    }
    std::string status = WordsAt(root, "status");
    if (status == "in_queue" || status == "in_progress") return ReadWaiting(root, target, polled);
    if (status == "completed") return ReadCompleted(root, target);
    if (status.empty()) return outcome::Failed("bad_answer", "neither images nor a status");
    bool refused = SpeaksOfSafety(status) || SpeaksOfSafety(WordsAt(root, "error"));
    return refused ? outcome::Moderated() : JobFailed("the queue gave up on the job");
  }

  Outcome ReadWaiting(const json::Value& root, const Target& target, bool polled) const {
    std::string url = TextAt(root, "status_url");
    if (url.empty() && polled) return StillPending();
    return PollAt(url, target);
  }

  // Completed is the queue's word for both ends; the result tells which.
  Outcome ReadCompleted(const json::Value& root, const Target& target) const {
    std::string error = WordsAt(root, "error") + " " + WordsAt(root, "error_type");
    if (SpeaksOfSafety(error)) return outcome::Moderated();
    if (error.size() > 1) return JobFailed("the job ended with an error");
    Outcome fetching = PollAt(TextAt(root, "response_url"), target, absl::ZeroDuration());
    if (fetching.poll) fetching.poll->is_result = true;
    return fetching;
  }
};

}  // namespace

const JobMapping& Fal() {
  static const FalMapping* const mapping = new FalMapping;
  return *mapping;
}

}  // namespace prismatic::provider_proxy
