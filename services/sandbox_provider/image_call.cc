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
  if (prompt.empty()) return absl::InvalidArgumentError("`prompt` is missing.");
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

absl::StatusOr<std::optional<bool>> BoolField(const json::Value& object, absl::string_view name) {
  const json::Value* value = object.FindNonNull(name);
  if (value == nullptr) return std::nullopt;
  std::optional<bool> flag = value->Bool();
  if (!flag) return absl::InvalidArgumentError(absl::StrCat("`", name, "` must be a boolean."));
  return flag;
}

absl::StatusOr<json::Document> ParseObject(const std::string& body) {
  absl::StatusOr<json::Document> document = json::Document::Parse(body);
  if (document.ok() && !document->root().is_object()) {
    return absl::InvalidArgumentError("The body must be a JSON object.");
  }
  return document;
}

}  // namespace prismatic::sandbox
