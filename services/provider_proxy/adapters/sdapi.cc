#include "services/provider_proxy/adapters/sdapi.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "services/common/json/json.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/data_url.h"
#include "services/provider_proxy/adapters/endpoint.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/parameters.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/adapters/request_object.h"

namespace prismatic::provider_proxy {
namespace {

constexpr EndpointDefaults kEndpoint = {
    .path = "/sdapi/v1/txt2img", .reference_path = "/sdapi/v1/img2img", .auth_scheme = AuthScheme::kBasic};

// A route that names no checkpoint leaves the loaded one where it is.
bool NamesCheckpoint(const catalog::v1::Route& route) {
  return !route.upstream_model().empty() && route.upstream_model() != "-";
}

std::string WriteBody(const catalog::v1::Route& route, const Parameters& parameters,
                      const std::vector<DataUrl>& references, int count) {
  size_t reference_bytes = 0;
  for (const DataUrl& reference : references) reference_bytes += reference.base64.size() + 4;
  json::Writer writer(parameters.prompt.size() + reference_bytes + 1024);
  RequestObject body(route, writer);
  body.Field("prompt", "prompt").String(parameters.prompt);
  if (parameters.negative_prompt) {
    body.Field("negative_prompt", "negative_prompt").String(*parameters.negative_prompt);
  }
  if (parameters.pixels) {
    body.Field("width", "width").Int(parameters.pixels->width);
    body.Field("height", "height").Int(parameters.pixels->height);
  }
  if (parameters.seed) body.Field("seed", "seed").Int(*parameters.seed);
  if (parameters.n) body.Field("n", "batch_size").Int(count);
  if (!references.empty()) {
    json::Writer& images = body.Field("reference_images", "init_images").BeginArray();
    for (const DataUrl& reference : references) images.String(reference.base64);
    images.EndArray();
  }
  if (NamesCheckpoint(route)) {
    RequestObject settings = body.Object("override_settings");
    settings.Key("sd_model_checkpoint").String(route.upstream_model());
    settings.End();
  }
  body.End();
  return writer.Take();
}

// How many pictures the upstream says it made; `count` when it does not repeat what it was asked for.
size_t Made(const json::Value& root, int count) {
  const json::Value* parameters = root.FindNonNull("parameters");
  auto number = [&](absl::string_view key) -> int64_t {
    const json::Value* value = parameters == nullptr ? nullptr : parameters->FindNonNull(key);
    return std::clamp<int64_t>(value == nullptr ? 1 : value->Int().value_or(1), 1, 1000);
  };
  return static_cast<size_t>(std::max<int64_t>(count, number("batch_size") * number("n_iter")));
}

Outcome WithoutImages(const json::Value& root) {
  if (root.FindNonNull("error") != nullptr) return outcome::FromErrorObject(root);
  bool failed = root.FindNonNull("detail") != nullptr || root.FindNonNull("errors") != nullptr;
  return failed ? outcome::Failed("error_in_200") : outcome::Failed("bad_answer", "no images array");
}

}  // namespace

const FormatFields& Sdapi::Fields(const Target&) const {
  static const FormatFields* const fields = new FormatFields{
      .known = {"n", "size", "seed", "negative_prompt"}, .size_form = catalog::v1::SIZE_FORM_WIDTH_HEIGHT};
  return *fields;
}

int Sdapi::ImagesPerCallMax(const Target& target) const {
  const auto& names = target.route.supported_parameters();
  bool takes_n = std::find(names.begin(), names.end(), "n") != names.end();
  return takes_n ? std::clamp(target.route.max_images_per_call(), 1, 10) : 1;
}

bool Sdapi::NeedsReferenceBytes(const Target&) const { return true; }

absl::StatusOr<HttpRequest> Sdapi::BuildRequest(const v1::GenerateImagesRequest& request,
                                                const Target& target, Piece piece) const {
  int reference_count = request.reference_images_size();
  if (!TakesReferenceImages(target.route, reference_count)) {
    return error::ReferenceImagesNotTaken(request.model());
  }
  std::vector<DataUrl> references;
  for (const std::string& url : request.reference_images()) {
    std::optional<DataUrl> reference = ParseDataUrl(url);
    if (!reference) return InvalidValue("image_url", "A reference image is not a base64 `data:` URL.");
    references.push_back(*std::move(reference));
  }
  HttpRequest http = AddressedRequest(target, kEndpoint, reference_count > 0);
  http.body =
      WriteBody(target.route, ParametersFor(request, *this, target, piece.first), references, piece.count);
  return http;
}

Outcome Sdapi::ReadResponse(HttpResponse response, const Target& target, int count) const {
  if (response.status < 200 || response.status > 299) return outcome::FromErrorResponse(response);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  const json::Value* images = document->root().FindNonNull("images");
  if (images == nullptr || !images->is_array()) return WithoutImages(document->root());
  // One more than was made: in front stands a grid of them all.
  size_t made = Made(document->root(), count);
  size_t first = made > 1 && images->elements().size() == made + 1 ? 1 : 0;
  Collector collector(count);
  for (size_t i = first; i < images->elements().size() && !collector.full(); ++i) {
    collector.Add(ImageFromBase64(images->elements()[i], ImageBytesMax(target.route)));
  }
  return collector.Finish(outcome::Failed("empty_answer", "images is empty"));
}

}  // namespace prismatic::provider_proxy
