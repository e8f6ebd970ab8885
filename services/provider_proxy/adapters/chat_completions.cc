#include "services/provider_proxy/adapters/chat_completions.h"

#include <utility>

#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/chat_answer.h"
#include "services/provider_proxy/adapters/endpoint.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/parameters.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/adapters/request_object.h"

namespace prismatic::provider_proxy {
namespace {

const FormatFields& KnownFields() {
  static const FormatFields* const fields = new FormatFields{
      .known = {"size", "aspect_ratio", "seed", "user"}, .size_form = catalog::v1::SIZE_FORM_TIER};
  return *fields;
}

void WriteContent(json::Writer& writer, const v1::GenerateImagesRequest& request, const std::string& text) {
  if (request.reference_images().empty()) {
    writer.String(text);
    return;
  }
  writer.BeginArray();
  writer.BeginObject().Key("type").String("text").Key("text").String(text).EndObject();
  for (const std::string& reference : request.reference_images()) {
    writer.BeginObject().Key("type").String("image_url").Key("image_url");
    writer.BeginObject().Key("url").String(reference).EndObject().EndObject();
  }
  writer.EndArray();
}

void WriteModalities(RequestObject& body, const catalog::v1::Route& route) {
  json::Writer& writer = body.Key("modalities").BeginArray();
  if (route.modalities().empty()) writer.String("image").String("text");
  for (const std::string& each : route.modalities()) writer.String(each);
  writer.EndArray();
}

void WriteImageConfig(RequestObject& body, const Parameters& parameters) {
  if (!parameters.aspect_ratio && !parameters.size) return;
  RequestObject config = body.Object("image_config");
  if (parameters.aspect_ratio) config.Field("aspect_ratio", "aspect_ratio").String(*parameters.aspect_ratio);
  if (parameters.size) config.Field("size", "image_size").String(*parameters.size);
  config.End();
}

std::string WriteBody(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                      const Parameters& parameters) {
  size_t reference_bytes = 0;
  for (const std::string& reference : request.reference_images()) reference_bytes += reference.size() + 64;
  json::Writer writer(parameters.prompt.size() + reference_bytes + 1024);
  RequestObject body(route, writer);
  body.Field("model", "model").String(route.upstream_model());
  body.Key("stream").Bool(false);
  WriteModalities(body, route);
  body.Key("messages").BeginArray().BeginObject();
  writer.Key("role").String("user").Key("content");
  WriteContent(writer, request, parameters.prompt);
  writer.EndObject().EndArray();
  WriteImageConfig(body, parameters);
  if (parameters.seed) body.Field("seed", "seed").Int(*parameters.seed);
  if (parameters.user) body.Field("user", "user").String(*parameters.user);
  body.End();
  return writer.Take();
}

}  // namespace

const FormatFields& ChatCompletions::Fields(const Target&) const { return KnownFields(); }

int ChatCompletions::ImagesPerCallMax(const Target&) const { return 1; }

bool ChatCompletions::NeedsReferenceBytes(const Target& target) const {
  return target.route.inline_references();
}

absl::StatusOr<HttpRequest> ChatCompletions::BuildRequest(const v1::GenerateImagesRequest& request,
                                                          const Target& target, Piece piece) const {
  int references = request.reference_images_size();
  if (!TakesReferenceImages(target.route, references)) return error::ReferenceImagesNotTaken(request.model());
  HttpRequest http = AddressedRequest(target, {.path = "/chat/completions"}, references > 0);
  http.body = WriteBody(request, target.route, ParametersFor(request, *this, target, piece.first));
  return http;
}

Outcome ChatCompletions::ReadResponse(HttpResponse response, const Target& target, int count) const {
  return ReadChatAnswer(std::move(response), ImageBytesMax(target.route), count);
}

}  // namespace prismatic::provider_proxy
