#include "services/provider_proxy/adapters/openai_images.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/endpoint.h"
#include "services/provider_proxy/adapters/error_words.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/parameters.h"
#include "services/provider_proxy/adapters/provider_errors.h"
#include "services/provider_proxy/adapters/request_object.h"

namespace prismatic::provider_proxy {
namespace {

// OpenAI's GPT image models answer 400 to `response_format`, wherever they are sold.
bool IsGptImage(absl::string_view upstream_model) {
  size_t slash = upstream_model.rfind('/');
  absl::string_view name =
      slash == absl::string_view::npos ? upstream_model : upstream_model.substr(slash + 1);
  return absl::StartsWithIgnoreCase(name, "gpt-image") || absl::StartsWithIgnoreCase(name, "chatgpt-image");
}

const FormatFields& KnownFields(bool with_response_format) {
  static const FormatFields* const gpt_image =
      new FormatFields{.known = {"n", "size", "aspect_ratio", "seed", "negative_prompt", "quality", "style",
                                 "background", "moderation", "output_format", "output_compression", "user"}};
  static const FormatFields* const others = [] {
    auto* fields = new FormatFields(*gpt_image);
    fields->known.push_back("response_format");
    return fields;
  }();
  return with_response_format ? *others : *gpt_image;
}

void WriteText(RequestObject& body, absl::string_view name, const std::optional<std::string>& value) {
  if (value) body.Field(name, name).String(*value);
}

void WriteReference(const std::string& reference, catalog::v1::ReferenceForm form, json::Writer& writer) {
  switch (form) {
    case catalog::v1::REFERENCE_FORM_IMAGE_URL_OBJECTS:
      writer.BeginObject().Key("image_url").String(reference).EndObject();
      break;
    case catalog::v1::REFERENCE_FORM_URL_OBJECTS:
      writer.BeginObject().Key("url").String(reference).Key("type").String("image_url").EndObject();
      break;
    case catalog::v1::REFERENCE_FORM_CONTENT_PARTS:
      writer.BeginObject().Key("type").String("image_url").Key("image_url");
      writer.BeginObject().Key("url").String(reference).EndObject().EndObject();
      break;
    default:
      writer.String(reference);
  }
}

void WriteReferences(const v1::GenerateImagesRequest& request, catalog::v1::ReferenceForm form,
                     RequestObject& body) {
  if (request.reference_images().empty()) return;
  json::Writer& writer = body.Field("reference_images", "image_url");
  if (form == catalog::v1::REFERENCE_FORM_STRING) {  // of which the route takes one
    WriteReference(request.reference_images(0), form, writer);
    return;
  }
  writer.BeginArray();
  for (const std::string& reference : request.reference_images()) WriteReference(reference, form, writer);
  writer.EndArray();
}

std::string WriteBody(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                      const Parameters& parameters, int count) {
  size_t reference_bytes = 0;
  for (const std::string& reference : request.reference_images()) reference_bytes += reference.size() + 64;
  json::Writer writer(parameters.prompt.size() + reference_bytes + 1024);
  RequestObject body(route, writer);
  body.Field("model", "model").String(route.upstream_model());
  body.Field("prompt", "prompt").String(parameters.prompt);
  if (parameters.n) body.Field("n", "n").Int(count);
  WriteText(body, "size", parameters.size);
  if (parameters.pixels) {
    body.Field("width", "width").Int(parameters.pixels->width);
    body.Field("height", "height").Int(parameters.pixels->height);
  }
  WriteText(body, "aspect_ratio", parameters.aspect_ratio);
  WriteText(body, "quality", parameters.quality);
  WriteText(body, "style", parameters.style);
  WriteText(body, "negative_prompt", parameters.negative_prompt);
  if (parameters.seed) body.Field("seed", "seed").Int(*parameters.seed);
  WriteText(body, "response_format", parameters.response_format);
  WriteText(body, "background", parameters.background);
  WriteText(body, "moderation", parameters.moderation);
  WriteText(body, "output_format", parameters.output_format);
  if (parameters.output_compression) {
    body.Field("output_compression", "output_compression").Int(*parameters.output_compression);
  }
  WriteText(body, "user", parameters.user);
  WriteReferences(request, route.reference_form(), body);
  body.End();
  return writer.Take();
}

// A count of tokens; empty when it is none. Several answers are added up, so absurd ones are none.
std::optional<int64_t> Tokens(const json::Value& object, absl::string_view key) {
  constexpr int64_t kTokensMax = 1'000'000'000'000;
  const json::Value* value = object.FindNonNull(key);
  std::optional<int64_t> count = value == nullptr ? std::nullopt : value->Int();
  return count && *count >= 0 && *count <= kTokensMax ? count : std::nullopt;
}

// Only a usage that is complete is passed on.
std::optional<v1::Usage> ReadUsage(const json::Value& root) {
  const json::Value* usage = root.FindNonNull("usage");
  if (usage == nullptr) return std::nullopt;
  const json::Value* details = usage->FindNonNull("input_tokens_details");
  if (details == nullptr) return std::nullopt;
  std::optional<int64_t> input = Tokens(*usage, "input_tokens");
  std::optional<int64_t> output = Tokens(*usage, "output_tokens");
  std::optional<int64_t> total = Tokens(*usage, "total_tokens");
  std::optional<int64_t> text = Tokens(*details, "text_tokens");
  std::optional<int64_t> image = Tokens(*details, "image_tokens");
  if (!input || !output || !total || !text || !image) return std::nullopt;
  v1::Usage result;
  result.set_input_tokens(*input);
  result.set_output_tokens(*output);
  result.set_total_tokens(*total);
  result.set_input_text_tokens(*text);
  result.set_input_image_tokens(*image);
  return result;
}

// xAI marks what its moderation withheld, on a 200.
bool Withheld(const json::Value& object) {
  const json::Value* respected = object.FindNonNull("respect_moderation");
  return respected != nullptr && respected->Bool() == false;
}

// A JSON string that is not empty: converted answers carry `"url":""` beside the base64.
const json::Value* FilledText(const json::Value& item, absl::string_view key) {
  const json::Value* value = item.FindNonNull(key);
  return value == nullptr || value->raw() == "\"\"" ? nullptr : value;
}

void ReadItem(const json::Value& item, int64_t bytes_max, Collector& collector) {
  if (Withheld(item)) return collector.AddRefusal();
  const json::Value* base64 = FilledText(item, "b64_json");
  const json::Value* url = FilledText(item, "url");
  if (base64 == nullptr && url == nullptr) {
    // Seedream says for each picture of a series why it is missing, Azure what its filter found.
    if (ErrorWords::Of(item).SpeakOfModeration()) return collector.AddRefusal();
    collector.Add(absl::InvalidArgumentError("an item without an image"));
    return;
  }
  v1::GeneratedImage* image =
      collector.Add(base64 != nullptr ? ImageFromBase64(*base64, bytes_max) : ImageFromUrl(*url, bytes_max));
  if (image == nullptr) return;
  // A rewritten prompt is about as long as a prompt: 32,000 characters of at most 4 bytes, escaped perhaps.
  constexpr size_t kRevisedPromptMax = 256 << 10;
  const json::Value* revised = item.FindNonNull("revised_prompt");
  if (revised == nullptr || revised->raw().size() > kRevisedPromptMax) return;
  if (std::optional<std::string> text = revised->String()) image->set_revised_prompt(*std::move(text));
}

// What an answer without any items comes to.
Outcome WithoutItems(const json::Value& root, bool has_data) {
  if (Withheld(root)) return outcome::Moderated();
  if (!ErrorWords::Of(root).empty()) return outcome::FromErrorObject(root);
  return has_data ? outcome::Failed("empty_answer", "data is empty")
                  : outcome::Failed("bad_answer", "no data array");
}

}  // namespace

int OpenaiImages::ImagesPerCallMax(const Target& target) const {
  const auto& names = target.route.supported_parameters();
  bool takes_n = std::find(names.begin(), names.end(), "n") != names.end();
  return takes_n ? std::clamp(target.route.max_images_per_call(), 1, 10) : 1;
}

const FormatFields& OpenaiImages::Fields(const Target& target) const {
  return KnownFields(/*with_response_format=*/!IsGptImage(target.route.upstream_model()));
}

bool OpenaiImages::NeedsReferenceBytes(const Target& target) const {
  return target.route.inline_references();
}

absl::StatusOr<HttpRequest> OpenaiImages::BuildRequest(const v1::GenerateImagesRequest& request,
                                                       const Target& target, Piece piece) const {
  int references = request.reference_images_size();
  if (!TakesReferenceImages(target.route, references)) return error::ReferenceImagesNotTaken(request.model());
  HttpRequest http = AddressedRequest(target, {.path = "/images/generations"}, references > 0);
  http.body =
      WriteBody(request, target.route, ParametersFor(request, *this, target, piece.first), piece.count);
  return http;
}

Outcome OpenaiImages::ReadResponse(HttpResponse response, const Target& target, int count) const {
  if (response.status < 200 || response.status > 299) return outcome::FromErrorResponse(response);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  const json::Value& root = document->root();
  const json::Value* data = root.FindNonNull("data");
  bool has_data = data != nullptr && data->is_array();
  if (!has_data || data->elements().empty()) return WithoutItems(root, has_data);
  Collector collector(count);
  for (const json::Value& item : data->elements()) {
    if (collector.full()) break;
    ReadItem(item, ImageBytesMax(target.route), collector);
  }
  collector.remarks() = {.usage = ReadUsage(root),
                         .size = RemarkOf(root, "size"),
                         .quality = RemarkOf(root, "quality"),
                         .background = RemarkOf(root, "background"),
                         .output_format = RemarkOf(root, "output_format")};
  return collector.Finish(outcome::Failed("empty_answer", "no item holds an image"));
}

}  // namespace prismatic::provider_proxy
