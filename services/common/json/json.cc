#include "services/common/json/json.h"

#include <simdjson.h>

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/charconv.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/common/json/escape.h"

namespace prismatic::json {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(Document::kPadding >= simdjson::SIMDJSON_PADDING);

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

absl::string_view WithoutBlanks(absl::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

size_t SkipDigits(absl::string_view text, size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

// RFC 8259: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool IsNumber(absl::string_view text) {
  size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  size_t end = SkipDigits(text, at);
  if (end == at || (text[at] == '0' && end - at > 1)) return false;
  at = end;
  if (at < text.size() && text[at] == '.') {
    end = SkipDigits(text, at + 1);
    if (end == at + 1) return false;
    at = end;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    end = SkipDigits(text, at);
    if (end == at) return false;
    at = end;
  }
  return at == text.size();
}

absl::Status NotJson(absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat("not valid JSON: ", reason));
}

absl::Status TooDeep() {
  return absl::InvalidArgumentError(absl::StrCat("JSON nested deeper than ", Document::kDepthMax));
}

absl::Status TooManyValues() {
  return absl::InvalidArgumentError(absl::StrCat("JSON with more than ", Document::kValuesMax, " values"));
}

// Parsers keep their tables between texts, about six bytes for each byte of the longest one; so only
// short texts share one.
constexpr size_t kSharedParserTextMax = 256 << 10;

}  // namespace

// Walks simdjson's tokens once and keeps views of them. simdjson finds the tokens, checks UTF-8,
// control characters and the closing of strings; what stands in a token is checked here.
class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  absl::Status Read(ondemand::parser& parser, size_t capacity, Value* root) {
    simdjson::padded_string_view padded(text_.data(), text_.size(), capacity);
    if (auto error = parser.iterate(padded).get(document_)) return NotJson(simdjson::error_message(error));
    root->raw_ = WithoutBlanks(text_);
    absl::Status status = ReadRoot(root);
    if (!status.ok()) return status;
    const char* next;
    if (!document_.current_location().get(next)) return At("more text after the value");
    return absl::OkStatus();
  }

 private:
  absl::Status ReadRoot(Value* root) {
    if (root->raw_.front() == '[') {
      ondemand::array array;
      if (auto error = document_.get_array().get(array)) return At(simdjson::error_message(error));
      return ReadArray(array, root->raw_.data(), 1, root);
    }
    ondemand::object object;
    if (auto error = document_.get_object().get(object)) return At(simdjson::error_message(error));
    return ReadObject(object, root->raw_.data(), 1, root);
  }

  absl::Status ReadValue(ondemand::value token, int depth, Value* value) {
    if (++values_ > Document::kValuesMax) return TooManyValues();
    std::string_view raw = token.raw_json_token();
    last_ = raw.data();
    value->raw_ = WithoutBlanks(absl::string_view(raw.data(), raw.size()));
    if (value->raw_.empty()) return At("a value is missing");
    char first = value->raw_.front();
    if (first != '[' && first != '{') return ReadScalar(value);
    if (depth >= Document::kDepthMax) return TooDeep();
    if (first == '[') {
      ondemand::array array;
      if (auto error = token.get_array().get(array)) return At(simdjson::error_message(error));
      return ReadArray(array, value->raw_.data(), depth + 1, value);
    }
    ondemand::object object;
    if (auto error = token.get_object().get(object)) return At(simdjson::error_message(error));
    return ReadObject(object, value->raw_.data(), depth + 1, value);
  }

  absl::Status ReadArray(ondemand::array array, const char* begin, int depth, Value* value) {
    value->type_ = Value::Type::kArray;
    for (simdjson::simdjson_result<ondemand::value> item : array) {
      ondemand::value token;
      if (auto error = std::move(item).get(token)) return At(simdjson::error_message(error));
      absl::Status status = ReadValue(token, depth, &value->elements_.emplace_back());
      if (!status.ok()) return status;
    }
    value->raw_ = Since(begin);
    return absl::OkStatus();
  }

  absl::Status ReadObject(ondemand::object object, const char* begin, int depth, Value* value) {
    value->type_ = Value::Type::kObject;
    for (simdjson::simdjson_result<ondemand::field> item : object) {
      ondemand::field field;
      if (auto error = std::move(item).get(field)) return At(simdjson::error_message(error));
      std::string_view key;
      if (auto error = field.unescaped_key().get(key)) return At(simdjson::error_message(error));
      auto& member = value->members_.emplace_back(std::string(key), Value());
      absl::Status status = ReadValue(field.value(), depth, &member.second);
      if (!status.ok()) return status;
    }
    value->raw_ = Since(begin);
    return absl::OkStatus();
  }

  absl::Status ReadScalar(Value* value) {
    absl::string_view raw = value->raw_;
    if (raw.front() == '"') {
      if (raw.size() < 2 || raw.back() != '"') return At("a string does not end");
      absl::string_view inner = raw.substr(1, raw.size() - 2);
      value->type_ = Value::Type::kString;
      value->escaped_ = inner.find('\\') != absl::string_view::npos;
      if (value->escaped_ && !ValidEscapes(inner)) return At("an unknown escape");
    } else if (raw == "true" || raw == "false") {
      value->type_ = Value::Type::kBool;
    } else if (raw == "null") {
      value->type_ = Value::Type::kNull;
    } else if (IsNumber(raw)) {
      value->type_ = Value::Type::kNumber;
    } else {
      return At("an unknown value");
    }
    return absl::OkStatus();
  }

  // From `begin` to the token that comes next.
  absl::string_view Since(const char* begin) {
    const char* end;
    if (document_.current_location().get(end)) end = text_.data() + text_.size();
    return WithoutBlanks(absl::string_view(begin, end - begin));
  }

  // simdjson's messages name the fault, never the content.
  absl::Status At(absl::string_view reason) {
    return NotJson(absl::StrCat(reason, " (near byte ", last_ - text_.data(), ")"));
  }

  absl::string_view text_;
  ondemand::document document_;
  // The token looked at last.
  const char* last_ = text_.data();
  int values_ = 0;
};

std::optional<bool> Value::Bool() const {
  if (type_ != Type::kBool) return std::nullopt;
  return raw_ == "true";
}

std::optional<int64_t> Value::Int() const {
  if (type_ != Type::kNumber || raw_.find_first_of(".eE") != absl::string_view::npos) return std::nullopt;
  int64_t number;
  if (!absl::SimpleAtoi(raw_, &number)) return std::nullopt;
  return number;
}

std::optional<double> Value::Double() const {
  if (type_ != Type::kNumber) return std::nullopt;
  double number;
  absl::from_chars_result end = absl::from_chars(raw_.data(), raw_.data() + raw_.size(), number);
  // Out of range: infinite, or nearly 0, which is near enough.
  if (end.ec != std::errc() && std::abs(number) > 1) return std::nullopt;
  return number;
}

std::optional<std::string> Value::String() const {
  if (type_ != Type::kString) return std::nullopt;
  absl::string_view inner = raw_.substr(1, raw_.size() - 2);
  if (!escaped_) return std::string(inner);
  return Unescape(inner);
}

std::optional<absl::string_view> Value::PlainString() const {
  if (type_ != Type::kString || escaped_) return std::nullopt;
  return raw_.substr(1, raw_.size() - 2);
}

const Value* Value::Find(absl::string_view key) const {
  for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
    if (member->first == key) return &member->second;
  }
  return nullptr;
}

const Value* Value::FindNonNull(absl::string_view key) const {
  const Value* value = Find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Document::Document() : text_(std::make_unique<std::string>()), root_(std::make_unique<Value>()) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

absl::StatusOr<Document> Document::Parse(std::string text) {
  Document document;
  // On the heap, so that views survive a move also of a text that fits into the string object.
  *document.text_ = std::move(text);
  std::string& owned = *document.text_;
  absl::string_view content = WithoutBlanks(owned);
  if (content.empty()) return NotJson("an empty text");

  // simdjson reads a scalar that is a whole text by other rules; as the one element of an array it
  // needs none.
  bool scalar = content.front() != '[' && content.front() != '{';
  if (scalar) owned = absl::StrCat("[", content, "]");
  if (owned.capacity() < owned.size() + kPadding) owned.reserve(owned.size() + kPadding);

  static thread_local ondemand::parser shared;
  ondemand::parser own;
  ondemand::parser& parser = owned.size() <= kSharedParserTextMax ? shared : own;
  Reader reader(owned);
  absl::Status status = reader.Read(parser, owned.capacity(), document.root_.get());
  if (!status.ok()) return status;
  if (scalar) {
    if (document.root_->elements_.size() != 1) return NotJson("more text after the value");
    Value only = std::move(document.root_->elements_[0]);
    *document.root_ = std::move(only);
  }
  return document;
}

bool IsUtf8(absl::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

}  // namespace prismatic::json
