#include "services/sandbox_provider/errors.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/json/json.h"

namespace prismatic::sandbox {
namespace {

void TextOrNull(absl::string_view text, json::Writer& writer) {
  if (text.empty()) {
    writer.Null();
  } else {
    writer.String(text);
  }
}

struct OpenAiWords {
  int status;
  absl::string_view type;
  absl::string_view code;
};

OpenAiWords OpenAiWordsFor(int status) {
  static constexpr OpenAiWords kWords[] = {
      {401, "invalid_request_error", "invalid_api_key"},
      {402, "insufficient_quota", "insufficient_quota"},
      {404, "invalid_request_error", "model_not_found"},
      {405, "invalid_request_error", "method_not_allowed"},
      {413, "invalid_request_error", "request_too_large"},
      {429, "requests", "rate_limit_exceeded"},
      {503, "service_unavailable_error", "server_is_overloaded"},
  };
  for (const OpenAiWords& known : kWords) {
    if (known.status == status) return known;
  }
  return {status, status >= 500 ? "server_error" : "invalid_request_error", ""};
}

absl::string_view GoogleStatus(int status) {
  static constexpr std::pair<int, absl::string_view> kNames[] = {
      {400, "INVALID_ARGUMENT"},   {401, "UNAUTHENTICATED"},   {402, "FAILED_PRECONDITION"},
      {403, "PERMISSION_DENIED"},  {404, "NOT_FOUND"},         {409, "ABORTED"},
      {429, "RESOURCE_EXHAUSTED"}, {499, "CANCELLED"},         {500, "INTERNAL"},
      {503, "UNAVAILABLE"},        {504, "DEADLINE_EXCEEDED"},
  };
  for (const auto& [number, name] : kNames) {
    if (number == status) return name;
  }
  return status < 500 ? "INVALID_ARGUMENT" : "UNKNOWN";
}

absl::string_view ReplicateTitle(int status) {
  static constexpr std::pair<int, absl::string_view> kTitles[] = {
      {401, "Unauthenticated"}, {402, "Insufficient credit"},     {403, "Forbidden"},
      {404, "Not found"},       {422, "Input validation failed"}, {429, "Too many requests"},
  };
  for (const auto& [number, title] : kTitles) {
    if (number == status) return title;
  }
  return status < 500 ? "Bad request" : "Internal server error";
}

}  // namespace

http::Response JsonResponse(std::string body, int status) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response OpenAiError(const ErrorWords& words) {
  OpenAiWords usual = OpenAiWordsFor(words.status);
  bool is_moderation = words.code == "moderation_blocked";
  json::Writer writer;
  writer.BeginObject().Key("error").BeginObject().Key("message").String(words.message);
  writer.Key("type").String(is_moderation ? "image_generation_user_error" : usual.type);
  writer.Key("param");
  TextOrNull(words.field, writer);
  writer.Key("code");
  TextOrNull(words.code.empty() ? usual.code : absl::string_view(words.code), writer);
  writer.EndObject().EndObject();
  return JsonResponse(writer.Take(), words.status);
}

http::Response OpenRouterError(const ErrorWords& words) {
  json::Writer writer;
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("code").Int(words.status).Key("message").String(words.message);
  writer.EndObject().EndObject();
  return JsonResponse(writer.Take(), words.status);
}

http::Response GoogleError(const ErrorWords& words) {
  json::Writer writer;
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("code").Int(words.status).Key("message").String(words.message);
  writer.Key("status").String(GoogleStatus(words.status));
  writer.EndObject().EndObject();
  return JsonResponse(writer.Take(), words.status);
}

http::Response DetailError(const ErrorWords& words) {
  json::Writer writer;
  writer.BeginObject().Key("detail");
  if (words.status == 422) {
    writer.BeginArray().BeginObject().Key("loc").BeginArray().String("body");
    if (!words.field.empty()) writer.String(words.field);
    writer.EndArray().Key("msg").String(words.message);
    writer.Key("type").String(words.code.empty() ? "value_error" : words.code).EndObject().EndArray();
  } else {
    writer.String(words.message);
  }
  writer.EndObject();
  return JsonResponse(writer.Take(), words.status);
}

http::Response ReplicateError(const ErrorWords& words) {
  json::Writer writer;
  bool names_field = words.status == 422 && !words.field.empty();
  writer.BeginObject().Key("title").String(ReplicateTitle(words.status));
  writer.Key("detail").String(names_field ? absl::StrCat("- input.", words.field, ": ", words.message, "\n")
                                          : words.message);
  writer.Key("status").Int(words.status);
  if (names_field) {
    writer.Key("invalid_fields").BeginArray().BeginObject();
    writer.Key("type").String("invalid_type").Key("field").String(absl::StrCat("input.", words.field));
    writer.Key("description").String(words.message).EndObject().EndArray();
  }
  writer.EndObject();
  return JsonResponse(writer.Take(), words.status);
}

http::Response AutomaticError(const ErrorWords& words) {
  if (words.status < 500) return DetailError(words);
  json::Writer writer;
  writer.BeginObject().Key("error").String("RuntimeError").Key("detail").String("");
  writer.Key("body").String("").Key("errors").String(words.message).EndObject();
  return JsonResponse(writer.Take(), words.status);
}

std::string FieldOf(absl::string_view message) {
  size_t begin = message.find_first_of("`'");
  if (begin == absl::string_view::npos) return "";
  size_t end = message.find(message[begin], begin + 1);
  return end == absl::string_view::npos ? "" : std::string(message.substr(begin + 1, end - begin - 1));
}

}  // namespace prismatic::sandbox
