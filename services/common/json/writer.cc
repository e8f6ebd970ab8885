#include <charconv>
#include <cmath>

#include "services/common/json/escape.h"
#include "services/common/json/json.h"

namespace prismatic::json {
namespace {

template <typename Number>
void AppendNumber(Number number, std::string& out) {
  char digits[32];
  std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end.ptr - digits);
}

void Append(absl::string_view text, std::string& out) { out.append(text.data(), text.size()); }

}  // namespace

void Writer::Separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

Writer& Writer::BeginObject() {
  Separate();
  out_ += '{';
  needs_comma_ = false;
  return *this;
}

Writer& Writer::EndObject() {
  out_ += '}';
  needs_comma_ = true;
  return *this;
}

Writer& Writer::BeginArray() {
  Separate();
  out_ += '[';
  needs_comma_ = false;
  return *this;
}

Writer& Writer::EndArray() {
  out_ += ']';
  needs_comma_ = true;
  return *this;
}

Writer& Writer::Key(absl::string_view key) {
  String(key);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

Writer& Writer::String(absl::string_view text) {
  Separate();
  out_ += '"';
  AppendEscaped(text, out_);
  out_ += '"';
  return *this;
}

Writer& Writer::PlainString(absl::string_view text) {
  Separate();
  out_ += '"';
  Append(text, out_);
  out_ += '"';
  return *this;
}

Writer& Writer::Int(int64_t number) {
  Separate();
  AppendNumber(number, out_);
  return *this;
}

Writer& Writer::Double(double number) {
  // JSON has no word for infinity.
  if (!std::isfinite(number)) return Null();
  Separate();
  AppendNumber(number, out_);
  return *this;
}

Writer& Writer::Bool(bool value) { return Raw(value ? "true" : "false"); }

Writer& Writer::Null() { return Raw("null"); }

Writer& Writer::Raw(absl::string_view json) {
  Separate();
  Append(json, out_);
  return *this;
}

std::string Quote(absl::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  AppendEscaped(text, out);
  out += '"';
  return out;
}

}  // namespace prismatic::json
