#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/data_url.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/job_mapping.h"
#include "services/provider_proxy/adapters/json_text.h"

// Black Forest Labs' own API, behind https://api.bfl.ai/v1: one image per job, polled at the region that
// took it.

namespace prismatic::provider_proxy {
namespace {

constexpr size_t kJobIdMax = 256;

bool HasIdInQuery(absl::string_view url) {
  size_t mark = url.find('?');
  if (mark == absl::string_view::npos) return false;
  absl::string_view query = url.substr(mark + 1);
  return absl::StartsWith(query, "id=") || absl::StrContains(query, "&id=");
}

// `input_image`, `input_image_2`, ...: as URLs, or as base64 without its `data:` prefix.
void WriteReferences(const JobRequest& job, RequestObject& body) {
  std::string name = FieldName(job.target.route, "reference_images", "input_image");
  int number = 0;
  for (const std::string& url : job.request.reference_images()) {
    ++number;
    std::string key = number == 1 ? name : absl::StrCat(name, "_", number);
    std::optional<DataUrl> bytes = ParseDataUrl(url);
    body.Key(key).String(bytes ? bytes->base64 : absl::string_view(url));
  }
}

// Width and height, or a ratio: pixels say both.
Parameters WithOneShape(Parameters parameters) {
  if (parameters.pixels) parameters.aspect_ratio.reset();
  return parameters;
}

class BlackForestLabsMapping : public JobMapping {
 public:
  const FormatFields& Fields() const override {
    static const FormatFields* const fields =
        new FormatFields{.known = {"size", "aspect_ratio", "seed", "output_format"},
                         .size_form = catalog::v1::SIZE_FORM_WIDTH_HEIGHT};
    return *fields;
  }

  EndpointDefaults Endpoint() const override {
    return {.path = "/{model}", .auth_header = "x-key", .auth_scheme = AuthScheme::kPlain};
  }

  std::string WriteBody(const JobRequest& job) const override {
    size_t reference_bytes = 0;
    for (const std::string& url : job.request.reference_images()) reference_bytes += url.size() + 32;
    json::Writer writer(job.parameters.prompt.size() + reference_bytes + 512);
    RequestObject body(job.target.route, writer);
    body.Field("prompt", "prompt").String(job.parameters.prompt);
    if (job.parameters.pixels) {
      body.Field("width", "width").Int(job.parameters.pixels->width);
      body.Field("height", "height").Int(job.parameters.pixels->height);
    }
    if (job.parameters.size) body.Field("size", "size").String(*job.parameters.size);
    WritePlainFields(WithOneShape(job.parameters), body);
    WriteReferences(job, body);
    body.End();
    return writer.Take();
  }

  Outcome ReadSubmission(const json::Value& root, const Target& target, int count) const override {
    std::string id = TextAt(root, "id");
    if (id.size() > kJobIdMax) return outcome::Failed("bad_answer", "a job ID that is too long");
    std::string url = TextAt(root, "polling_url");
    if (url.empty()) {
      // What is refused at once has no place to ask at.
      if (!TextAt(root, "status").empty()) {
        Outcome state = ReadState(root, target, count);
        if (state.verdict != Verdict::kPending) return state;
      }
      if (id.empty()) return outcome::Failed("bad_answer", "neither polling_url nor id");
      url = absl::StrCat(target.provider.base_url(), "/get_result");
    }
    if (!HasIdInQuery(url)) {
      if (id.empty()) return outcome::Failed("bad_answer", "a polling_url without an id");
      absl::StrAppend(&url, absl::StrContains(url, '?') ? "&" : "?", "id=", EscapedQuery(id));
    }
    return PollAt(url, target);
  }

  Outcome ReadState(const json::Value& root, const Target& target, int count) const override {
    std::string status = WordsAt(root, "status");
    if (status.empty()) return outcome::Failed("bad_answer", "no status");
    if (status == "ready") return ReadResult(root, target, count);
    // `Request Moderated` and `Content Moderated` are the end, however often one asks.
    if (absl::StrContains(status, "moderated")) return outcome::Moderated();
    if (status == "task not found") return outcome::Failed("job_lost");
    if (ContainsAny(status, {"error", "fail", "cancel", "expired", "not found"})) {
      return JobFailed("the job ended without an image");
    }
    // `Pending`, and whatever phases come to stand beside it.
    return StillPending();
  }

 private:
  static Outcome ReadResult(const json::Value& root, const Target& target, int count) {
    const json::Value* result = root.FindNonNull("result");
    const json::Value* sample = result == nullptr ? nullptr : result->FindNonNull("sample");
    if (sample == nullptr) return outcome::Failed("empty_answer", "ready without a sample");
    Collector collector(count);
    collector.Add(ImageFromUrl(*sample, ImageBytesMax(target.route)));
    return collector.Finish(outcome::Failed("empty_answer"));
  }
};

}  // namespace

const JobMapping& BlackForestLabs() {
  static const BlackForestLabsMapping* const mapping = new BlackForestLabsMapping;
  return *mapping;
}

}  // namespace prismatic::provider_proxy
