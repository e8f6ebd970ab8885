#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/job_mapping.h"
#include "services/provider_proxy/adapters/json_text.h"

// Replicate, behind https://api.replicate.com/v1: a prediction, whose `input` is whatever its model takes.

namespace prismatic::provider_proxy {
namespace {

// A path without the model belongs to `POST /predictions`, where the body says which version to run.
bool NamesModelInPath(const Target& target, bool has_references) {
  const catalog::v1::Endpoint& endpoint = target.provider.endpoint();
  const std::string& path =
      has_references && !endpoint.reference_path().empty() ? endpoint.reference_path() : endpoint.path();
  return path.empty() || absl::StrContains(path, "{model}");
}

constexpr absl::string_view kReferenceField = "input_image";

// Where a model takes one reference, text; under the usual name `input_image`, `input_image_2`, ...; under
// names of their own, as `image_input`, models take an array.
void WriteReferences(const JobRequest& job, RequestObject& input) {
  const catalog::v1::Route& route = job.target.route;
  std::string name = FieldName(route, "reference_images", kReferenceField);
  bool numbered = name == kReferenceField || route.max_reference_images() == 1;
  if (route.reference_form() == catalog::v1::REFERENCE_FORM_STRING) numbered = true;
  if (route.reference_form() == catalog::v1::REFERENCE_FORM_STRINGS) numbered = false;
  if (job.request.reference_images().empty()) return;
  if (!numbered) {
    json::Writer& urls = input.Key(name).BeginArray();
    for (const std::string& url : job.request.reference_images()) urls.String(url);
    urls.EndArray();
    return;
  }
  int number = 0;
  for (const std::string& url : job.request.reference_images()) {
    ++number;
    input.Key(number == 1 ? name : absl::StrCat(name, "_", number)).String(url);
  }
}

void WriteInput(const JobRequest& job, json::Writer& writer) {
  RequestObject input(job.target.route, writer);
  input.Field("prompt", "prompt").String(job.parameters.prompt);
  if (job.parameters.n) input.Field("n", "num_outputs").Int(job.count);
  if (job.parameters.size) input.Field("size", "size").String(*job.parameters.size);
  if (job.parameters.pixels) {
    input.Field("width", "width").Int(job.parameters.pixels->width);
    input.Field("height", "height").Int(job.parameters.pixels->height);
  }
  WritePlainFields(job.parameters, input);
  WriteReferences(job, input);
  input.End();
}

// One URL, or an array of them; data: URLs from some models.
Outcome ReadOutput(const json::Value& root, const Target& target, int count) {
  Collector collector(count);
  const json::Value* output = root.FindNonNull("output");
  if (output != nullptr && output->is_string()) {
    collector.Add(ImageFromUrl(*output, ImageBytesMax(target.route)));
  }
  if (output != nullptr) {
    for (const json::Value& each : output->elements()) {
      if (!collector.full()) collector.Add(ImageFromUrl(each, ImageBytesMax(target.route)));
    }
  }
  return collector.Finish(outcome::Failed("empty_answer", "succeeded without output"));
}

class ReplicateMapping : public JobMapping {
 public:
  const FormatFields& Fields() const override {
    static const FormatFields* const fields = new FormatFields{
        .known = {"n", "size", "aspect_ratio", "seed", "negative_prompt", "quality", "style", "background",
                  "moderation", "output_format", "output_compression", "user"}};
    return *fields;
  }

  EndpointDefaults Endpoint() const override { return {.path = "/models/{model}/predictions"}; }

  std::string WriteBody(const JobRequest& job) const override {
    size_t reference_bytes = 0;
    for (const std::string& url : job.request.reference_images()) reference_bytes += url.size() + 32;
    json::Writer writer(job.parameters.prompt.size() + reference_bytes + 512);
    writer.BeginObject();
    if (!NamesModelInPath(job.target, job.request.reference_images_size() > 0)) {
      writer.Key("version").String(job.target.route.upstream_model());
    }
    WriteInput(job, writer.Key("input"));
    writer.EndObject();
    return writer.Take();
  }

  // With `Prefer: wait` a submission may be the end already.
  Outcome ReadSubmission(const json::Value& root, const Target& target, int count) const override {
    return Read(root, target, count, /*polled=*/false);
  }

  Outcome ReadState(const json::Value& root, const Target& target, int count) const override {
    return Read(root, target, count, /*polled=*/true);
  }

 private:
  Outcome Read(const json::Value& root, const Target& target, int count, bool polled) const {
    std::string status = TextAt(root, "status");
    if (status.empty()) return outcome::Failed("bad_answer", "no status");
    if (status == "succeeded") return ReadOutput(root, target, count);
    if (status == "failed" || status == "canceled" || status == "aborted") {
      return SpeaksOfSafety(WordsAt(root, "error")) ? outcome::Moderated()
                                                    : JobFailed("the prediction failed");
    }
    // `starting`, `processing`, and whatever phases come to stand beside them.
    const json::Value* urls = root.FindNonNull("urls");
    std::string url = urls == nullptr ? "" : TextAt(*urls, "get");
    if (url.empty() && polled) return StillPending();
    return PollAt(url, target);
  }
};

}  // namespace

const JobMapping& Replicate() {
  static const ReplicateMapping* const mapping = new ReplicateMapping;
  return *mapping;
}

}  // namespace prismatic::provider_proxy
