#include "services/model_registry/yaml_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/common/json/json.h"

namespace prismatic::model_registry {
namespace {

// What a plain scalar is. Both empty: text.
struct Scalar {
  std::string json;
  std::string wrong;
};

Scalar TooLarge() { return {"", "is a number larger than readers of JSON take; put it in quotes"}; }

// Takes what stands for a run of digits off the front.
absl::string_view TakeDigits(absl::string_view& text) {
  size_t length = 0;
  while (length < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[length]))) ++length;
  absl::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

absl::string_view WithoutLeadingZeros(absl::string_view digits) {
  size_t first = digits.find_first_not_of('0');
  return first == absl::string_view::npos ? "0" : digits.substr(first);
}

// `0x1F` and `0o17`.
Scalar BasedNumber(absl::string_view digits, int bits_per_digit) {
  uint64_t value = 0;
  if (digits.empty()) return {};
  for (char c : digits) {
    int digit =
        absl::ascii_isdigit(static_cast<unsigned char>(c)) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
    bool in_base = absl::ascii_isxdigit(static_cast<unsigned char>(c)) && digit < (1 << bits_per_digit);
    if (!in_base) return {};
    if (value >> (64 - bits_per_digit) != 0) return TooLarge();
    value = value << bits_per_digit | static_cast<uint64_t>(digit);
  }
  return {absl::StrCat(value), ""};
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
Scalar DecimalNumber(absl::string_view text) {
  bool negative = absl::ConsumePrefix(&text, "-");
  if (!negative) absl::ConsumePrefix(&text, "+");
  absl::string_view whole = TakeDigits(text);
  bool point = absl::ConsumePrefix(&text, ".");
  absl::string_view fraction = point ? TakeDigits(text) : "";
  if (whole.empty() && fraction.empty()) return {};
  std::string json = absl::StrCat(negative ? "-" : "", WithoutLeadingZeros(whole));
  bool whole_number = !point && text.empty();
  if (whole_number) {
    int64_t fits;
    uint64_t fits_unsigned;
    if (json == "-0") return {"0", ""};
    return absl::SimpleAtoi(json, &fits) || absl::SimpleAtoi(json, &fits_unsigned) ? Scalar{json, ""}
                                                                                   : TooLarge();
  }
  if (point) absl::StrAppend(&json, ".", fraction.empty() ? "0" : fraction);
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    json += 'e';
    if (absl::ConsumePrefix(&text, "-")) {
      json += '-';
    } else {
      absl::ConsumePrefix(&text, "+");
    }
    absl::string_view exponent = TakeDigits(text);
    if (exponent.empty()) return {};
    absl::StrAppend(&json, exponent);
  }
  if (!text.empty()) return {};
  double value;
  return absl::SimpleAtod(json, &value) && std::isfinite(value) ? Scalar{json, ""} : TooLarge();
}

Scalar PlainScalar(absl::string_view text) {
  for (absl::string_view word : {"true", "True", "TRUE"}) {
    if (text == word) return {"true", ""};
  }
  for (absl::string_view word : {"false", "False", "FALSE"}) {
    if (text == word) return {"false", ""};
  }
  absl::string_view special = text;
  if (!absl::ConsumePrefix(&special, "-")) absl::ConsumePrefix(&special, "+");
  for (absl::string_view word : {".inf", ".Inf", ".INF"}) {
    if (special == word) return {"", "is infinity, which JSON cannot say"};
  }
  for (absl::string_view word : {".nan", ".NaN", ".NAN"}) {
    if (text == word) return {"", "is not a number, which JSON cannot say"};
  }
  if (absl::ConsumePrefix(&text, "0x")) return BasedNumber(text, 4);
  if (absl::ConsumePrefix(&text, "0o")) return BasedNumber(text, 3);
  return DecimalNumber(text);
}

class JsonReader {
 public:
  JsonReader(const JsonBounds& bounds, YamlErrors& errors) : bounds_(bounds), errors_(errors) {}

  void Value(const YamlNode& node, const std::string& path, int depth) {
    if (failed_ || !Fits(node, path, 0)) return;
    if (depth > bounds_.depth_max) {
      return Fail(node, path, absl::StrCat("nested deeper than ", bounds_.depth_max));
    }
    switch (node.kind) {
      case YamlNode::Kind::kNull:
        out_ += "null";
        return;
      case YamlNode::Kind::kScalar:
        return ScalarValue(node, path);
      case YamlNode::Kind::kSequence:
        return List(node, path, depth);
      case YamlNode::Kind::kMap:
        return Map(node, path, depth);
    }
  }

  std::optional<std::string> Take() {
    return failed_ ? std::nullopt : std::optional<std::string>(std::move(out_));
  }
  bool Fits(const YamlNode& node, const std::string& path, size_t more) {
    if (out_.size() + more <= bounds_.bytes_max) return true;
    Fail(node, path, absl::StrCat("takes more than ", bounds_.bytes_max, " bytes as JSON"));
    return false;
  }

 private:
  void Fail(const YamlNode& node, const std::string& path, absl::string_view why) {
    if (!failed_) errors_.Add(node, path, why);
    failed_ = true;
  }

  void ScalarValue(const YamlNode& node, const std::string& path) {
    if (!Fits(node, path, node.text.size())) return;
    Scalar scalar = node.quoted ? Scalar{} : PlainScalar(node.text);
    if (!scalar.wrong.empty()) return Fail(node, path, scalar.wrong);
    out_ += scalar.json.empty() ? json::Quote(node.text) : scalar.json;
  }

  void List(const YamlNode& node, const std::string& path, int depth) {
    out_ += '[';
    bool first = true;
    ReadList(node, path, node.elements.size(), errors_,
             [&](const YamlNode& element, const std::string& element_path) {
               if (failed_) return;
               if (!first) out_ += ',';
               first = false;
               Value(element, element_path, depth + 1);
             });
    out_ += ']';
  }

  void Map(const YamlNode& node, const std::string& path, int depth) {
    out_ += '{';
    bool first = true;
    ReadMap(node, path, node.entries.size(), errors_,
            [&](const YamlNode& key, const YamlNode& value, const std::string& value_path) {
              if (failed_ || !Fits(key, path, key.text.size())) return;
              if (!key.quoted && key.text == "<<") return Fail(key, path, "merge keys are not supported");
              if (!first) out_ += ',';
              first = false;
              absl::StrAppend(&out_, json::Quote(key.text), ":");
              Value(value, value_path, depth + 1);
            });
    out_ += '}';
  }

  const JsonBounds bounds_;
  YamlErrors& errors_;
  std::string out_;
  bool failed_ = false;
};

}  // namespace

std::optional<std::string> ReadJson(const YamlNode& node, absl::string_view path, const JsonBounds& bounds,
                                    YamlErrors& errors) {
  JsonReader reader(bounds, errors);
  std::string from(path);
  reader.Value(node, from, 1);
  if (!reader.Fits(node, from, 0)) return std::nullopt;
  return reader.Take();
}

}  // namespace prismatic::model_registry
