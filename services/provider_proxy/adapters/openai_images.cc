#include "services/provider_proxy/adapters/openai_images.h"

#include <algorithm>
#include <utility>

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
      .known = {"n", "size", "aspect_ratio", "seed", "negative_prompt", "quality", "style", "response_format",
                "background", "moderation", "output_format", "output_compression", "user"}};
  return *fields;
}

void WriteText(json::Writer& writer, absl::string_view key, const std::optional<std::string>& value) {
  if (value) writer.Key(key).String(*value);
}

std::string WriteBody(const v1::GenerateImagesRequest& request, const catalog::v1::Route& route,
                      const Parameters& parameters, int count) {
  size_t reference_bytes = 0;
  for (const std::string& reference : request.reference_images()) reference_bytes += reference.size() + 4;
  json::Writer writer(request.prompt().size() + reference_bytes + 1024);
  writer.BeginObject();
  writer.Key("model").String(route.upstream_model());
  writer.Key("prompt").String(parameters.prompt);
  if (parameters.n) writer.Key("n").Int(count);
  WriteText(writer, "size", parameters.size);
  WriteText(writer, "aspect_ratio", parameters.aspect_ratio);
  WriteText(writer, "quality", parameters.quality);
  WriteText(writer, "style", parameters.style);
  WriteText(writer, "negative_prompt", parameters.negative_prompt);
  if (parameters.seed) writer.Key("seed").Int(*parameters.seed);
  WriteText(writer, "response_format", parameters.response_format);
  WriteText(writer, "background", parameters.background);
  WriteText(writer, "moderation", parameters.moderation);
  WriteText(writer, "output_format", parameters.output_format);
  if (parameters.output_compression) writer.Key("output_compression").Int(*parameters.output_compression);
  WriteText(writer, "user", parameters.user);
  if (request.reference_images_size() > 0) {
    writer.Key("image_url").BeginArray();
    for (const std::string& reference : request.reference_images()) writer.String(reference);
    writer.EndArray();
  }
  writer.EndObject();
  return writer.Take();
}

// Only a usage that is complete is passed on.
std::optional<v1::Usage> ReadUsage(const json::Value& root) {
  const json::Value* usage = root.FindNonNull("usage");
  if (usage == nullptr) return std::nullopt;
  const json::Value* details = usage->FindNonNull("input_tokens_details");
  if (details == nullptr) return std::nullopt;
  auto number = [](const json::Value& object, absl::string_view key) -> std::optional<int64_t> {
    const json::Value* value = object.FindNonNull(key);
    std::optional<int64_t> count = value == nullptr ? std::nullopt : value->Int();
    return count && *count >= 0 ? count : std::nullopt;
  };
  std::optional<int64_t> input = number(*usage, "input_tokens");
  std::optional<int64_t> output = number(*usage, "output_tokens");
  std::optional<int64_t> total = number(*usage, "total_tokens");
  std::optional<int64_t> text = number(*details, "text_tokens");
  std::optional<int64_t> image = number(*details, "image_tokens");
  if (!input || !output || !total || !text || !image) return std::nullopt;
  v1::Usage result;
  result.set_input_tokens(*input);
  result.set_output_tokens(*output);
  result.set_total_tokens(*total);
  result.set_input_text_tokens(*text);
  result.set_input_image_tokens(*image);
  return result;
}

void ReadItem(const json::Value& item, int64_t bytes_max, Collector& collector) {
  // xAI marks what its moderation withheld, on a 200.
  const json::Value* respected = item.FindNonNull("respect_moderation");
  if (respected != nullptr && respected->Bool() == false) return collector.AddRefusal();

  const json::Value* base64 = item.FindNonNull("b64_json");
  const json::Value* url = item.FindNonNull("url");
  bool has_base64 = base64 != nullptr && base64->raw() != "\"\"";  // converted answers carry empty strings
  if (!has_base64 && url == nullptr) {
    collector.Add(absl::InvalidArgumentError("an item without an image"));
    return;
  }
  v1::GeneratedImage* image =
      collector.Add(has_base64 ? ImageFromBase64(*base64, bytes_max) : ImageFromUrl(*url, bytes_max));
  if (image == nullptr) return;
  const json::Value* revised = item.FindNonNull("revised_prompt");
  std::optional<std::string> text = revised == nullptr ? std::nullopt : revised->String();
  if (text) image->set_revised_prompt(*std::move(text));
}

}  // namespace

int OpenaiImages::ImagesPerCallMax(const Target& target) const {
  const auto& names = target.route.supported_parameters();
  bool takes_n = std::find(names.begin(), names.end(), "n") != names.end();
  return takes_n ? std::clamp(target.route.max_images_per_call(), 1, 10) : 1;
}

const FormatFields& OpenaiImages::Fields(const Target&) const { return KnownFields(); }

bool OpenaiImages::NeedsReferenceBytes(const Target& target) const {
  return target.route.inline_references();
}

absl::StatusOr<HttpRequest> OpenaiImages::BuildRequest(const v1::GenerateImagesRequest& request,
                                                       const Target& target, int count) const {
  int references = request.reference_images_size();
  if (!TakesReferenceImages(target.route, references)) return error::ReferenceImagesNotTaken(request.model());
  HttpRequest http = AddressedRequest(target, {.path = "/images/generations"}, references > 0);
  http.body = WriteBody(request, target.route, ParametersFor(request, *this, target), count);
  return http;
}

Outcome OpenaiImages::ReadResponse(HttpResponse response, const Target& target, int count) const {
  if (response.status < 200 || response.status > 299) return outcome::FromErrorResponse(response);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  const json::Value& root = document->root();
  const json::Value* data = root.FindNonNull("data");
  if (data == nullptr || !data->is_array()) {
    const json::Value* error = root.FindNonNull("error");
    return error != nullptr ? outcome::FromErrorObject(*error)
                            : outcome::Failed("bad_answer", "no data array");
  }
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
  return collector.Finish(outcome::Failed("empty_answer", "data is empty"));
}

}  // namespace prismatic::provider_proxy
