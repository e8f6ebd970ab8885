#include "gateway/admin/body_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/common/status/status.h"

namespace prismatic::gateway::admin {
namespace {

absl::Status Missing(absl::string_view param) {
  return Error(absl::StatusCode::kInvalidArgument, common::v1::ERROR_REASON_MISSING_REQUIRED_PARAMETER,
               absl::StrCat("`", param, "` is required."))
      .With("param", param);
}

// A name that a stranger made up, short enough to be shown.
std::string Shown(absl::string_view name) {
  constexpr size_t kSizeMax = 64;
  return name.size() <= kSizeMax ? std::string(name) : absl::StrCat(name.substr(0, kSizeMax), "...");
}

}  // namespace

BodyReader::BodyReader(const json::Value& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object.is_object()) error_ = InvalidValue(where_, "The body must be a JSON object.");
}

const json::Value* BodyReader::Ask(absl::string_view name) {
  asked_.insert(std::string(name));
  return object_.FindNonNull(name);
}

const json::Value* BodyReader::AskRequired(absl::string_view name) {
  const json::Value* value = Ask(name);
  if (value == nullptr) Fail(Missing(absl::StrCat(where_, name)));
  return value;
}

bool BodyReader::IsNull(absl::string_view name) {
  asked_.insert(std::string(name));
  const json::Value* value = object_.Find(name);
  return value != nullptr && value->is_null();
}

std::string BodyReader::Text(absl::string_view name) {
  if (AskRequired(name) == nullptr) return "";
  std::string text = OptionalText(name).value_or("");
  if (text.empty()) Fail(Missing(absl::StrCat(where_, name)));
  return text;
}

int64_t BodyReader::Int(absl::string_view name, IntRange range) {
  if (AskRequired(name) == nullptr) return range.min;
  return OptionalInt(name, range).value_or(range.min);
}

bool BodyReader::Bool(absl::string_view name) {
  if (AskRequired(name) == nullptr) return false;
  return OptionalBool(name, false);
}

std::optional<std::string> BodyReader::OptionalText(absl::string_view name) {
  const json::Value* value = Ask(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::string> text = value->String();
  if (!text) Fail(name, "must be a string.");
  return text;
}

std::optional<int64_t> BodyReader::OptionalInt(absl::string_view name, IntRange range) {
  const json::Value* value = Ask(name);
  if (value == nullptr) return std::nullopt;
  std::optional<int64_t> number = value->Int();
  if (!number || *number < range.min || *number > range.max) {
    Fail(name, absl::StrCat("must be an integer from ", range.min, " to ", range.max, "."));
  }
  return number;
}

bool BodyReader::OptionalBool(absl::string_view name, bool otherwise) {
  const json::Value* value = Ask(name);
  if (value == nullptr) return otherwise;
  std::optional<bool> truth = value->Bool();
  if (!truth) Fail(name, "must be true or false.");
  return truth.value_or(otherwise);
}

std::optional<std::vector<std::string>> BodyReader::OptionalTexts(absl::string_view name) {
  const json::Value* value = Ask(name);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const json::Value& element : value->elements()) texts.push_back(element.String().value_or(""));
  if (!value->is_array() || std::count(texts.begin(), texts.end(), "") > 0) {
    Fail(name, "must be an array of strings.");
  }
  return texts;
}

const json::Value* BodyReader::OptionalObject(absl::string_view name) {
  const json::Value* value = Ask(name);
  if (value != nullptr && !value->is_object()) {
    Fail(name, "must be an object.");
    return nullptr;
  }
  return value;
}

const json::Value* BodyReader::OptionalValue(absl::string_view name) {
  asked_.insert(std::string(name));
  return object_.Find(name);
}

void BodyReader::Fail(absl::string_view name, absl::string_view message) {
  std::string param = absl::StrCat(where_, name);
  Fail(InvalidValue(param, absl::StrCat("`", param, "` ", message)));
}

void BodyReader::Fail(const absl::Status& status) {
  if (error_.ok()) error_ = status;
}

absl::Status BodyReader::Done() {
  std::set<absl::string_view> seen;
  for (const auto& [name, value] : object_.members()) {
    if (asked_.count(name) == 0) Fail(Shown(name), "is not a field that is known here.");
    if (!seen.insert(name).second) Fail(Shown(name), "is there twice.");
  }
  return error_;
}

}  // namespace prismatic::gateway::admin
