#include "services/provider_proxy/adapters/chat_completions.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/endpoint.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/parameters.h"
#include "services/provider_proxy/adapters/provider_errors.h"

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

std::string WriteBody(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                      const Parameters& parameters) {
  size_t reference_bytes = 0;
  for (const std::string& reference : request.reference_images()) reference_bytes += reference.size() + 64;
  json::Writer writer(request.prompt().size() + reference_bytes + 1024);
  writer.BeginObject();
  writer.Key("model").String(route.upstream_model());
  writer.Key("stream").Bool(false);
  writer.Key("modalities").BeginArray().String("image").String("text").EndArray();
  writer.Key("messages").BeginArray().BeginObject();
  writer.Key("role").String("user").Key("content");
  WriteContent(writer, request, parameters.prompt);
  writer.EndObject().EndArray();
  bool tier = parameters.size && *parameters.size != "auto";
  if (parameters.aspect_ratio || tier) {
    writer.Key("image_config").BeginObject();
    if (parameters.aspect_ratio) writer.Key("aspect_ratio").String(*parameters.aspect_ratio);
    if (tier) writer.Key("image_size").String(*parameters.size);
    writer.EndObject();
  }
  if (parameters.seed) writer.Key("seed").Int(*parameters.seed);
  if (parameters.user) writer.Key("user").String(*parameters.user);
  writer.EndObject();
  return writer.Take();
}

// `{"type":"image_url","image_url":{"url":"..."}}`, with variations: the URL directly below
// `image_url`, or base64 in `b64_json`.
void ReadImagePart(const json::Value& part, int64_t bytes_max, Collector& collector) {
  if (const json::Value* base64 = part.FindNonNull("b64_json"); base64 != nullptr) {
    collector.Add(ImageFromBase64(*base64, bytes_max));
    return;
  }
  const json::Value* url = part.FindNonNull("image_url");
  if (url != nullptr && url->is_object()) url = url->FindNonNull("url");
  if (url == nullptr) {
    collector.Add(absl::InvalidArgumentError("an image part without an image"));
  } else {
    collector.Add(ImageFromUrl(*url, bytes_max));
  }
}

// Some resellers write the image into the text: a data: URL alone, or markdown `![alt](url)`.
void ReadText(absl::string_view text, int64_t bytes_max, Collector& collector) {
  if (absl::StartsWithIgnoreCase(text, "data:image/")) {
    collector.Add(ImageFromUrl(text, bytes_max));
    return;
  }
  for (size_t at = text.find("!["); at != absl::string_view::npos && !collector.full();
       at = text.find("![", at)) {
    size_t open = text.find("](", at);
    if (open == absl::string_view::npos) return;
    size_t close = text.find(')', open);
    if (close == absl::string_view::npos) return;
    collector.Add(ImageFromUrl(text.substr(open + 2, close - open - 2), bytes_max));
    at = close;
  }
}

void ReadContent(const json::Value& content, int64_t bytes_max, Collector& collector) {
  if (std::optional<absl::string_view> plain = content.PlainString()) {
    ReadText(*plain, bytes_max, collector);
  } else if (std::optional<std::string> text = content.String()) {
    ReadText(*text, bytes_max, collector);
  }
  for (const json::Value& part : content.elements()) {
    if (!collector.full() && part.FindNonNull("image_url") != nullptr)
      ReadImagePart(part, bytes_max, collector);
  }
}

void ReadMessage(const json::Value& message, int64_t bytes_max, Collector& collector) {
  const json::Value* images = message.FindNonNull("images");
  if (images != nullptr && !images->elements().empty()) {
    for (const json::Value& part : images->elements()) {
      if (!collector.full()) ReadImagePart(part, bytes_max, collector);
    }
    return;
  }
  const json::Value* content = message.FindNonNull("content");
  if (content != nullptr) ReadContent(*content, bytes_max, collector);
}

bool EndedFor(const json::Value& choice, absl::string_view reason) {
  const json::Value* said = choice.FindNonNull("finish_reason");
  return said != nullptr && said->PlainString() == reason;
}

}  // namespace

const FormatFields& ChatCompletions::Fields(const Target&) const { return KnownFields(); }

int ChatCompletions::ImagesPerCallMax(const Target&) const { return 1; }

bool ChatCompletions::NeedsReferenceBytes(const Target& target) const {
  return target.route.inline_references();
}

absl::StatusOr<HttpRequest> ChatCompletions::BuildRequest(const v1::GenerateImagesRequest& request,
                                                          const Target& target, int) const {
  int references = request.reference_images_size();
  if (!TakesReferenceImages(target.route, references)) return error::ReferenceImagesNotTaken(request.model());
  HttpRequest http = AddressedRequest(target, {.path = "/chat/completions"}, references > 0);
  http.body = WriteBody(request, target.route, ParametersFor(request, *this, target));
  return http;
}

Outcome ChatCompletions::ReadResponse(HttpResponse response, const Target& target, int count) const {
  if (response.status < 200 || response.status > 299) return outcome::FromErrorResponse(response);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  const json::Value& root = document->root();
  const json::Value* choices = root.FindNonNull("choices");
  if (choices == nullptr || choices->elements().empty()) {
    const json::Value* error = root.FindNonNull("error");
    return error != nullptr ? outcome::FromErrorObject(*error) : outcome::Failed("bad_answer", "no choices");
  }
  Collector collector(count);
  for (const json::Value& choice : choices->elements()) {
    if (EndedFor(choice, "content_filter")) return outcome::Moderated();
    if (const json::Value* error = choice.FindNonNull("error"); error != nullptr) {
      return outcome::FromErrorObject(*error);
    }
    if (EndedFor(choice, "error")) return outcome::Failed("error_in_200");
    const json::Value* message = choice.FindNonNull("message");
    if (message != nullptr) ReadMessage(*message, ImageBytesMax(target.route), collector);
  }
  // Words instead of a picture are how chat models refuse.
  return collector.Finish(outcome::Moderated());
}

}  // namespace prismatic::provider_proxy
