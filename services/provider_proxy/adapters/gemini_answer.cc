#include "services/provider_proxy/adapters/gemini_answer.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/json/json.h"
#include "services/provider_proxy/adapters/collector.h"
#include "services/provider_proxy/adapters/image_item.h"
#include "services/provider_proxy/adapters/json_text.h"

namespace prismatic::provider_proxy::gemini {
namespace {

// A field in either spelling.
const json::Value* Member(const json::Value& object, absl::string_view camel, absl::string_view snake) {
  const json::Value* value = object.FindNonNull(camel);
  return value != nullptr ? value : object.FindNonNull(snake);
}

std::string Text(const json::Value& object, absl::string_view camel, absl::string_view snake) {
  const json::Value* value = Member(object, camel, snake);
  return value == nullptr ? "" : value->String().value_or("");
}

bool IsRefusal(absl::string_view reason) {
  for (absl::string_view refusal :
       {"SAFETY", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII",
        "RECITATION", "IMAGE_RECITATION"}) {
    if (reason == refusal) return true;
  }
  return false;
}

std::optional<int64_t> TokensOf(const json::Value& object, absl::string_view camel, absl::string_view snake) {
  // Far above what a request can hold; sums of such numbers do not overflow.
  constexpr int64_t kTokensMax = 1'000'000'000'000;
  const json::Value* value = Member(object, camel, snake);
  std::optional<int64_t> tokens = value == nullptr ? std::nullopt : value->Int();
  return tokens && *tokens >= 0 && *tokens <= kTokensMax ? tokens : std::nullopt;
}

// Only a usage whose input is told apart by modality to the last token is passed on.
std::optional<v1::Usage> ReadUsage(const json::Value& root) {
  const json::Value* usage = Member(root, "usageMetadata", "usage_metadata");
  if (usage == nullptr) return std::nullopt;
  std::optional<int64_t> input = TokensOf(*usage, "promptTokenCount", "prompt_token_count");
  std::optional<int64_t> output = TokensOf(*usage, "candidatesTokenCount", "candidates_token_count");
  std::optional<int64_t> total = TokensOf(*usage, "totalTokenCount", "total_token_count");
  const json::Value* details = Member(*usage, "promptTokensDetails", "prompt_tokens_details");
  if (!input || !output || !total || details == nullptr) return std::nullopt;
  int64_t text = 0, image = 0;
  for (const json::Value& each : details->elements()) {
    std::optional<int64_t> tokens = TokensOf(each, "tokenCount", "token_count");
    std::string modality = TextAt(each, "modality");
    if (!tokens || (modality != "TEXT" && modality != "IMAGE")) return std::nullopt;
    (modality == "TEXT" ? text : image) += *tokens;
  }
  int64_t thoughts = TokensOf(*usage, "thoughtsTokenCount", "thoughts_token_count").value_or(0);
  if (text + image != *input || *input + *output + thoughts != *total) return std::nullopt;
  v1::Usage result;
  result.set_input_tokens(*input);
  result.set_output_tokens(*output + thoughts);
  result.set_total_tokens(*total);
  result.set_input_text_tokens(text);
  result.set_input_image_tokens(image);
  return result;
}

// What one answer holds, over all its candidates.
struct Found {
  bool words = false;
  // The last one that is neither STOP nor a refusal.
  std::string reason;
};

void ReadPart(const json::Value& part, int64_t bytes_max, Collector& collector, Found& found) {
  const json::Value* thought = part.FindNonNull("thought");
  if (thought != nullptr && thought->Bool() == true) return;  // drafts, also when they are pictures
  if (!TextAt(part, "text").empty()) found.words = true;
  const json::Value* data = Member(part, "inlineData", "inline_data");
  if (data == nullptr) return;
  std::string mime_type = Text(*data, "mimeType", "mime_type");
  if (!mime_type.empty() && !absl::StartsWithIgnoreCase(mime_type, "image/")) return;
  const json::Value* base64 = data->FindNonNull("data");
  if (base64 == nullptr) {
    collector.Add(absl::InvalidArgumentError("inline data without data"));
  } else {
    collector.Add(ImageFromBase64(*base64, bytes_max));
  }
}

void ReadCandidate(const json::Value& candidate, int64_t bytes_max, Collector& collector, Found& found) {
  std::string reason = Text(candidate, "finishReason", "finish_reason");
  if (IsRefusal(reason)) return collector.AddRefusal();
  if (!reason.empty() && reason != "STOP") found.reason = reason;
  const json::Value* content = candidate.FindNonNull("content");
  const json::Value* parts = content == nullptr ? nullptr : content->FindNonNull("parts");
  if (parts == nullptr) return;
  for (const json::Value& part : parts->elements()) {
    if (!collector.full()) ReadPart(part, bytes_max, collector, found);
  }
}

Outcome WithoutImages(const Found& found) {
  // Each may come of the prompt alone. A reason that is new may be the upstream's own trouble.
  for (absl::string_view known : {"NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS", "LANGUAGE",
                                  "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}) {
    if (found.reason == known) {
      return outcome::Failed("no_image", absl::StrCat("no image, finish reason ", known));
    }
  }
  if (!found.reason.empty()) return outcome::Failed("empty_answer", "no image, and an unknown finish reason");
  // Words instead of a picture are how chat models refuse.
  return found.words ? outcome::Moderated() : outcome::Failed("empty_answer", "no image");
}

// The error object of a body, which some endpoints put into an array.
const json::Value* ErrorOf(const json::Value& root) {
  const json::Value& object = root.elements().empty() ? root : root.elements().front();
  return object.FindNonNull("error");
}

// google.rpc.RetryInfo says `"retryDelay": "34.07s"`.
std::optional<absl::Duration> RetryDelayOf(const json::Value& error) {
  const json::Value* details = error.FindNonNull("details");
  if (details == nullptr) return std::nullopt;
  for (const json::Value& detail : details->elements()) {
    std::string text = Text(detail, "retryDelay", "retry_delay");
    absl::string_view number = text;
    double seconds = 0;
    if (!absl::ConsumeSuffix(&number, "s") || !absl::SimpleAtod(number, &seconds)) continue;
    // More than a day is no advice; NaN fails both.
    if (seconds >= 0 && seconds <= 86'400) return absl::Seconds(seconds);
  }
  return std::nullopt;
}

}  // namespace

Outcome ReadAnswer(HttpResponse response, const catalog::v1::Route& route, int count) {
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(response.body));
  if (!document.ok()) return outcome::Failed("bad_answer", "no JSON");
  const json::Value& root = document->root();
  if (const json::Value* feedback = Member(root, "promptFeedback", "prompt_feedback"); feedback != nullptr) {
    std::string reason = Text(*feedback, "blockReason", "block_reason");
    if (!reason.empty() && reason != "BLOCK_REASON_UNSPECIFIED") return outcome::Moderated();
  }
  const json::Value* candidates = root.FindNonNull("candidates");
  if (candidates == nullptr || candidates->elements().empty()) {
    const json::Value* error = ErrorOf(root);
    return error != nullptr ? outcome::FromErrorObject(*error)
                            : outcome::Failed("bad_answer", "no candidates");
  }
  Collector collector(count);
  Found found;
  for (const json::Value& candidate : candidates->elements()) {
    ReadCandidate(candidate, ImageBytesMax(route), collector, found);
  }
  collector.remarks().usage = ReadUsage(root);
  return collector.Finish(WithoutImages(found));
}

Outcome ReadError(HttpResponse response) {
  // Error bodies are small; what is larger is a page of somebody in between.
  constexpr size_t kErrorBodyMax = 64 << 10;
  if (!response.retry_after && response.body.size() <= kErrorBodyMax) {
    absl::StatusOr<json::Document> document = json::Document::Parse(response.body);
    const json::Value* error = document.ok() ? ErrorOf(document->root()) : nullptr;
    if (error != nullptr) response.retry_after = RetryDelayOf(*error);
  }
  return outcome::FromErrorResponse(response);
}

}  // namespace prismatic::provider_proxy::gemini
