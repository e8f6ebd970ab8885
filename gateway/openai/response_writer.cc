#include "gateway/openai/response_writer.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/common/json/json.h"
#include "services/common/money/money.h"

namespace prismatic::gateway::openai {
namespace {

using billing::v1::RateLimitStatus;
using provider_proxy::v1::GeneratedImage;
using provider_proxy::v1::GenerationSummary;

// What is not image bytes: names, quotes, usage.
constexpr size_t kEnvelopeSize = 1024;

// "120ms", "1.5s", "6m0s": the form of OpenAI's reset headers.
std::string ResetText(int64_t microseconds) {
  int64_t milliseconds = (microseconds + 999) / 1000;
  if (milliseconds < 1000) return absl::StrCat(milliseconds, "ms");
  int64_t minutes = milliseconds / 60'000;
  int64_t rest = milliseconds % 60'000;
  std::string seconds = absl::StrCat(rest / 1000);
  if (rest % 1000 != 0) {
    std::string fraction = absl::StrCat(1000 + rest % 1000).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    absl::StrAppend(&seconds, ".", fraction);
  }
  return minutes > 0 ? absl::StrCat(minutes, "m", seconds, "s") : absl::StrCat(seconds, "s");
}

void AddLimitHeaders(absl::string_view metric, const RateLimitStatus& limit, http::Response& response) {
  if (!limit.has_limit()) return;
  response.Header(absl::StrCat("x-ratelimit-limit-", metric), absl::StrCat(limit.limit()));
  response.Header(absl::StrCat("x-ratelimit-remaining-", metric), absl::StrCat(limit.remaining()));
  response.Header(absl::StrCat("x-ratelimit-reset-", metric), ResetText(limit.reset_after_us()));
}

// URLs wanted and bytes given: the bytes become the URL.
bool AsDataUrl(const ImageRequest& request) {
  return request.parameters.response_format() == provider_proxy::v1::RESPONSE_FORMAT_URL;
}

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

http::Response ImagesResponse(const ImageRequest& request, const ImageReply& reply, int64_t created_seconds) {
  size_t size = kEnvelopeSize;
  for (const GeneratedImage& image : reply.images) size += image.base64().size() + kEnvelopeSize;
  json::Writer writer(size);
  writer.BeginObject().Key("created").Int(created_seconds);
  writer.Key("data").BeginArray();
  for (const GeneratedImage& image : reply.images) WriteImage(image, AsDataUrl(request), writer);
  writer.EndArray();
  WriteSummary(reply.summary, writer);
  writer.EndObject();

  http::Response response;
  response.body = writer.Take();
  std::vector<std::string> ignored(reply.summary.ignored_parameters().begin(),
                                   reply.summary.ignored_parameters().end());
  ignored.insert(ignored.end(), request.unknown_parameters.begin(), request.unknown_parameters.end());
  if (!ignored.empty()) response.Header("x-prismatic-ignored-parameters", absl::StrJoin(ignored, ","));
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
