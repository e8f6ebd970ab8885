#include "gateway/openai/response_writer.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gateway/openai/limit_headers.h"
#include "services/common/json/json.h"
#include "services/common/money/money.h"

namespace prismatic::gateway::openai {
namespace {

using provider_proxy::v1::GeneratedImage;
using provider_proxy::v1::GenerationSummary;

// What is not image bytes: names, quotes, usage.
constexpr size_t kEnvelopeSize = 1024;

void WriteImage(const GeneratedImage& image, bool as_data_url, json::Writer& writer) {
  writer.BeginObject();
  if (image.has_url()) {
    writer.Key("url").String(image.url());
  } else if (as_data_url) {
    writer.Key("url").PlainString(absl::StrCat("data:", image.mime_type(), ";base64,", image.base64()));
  } else {
    writer.Key("b64_json").PlainString(image.base64());
  }
  if (!image.revised_prompt().empty()) writer.Key("revised_prompt").String(image.revised_prompt());
  writer.EndObject();
}

void WriteIfOneOf(absl::string_view key, absl::string_view value,
                  std::initializer_list<absl::string_view> allowed, json::Writer& writer) {
  if (absl::c_linear_search(allowed, value)) writer.Key(key).String(value);
}

void WriteSummary(const GenerationSummary& summary, json::Writer& writer) {
  WriteIfOneOf("background", summary.background(), {"transparent", "opaque"}, writer);
  WriteIfOneOf("output_format", summary.output_format(), {"png", "webp", "jpeg"}, writer);
  WriteIfOneOf("size", summary.size(), {"1024x1024", "1024x1536", "1536x1024"}, writer);
  WriteIfOneOf("quality", summary.quality(), {"low", "medium", "high"}, writer);
  if (!summary.has_usage()) return;
  const provider_proxy::v1::Usage& usage = summary.usage();
  writer.Key("usage").BeginObject();
  writer.Key("total_tokens").Int(usage.total_tokens());
  writer.Key("input_tokens").Int(usage.input_tokens());
  writer.Key("output_tokens").Int(usage.output_tokens());
  writer.Key("input_tokens_details").BeginObject();
  writer.Key("text_tokens").Int(usage.input_text_tokens());
  writer.Key("image_tokens").Int(usage.input_image_tokens()).EndObject();
  writer.EndObject();
}

bool IsSettled(const billing::v1::Reservation& reservation) {
  return reservation.state() == billing::v1::RESERVATION_STATE_SETTLED ||
         reservation.state() == billing::v1::RESERVATION_STATE_SETTLED_LATE;
}

std::string CostText(const billing::v1::Reservation& reservation) {
  if (reservation.funding_source() == billing::v1::FUNDING_SOURCE_SUBSCRIPTION) return "0";
  return Money::FromNanos(reservation.charge_nano_usd()).ToDecimal();
}

void WriteModel(const ListedModel& model, json::Writer& writer) {
  writer.BeginObject();
  writer.Key("id").String(model.public_id);
  writer.Key("object").String("model");
  writer.Key("created").Int(model.created);
  writer.Key("owned_by").String(model.owned_by).EndObject();
}

}  // namespace

AnswerForm FormOf(const ImageRequest& request) {
  return {
      .as_data_url = request.parameters.response_format() == provider_proxy::v1::RESPONSE_FORMAT_URL,
      .unknown_parameters = request.unknown_parameters,
  };
}

http::Response ImagesResponse(const AnswerForm& form, const ImageReply& reply, int64_t created_seconds) {
  size_t size = kEnvelopeSize;
  for (const GeneratedImage& image : reply.images) size += image.base64().size() + kEnvelopeSize;
  json::Writer writer(size);
  writer.BeginObject().Key("created").Int(created_seconds);
  writer.Key("data").BeginArray();
  for (const GeneratedImage& image : reply.images) WriteImage(image, form.as_data_url, writer);
  writer.EndArray();
  WriteSummary(reply.summary, writer);
  writer.EndObject();

  http::Response response;
  response.body = writer.Take();
  response.share = reply.share;
  std::vector<std::string> ignored(reply.summary.ignored_parameters().begin(),
                                   reply.summary.ignored_parameters().end());
  ignored.insert(ignored.end(), form.unknown_parameters.begin(), form.unknown_parameters.end());
  if (!ignored.empty()) response.Header("x-prismatic-ignored-parameters", absl::StrJoin(ignored, ","));
  if (!reply.summary.changed_parameters().empty()) {
    response.Header("x-prismatic-changed-parameters", absl::StrJoin(reply.summary.changed_parameters(), ","));
  }
  AddLimitHeaders("requests", reply.requests_limit, response);
  AddLimitHeaders("images", reply.images_limit, response);
  // While a settlement is pending nobody knows yet what it will cost.
  if (IsSettled(reply.reservation)) response.Header("x-prismatic-cost-usd", CostText(reply.reservation));
  return response;
}

http::Response ModelsResponse(const std::vector<ListedModel>& models) {
  json::Writer writer;
  writer.BeginObject().Key("object").String("list").Key("data").BeginArray();
  for (const ListedModel& model : models) WriteModel(model, writer);
  writer.EndArray().EndObject();
  http::Response response;
  response.body = writer.Take();
  return response;
}

http::Response ModelResponse(const ListedModel& model) {
  json::Writer writer;
  WriteModel(model, writer);
  http::Response response;
  response.body = writer.Take();
  return response;
}

}  // namespace prismatic::gateway::openai
