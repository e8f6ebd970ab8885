#include "services/provider_proxy/adapters/gemini.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/data_url.h"
#include "services/provider_proxy/adapters/endpoint.h"
#include "services/provider_proxy/adapters/gemini_answer.h"
#include "services/provider_proxy/adapters/parameters.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/adapters/request_object.h"

namespace prismatic::provider_proxy {
namespace {

// Behind AI Studio's https://generativelanguage.googleapis.com/v1beta.
constexpr EndpointDefaults kEndpoint = {.path = "/models/{model}:generateContent",
                                        .auth_header = "x-goog-api-key",
                                        .auth_scheme = AuthScheme::kPlain};

// `2k` is written 2K, and half a thousand as the pixels that it is.
std::string TierText(absl::string_view tier) {
  std::string text = absl::AsciiStrToUpper(tier);
  return text == "0.5K" ? "512" : text;
}

void WriteModalities(const catalog::v1::Route& route, json::Writer& writer) {
  writer.BeginArray();
  for (const std::string& modality : route.modalities()) writer.String(absl::AsciiStrToUpper(modality));
  if (route.modalities().empty()) writer.String("IMAGE");
  writer.EndArray();
}

void WriteContents(const std::string& prompt, const std::vector<DataUrl>& references, json::Writer& writer) {
  writer.BeginArray().BeginObject().Key("role").String("user").Key("parts").BeginArray();
  writer.BeginObject().Key("text").String(prompt).EndObject();
  for (const DataUrl& reference : references) {
    writer.BeginObject().Key("inlineData").BeginObject();
    writer.Key("mimeType").String(reference.mime_type).Key("data").String(reference.base64);
    writer.EndObject().EndObject();
  }
  writer.EndArray().EndObject().EndArray();
}

void WriteImageConfig(const Parameters& parameters, RequestObject& config) {
  bool tier = parameters.size && *parameters.size != "auto";
  bool output = parameters.output_format || parameters.output_compression;
  if (!parameters.aspect_ratio && !tier && !output) return;  // what the catalog fixes is written all the same
  RequestObject image = config.Object("imageConfig");
  if (parameters.aspect_ratio) image.Key("aspectRatio").String(*parameters.aspect_ratio);
  if (tier) image.Key("imageSize").String(TierText(*parameters.size));
  if (output) {
    RequestObject options = image.Object("imageOutputOptions");
    if (parameters.output_format) {
      options.Key("mimeType").String(absl::StrCat("image/", *parameters.output_format));
    }
    if (parameters.output_compression) options.Key("compressionQuality").Int(*parameters.output_compression);
    options.End();
  }
  image.End();
}

std::string WriteBody(const catalog::v1::Route& route, const Parameters& parameters,
                      const std::vector<DataUrl>& references) {
  size_t reference_bytes = 0;
  for (const DataUrl& reference : references) reference_bytes += reference.base64.size() + 128;
  json::Writer writer(parameters.prompt.size() + reference_bytes + 1024);
  RequestObject body(route, writer);
  WriteContents(parameters.prompt, references, body.Key("contents"));
  RequestObject config = body.Object("generationConfig");
  WriteModalities(route, config.Key("responseModalities"));
  if (parameters.seed) config.Key("seed").Int(*parameters.seed);
  WriteImageConfig(parameters, config);
  config.End();
  body.End();
  return writer.Take();
}

}  // namespace

const FormatFields& Gemini::Fields(const Target&) const {
  // Vertex AI alone has the last two, and takes no others than these.
  static const FormatFields* const fields =
      new FormatFields{.known = {"size", "aspect_ratio", "seed", "output_format", "output_compression"},
                       .size_form = catalog::v1::SIZE_FORM_TIER};
  return *fields;
}

int Gemini::ImagesPerCallMax(const Target&) const { return 1; }

bool Gemini::NeedsReferenceBytes(const Target&) const { return true; }

absl::StatusOr<HttpRequest> Gemini::BuildRequest(const v1::GenerateImagesRequest& request,
                                                 const Target& target, Piece piece) const {
  int count = request.reference_images_size();
  if (!TakesReferenceImages(target.route, count)) return error::ReferenceImagesNotTaken(request.model());
  std::vector<DataUrl> references;
  for (const std::string& url : request.reference_images()) {
    std::optional<DataUrl> reference = ParseDataUrl(url);
    if (!reference) return InvalidValue("image_url", "A reference image is not a base64 `data:` URL.");
    references.push_back(*std::move(reference));
  }
  HttpRequest http = AddressedRequest(target, kEndpoint, count > 0);
  http.body = WriteBody(target.route, ParametersFor(request, *this, target, piece.first), references);
  return http;
}

Outcome Gemini::ReadResponse(HttpResponse response, const Target& target, int count) const {
  if (response.status < 200 || response.status > 299) return gemini::ReadError(std::move(response));
  return gemini::ReadAnswer(std::move(response), target.route, count);
}

}  // namespace prismatic::provider_proxy
