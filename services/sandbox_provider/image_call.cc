#include "services/sandbox_provider/image_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace prismatic::sandbox {
namespace {

// As OpenAI's. Pictures that are kept to be fetched by URL keep their prompts.
constexpr size_t kPromptBytesMax = 4 * 32'000;

}  // namespace

absl::Status SetModelAndPrompt(absl::string_view model, absl::string_view prompt, ImageCall& call) {
  std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(model, absl::MaxSplits('#', 1));
  call.model = std::string(parts.first);
  call.model_words = std::string(parts.second);
  if (prompt.empty()) return absl::InvalidArgumentError("A prompt is needed.");
  if (prompt.size() > kPromptBytesMax) return absl::InvalidArgumentError("The prompt is too long.");
  absl::StatusOr<DirectedPrompt> directed = TakeDirectives(prompt);
  if (!directed.ok()) return directed.status();
  call.prompt = std::move(directed->prompt);
  call.prompt_words = std::move(directed->words);
  return absl::OkStatus();
}

absl::StatusOr<std::string> TextField(const json::Value& object, absl::string_view name) {
  const json::Value* value = object.FindNonNull(name);
  if (value == nullptr) return "";
  std::optional<std::string> text = value->String();
  if (!text) return absl::InvalidArgumentError(absl::StrCat("`", name, "` must be a string."));
  return *std::move(text);
}

absl::StatusOr<std::optional<int64_t>> IntField(const json::Value& object, absl::string_view name) {
  const json::Value* value = object.FindNonNull(name);
  if (value == nullptr) return std::nullopt;
  std::optional<int64_t> number = value->Int();
  if (!number) return absl::InvalidArgumentError(absl::StrCat("`", name, "` must be an integer."));
  return number;
}

std::string ErrorJson(absl::string_view message, absl::string_view type, absl::string_view code,
                      absl::string_view param) {
  json::Writer writer;
  auto text_or_null = [&](absl::string_view text) {
    if (text.empty()) {
      writer.Null();
    } else {
      writer.String(text);
    }
  };
  writer.BeginObject().Key("error").BeginObject();
  writer.Key("message").String(message).Key("type").String(type);
  writer.Key("param");
  text_or_null(param);
  writer.Key("code");
  text_or_null(code);
  writer.EndObject().EndObject();
  return writer.Take();
}

}  // namespace prismatic::sandbox
