#include "gateway/openai/request_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gateway/openai/unknown_parameters.h"
#include "services/common/crypto/crypto.h"
#include "services/common/json/json.h"
#include "services/common/status/status.h"
#include "services/common/status/status_macros.h"

namespace prismatic::gateway::openai {
namespace {

using provider_proxy::v1::GenerateImagesRequest;

absl::Status Missing(absl::string_view param) {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_MISSING_REQUIRED_PARAMETER,
               absl::StrCat("Missing required parameter: '", param, "'."))
      .With("param", param);
}

absl::Status Unsupported(absl::string_view param, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_UNSUPPORTED_PARAMETER, message)
      .With("param", param);
}

absl::Status Invalid(absl::string_view param, absl::string_view expected) {
  return InvalidValue(param, absl::StrCat("Invalid value for '", param, "': expected ", expected, "."));
}

// Code points of valid UTF-8.
int64_t CharacterCount(absl::string_view text) {
  return absl::c_count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

// The field as a string of at most `max` characters, or nothing when it is absent.
absl::StatusOr<std::optional<std::string>> Text(const json::Value& body, absl::string_view name,
                                                int64_t max) {
  const json::Value* value = body.FindNonNull(name);
  if (value == nullptr) return std::optional<std::string>();
  std::optional<std::string> text = value->String();
  if (!text) return Invalid(name, "a string");
  // Upstreams written in C would take it for the end: what is checked must be what is drawn.
  if (text->find('\0') != std::string::npos) return Invalid(name, "text without U+0000");
  if (CharacterCount(*text) > max) return Invalid(name, absl::StrCat("at most ", max, " characters"));
  return text;
}

// Text in which an empty string says as little as null does.
absl::StatusOr<std::optional<std::string>> TextIfAny(const json::Value& body, absl::string_view name,
                                                     int64_t max) {
  absl::StatusOr<std::optional<std::string>> text = Text(body, name, max);
  if (text.ok() && *text == "") return std::optional<std::string>();
  return text;
}

absl::StatusOr<std::optional<std::string>> OneOf(const json::Value& body, absl::string_view name,
                                                 std::vector<absl::string_view> choices) {
  ASSIGN_OR_RETURN(std::optional<std::string> text, Text(body, name, kFreeTextCharactersMax));
  if (text && !absl::c_linear_search(choices, *text)) {
    return Invalid(name, absl::StrCat("one of ", absl::StrJoin(choices, ", ")));
  }
  return text;
}

absl::StatusOr<std::optional<int64_t>> Integer(const json::Value& body, absl::string_view name, int64_t min,
                                               int64_t max) {
  const json::Value* value = body.FindNonNull(name);
  if (value == nullptr) return std::optional<int64_t>();
  std::optional<int64_t> number = value->Int();
  if (!number || *number < min || *number > max) {
    return Invalid(name, absl::StrCat("a whole number from ", min, " to ", max));
  }
  return number;
}

bool IsGraphic(char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); }

bool IsNumber(absl::string_view text, bool fraction_allowed) {
  if (text.empty() || text.size() > 5 || text.front() == '.' || text.back() == '.') return false;
  int points = 0;
  for (char c : text) {
    if (c == '.') {
      ++points;
    } else if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return false;
    }
  }
  return points <= (fraction_allowed ? 1 : 0) && text.find_first_not_of("0.") != absl::string_view::npos;
}

// `auto`, `1024x1024`, or a tier such as `2K`, `0.5K`.
bool IsSize(absl::string_view size) {
  if (size == "auto") return true;
  if (absl::EndsWithIgnoreCase(size, "k")) return IsNumber(size.substr(0, size.size() - 1), true);
  size_t x = size.find('x');
  if (x == absl::string_view::npos) return false;
  int width = 0, height = 0;
  return IsNumber(size.substr(0, x), false) && IsNumber(size.substr(x + 1), false) &&
         absl::SimpleAtoi(size.substr(0, x), &width) && absl::SimpleAtoi(size.substr(x + 1), &height) &&
         width <= kSideMax && height <= kSideMax;
}

// `auto`, `16:9`, `9:19.5`.
bool IsAspectRatio(absl::string_view ratio) {
  if (ratio == "auto") return true;
  size_t colon = ratio.find(':');
  return colon != absl::string_view::npos && IsNumber(ratio.substr(0, colon), true) &&
         IsNumber(ratio.substr(colon + 1), true);
}

// Standard base64 with its padding, not empty.
bool IsBase64(absl::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return false;
  size_t padding = absl::EndsWith(text, "==") ? 2 : absl::EndsWith(text, "=") ? 1 : 0;
  text.remove_suffix(padding);
  return absl::c_all_of(text, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/';
  });
}

bool IsReferenceImage(absl::string_view url) {
  if (absl::StartsWithIgnoreCase(url, "data:image/")) {
    size_t mark = url.substr(0, 64).find(";base64,");
    return mark != absl::string_view::npos && IsBase64(url.substr(mark + 8));
  }
  if (!absl::StartsWithIgnoreCase(url, "https://")) return false;
  absl::string_view host = url.substr(8, url.substr(8).find_first_of("/?#\\:@"));
  return !host.empty() && absl::c_all_of(url, IsGraphic);
}

absl::Status ReadReferenceImages(const json::Value& body, GenerateImagesRequest& parameters) {
  const json::Value* value = body.FindNonNull("image_url");
  if (value == nullptr) return absl::OkStatus();
  std::vector<const json::Value*> items;
  if (value->is_array()) {
    for (const json::Value& element : value->elements()) items.push_back(&element);
  } else {
    items.push_back(value);
  }
  if (items.size() > kReferenceImagesMax) {
    return Invalid("image_url", absl::StrCat("at most ", kReferenceImagesMax, " reference images"));
  }
  for (const json::Value* item : items) {
    std::optional<std::string> url = item->String();
    if (!url || !IsReferenceImage(*url)) {
      return Invalid("image_url", "an https: or data:image/...;base64, URL, or an array of them");
    }
    parameters.add_reference_images(*std::move(url));
  }
  return absl::OkStatus();
}

absl::Status RefuseStreaming(const json::Value& body) {
  const json::Value* stream = body.FindNonNull("stream");
  if (stream != nullptr) {
    std::optional<bool> wanted = stream->Bool();
    if (!wanted) return Invalid("stream", "true or false");
    if (*wanted) return Unsupported("stream", "Streaming of images is not supported.");
  }
  ASSIGN_OR_RETURN(std::optional<int64_t> partial, Integer(body, "partial_images", 0, INT64_MAX));
  if (partial.value_or(0) > 0) return Unsupported("partial_images", "Partial images are not supported.");
  return absl::OkStatus();
}

absl::Status ReadModelAndPrompt(const json::Value& body, ImageRequest& request) {
  ASSIGN_OR_RETURN(std::optional<std::string> model, Text(body, "model", 256));
  if (!model || model->empty()) return Missing("model");
  ASSIGN_OR_RETURN(std::optional<std::string> prompt, Text(body, "prompt", kPromptCharactersMax));
  if (!prompt || prompt->empty()) return Missing("prompt");
  request.public_model = *std::move(model);
  request.parameters.set_prompt(*std::move(prompt));
  return absl::OkStatus();
}

absl::Status ReadShape(const json::Value& body, GenerateImagesRequest& parameters) {
  ASSIGN_OR_RETURN(std::optional<int64_t> n, Integer(body, "n", 1, kImagesMax));
  parameters.set_image_count(static_cast<int32_t>(n.value_or(1)));
  ASSIGN_OR_RETURN(std::optional<std::string> size, Text(body, "size", kFreeTextCharactersMax));
  if (size && !IsSize(*size))
    return Invalid("size", "'auto', a size such as '1024x1024', or a tier such as '2K'");
  if (size) parameters.set_size(*size);
  ASSIGN_OR_RETURN(std::optional<std::string> ratio, Text(body, "aspect_ratio", kFreeTextCharactersMax));
  if (ratio && !IsAspectRatio(*ratio)) return Invalid("aspect_ratio", "a ratio such as '16:9'");
  if (ratio) parameters.set_aspect_ratio(*ratio);
  ASSIGN_OR_RETURN(std::optional<int64_t> seed, Integer(body, "seed", INT64_MIN, INT64_MAX));
  if (seed) parameters.set_seed(*seed);
  return absl::OkStatus();
}

absl::Status ReadTexts(const json::Value& body, GenerateImagesRequest& parameters) {
  ASSIGN_OR_RETURN(std::optional<std::string> negative,
                   TextIfAny(body, "negative_prompt", kPromptCharactersMax));
  if (negative) parameters.set_negative_prompt(*std::move(negative));
  ASSIGN_OR_RETURN(std::optional<std::string> quality, TextIfAny(body, "quality", kFreeTextCharactersMax));
  if (quality) parameters.set_quality(*std::move(quality));
  ASSIGN_OR_RETURN(std::optional<std::string> style, TextIfAny(body, "style", kFreeTextCharactersMax));
  if (style) parameters.set_style(*std::move(style));
  ASSIGN_OR_RETURN(std::optional<std::string> user, TextIfAny(body, "user", kUserCharactersMax));
  if (user) parameters.set_user(*std::move(user));
  return absl::OkStatus();
}

absl::Status ReadOutput(const json::Value& body, GenerateImagesRequest& parameters) {
  ASSIGN_OR_RETURN(std::optional<std::string> form, OneOf(body, "response_format", {"url", "b64_json"}));
  if (form) {
    parameters.set_response_format(*form == "url" ? provider_proxy::v1::RESPONSE_FORMAT_URL
                                                  : provider_proxy::v1::RESPONSE_FORMAT_B64_JSON);
  }
  ASSIGN_OR_RETURN(std::optional<std::string> background,
                   OneOf(body, "background", {"transparent", "opaque", "auto"}));
  if (background) parameters.set_background(*background);
  ASSIGN_OR_RETURN(std::optional<std::string> moderation, OneOf(body, "moderation", {"low", "auto"}));
  if (moderation) parameters.set_moderation(*moderation);
  ASSIGN_OR_RETURN(std::optional<std::string> format, OneOf(body, "output_format", {"png", "jpeg", "webp"}));
  if (format) parameters.set_output_format(*format);
  ASSIGN_OR_RETURN(std::optional<int64_t> compression, Integer(body, "output_compression", 0, 100));
  if (compression) parameters.set_output_compression(static_cast<int32_t>(*compression));
  return absl::OkStatus();
}

// Which of two members with one name counts is for each reader to say, so two of our own parts, or a
// filter in front of us, could check one and use the other. What is nested below is passed to nobody.
absl::Status RefuseTwins(const json::Value& body) {
  absl::flat_hash_set<absl::string_view> names;
  for (const auto& [name, value] : body.members()) {
    if (names.insert(name).second) continue;
    bool shown = name.size() <= kFreeTextCharactersMax && absl::c_all_of(name, IsGraphic);
    return shown ? InvalidValue(name, absl::StrCat("The parameter '", name, "' is there more than once."))
                 : InvalidValue("", "A parameter is there more than once.");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageRequest> ReadImageRequest(std::string body) {
  ImageRequest request;
  request.body_sha256 = crypto::Sha256(body);
  absl::StatusOr<json::Document> document = json::Document::Parse(std::move(body));
  if (!document.ok()) {
    return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_INVALID_VALUE,
                 absl::StrCat("The body is ", document.status().message(), "."));
  }
  const json::Value& root = document->root();
  if (!root.is_object()) {
    return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_INVALID_VALUE,
                 "The body must be a JSON object.");
  }
  RETURN_IF_ERROR(RefuseTwins(root));
  RETURN_IF_ERROR(ReadModelAndPrompt(root, request));
  RETURN_IF_ERROR(ReadReferenceImages(root, request.parameters));
  RETURN_IF_ERROR(ReadShape(root, request.parameters));
  RETURN_IF_ERROR(ReadTexts(root, request.parameters));
  RETURN_IF_ERROR(ReadOutput(root, request.parameters));
  RETURN_IF_ERROR(RefuseStreaming(root));
  request.unknown_parameters = UnknownParameters(root);
  return request;
}

}  // namespace prismatic::gateway::openai
