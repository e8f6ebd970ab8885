#include "services/model_registry/yaml_scalar.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace prismatic::model_registry {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

template <typename Allowed>
bool AllOf(absl::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(), allowed);
}

// One character off the front of a text in valid UTF-8.
uint32_t TakeCharacter(absl::string_view& text) {
  auto first = static_cast<unsigned char>(text[0]);
  size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  length = std::min(length, text.size());
  uint32_t code = length == 1 ? first : first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  text.remove_prefix(length);
  return code;
}

// Characters that YAML does not take as they are, or that do not show: other breaks of lines, joiners, marks
// of direction (which make a text look like another one), byte order marks.
bool IsUnseen(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffe ||
         c == 0xffff;
}

bool HasUnseen(absl::string_view text) {
  while (!text.empty()) {
    if (IsUnseen(TakeCharacter(text))) return true;
  }
  return false;
}

void AppendEscaped(uint32_t c, std::string& out) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += c <= 0xff ? absl::StrFormat("\\x%02x", c) : absl::StrFormat("\\u%04x", c);
  }
}

// `2026-01-02`, with or without a time behind it.
bool LooksLikeTime(absl::string_view text) {
  if (text.size() < 8 || !AllOf(text.substr(0, 4), IsDigit) || text[4] != '-') return false;
  return AllOf(text.substr(4), [](char c) { return IsDigit(c) || absl::StrContains("-:. TtZz+", c); });
}

// In the eyes of any reader: decimal with underscores, sexagesimal (`16:9` is 969 in YAML 1.1), other bases.
bool LooksLikeNumber(absl::string_view text) {
  double number;
  if (absl::SimpleAtod(text, &number)) return true;
  if (!absl::ConsumePrefix(&text, "-")) absl::ConsumePrefix(&text, "+");
  if (text.empty() || !(IsDigit(text[0]) || text[0] == '.')) return false;
  auto only = [&](absl::string_view allowed) {
    return AllOf(text.substr(2), [&](char c) { return absl::StrContains(allowed, c); });
  };
  if (absl::StartsWithIgnoreCase(text, "0x")) return only("0123456789abcdefABCDEF_");
  if (absl::StartsWithIgnoreCase(text, "0o")) return only("01234567_");
  if (absl::StartsWithIgnoreCase(text, "0b")) return only("01_");
  if (absl::StrContains(text, ':')) {
    return AllOf(text, [](char c) { return IsDigit(c) || absl::StrContains("_.:", c); });
  }
  return absl::StrContains(text, '_') && absl::SimpleAtod(absl::StrReplaceAll(text, {{"_", ""}}), &number);
}

bool LooksLikeAnotherType(absl::string_view text) {
  for (absl::string_view word :
       {"true", "false", "yes", "no", "on", "off", "null", ".inf", ".nan", "-.inf", "+.inf"}) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  return text == "~" || text == "=" || text == "<<" || LooksLikeNumber(text) || LooksLikeTime(text);
}

// Whether a plain scalar may begin so.
bool BeginsPlain(absl::string_view text, bool in_flow) {
  if (absl::StrContains(",[]{}#&*!|>'\"%@`", text[0])) return false;
  if (!absl::StrContains("-?:", text[0])) return true;
  // `-x` is text, `- x` an entry; `---` ends a document where it is a line.
  return text.size() > 1 && text[1] != ' ' && !absl::StartsWith(text, "---") && !(in_flow && text[0] == '?');
}

bool IsPlain(absl::string_view text, bool in_flow) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (!BeginsPlain(text, in_flow) || absl::StrContains(text, ": ") || absl::StrContains(text, " #"))
    return false;
  if (in_flow && text.find_first_of(",?[]{}") != absl::string_view::npos) return false;
  return !LooksLikeAnotherType(text) && !HasUnseen(text);
}

}  // namespace

std::string QuotedYamlText(absl::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    absl::string_view rest = text;
    uint32_t c = TakeCharacter(rest);
    if (IsUnseen(c)) {
      AppendEscaped(c, out);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out.append(text.data(), text.size() - rest.size());
    }
    text = rest;
  }
  return out + '"';
}

std::string YamlText(absl::string_view text, bool in_flow) {
  return IsPlain(text, in_flow) ? std::string(text) : QuotedYamlText(text);
}

bool IsYamlLiteral(absl::string_view text) {
  absl::string_view body = text;
  absl::ConsumeSuffix(&body, "\n");
  if (!absl::StrContains(body, '\n') || body.back() == '\n') return false;
  bool first = true;
  for (absl::string_view line : absl::StrSplit(body, '\n')) {
    if (HasUnseen(line) || absl::EndsWith(line, " ")) return false;
    // The first line says how far the block is indented.
    if (first && (line.empty() || line.front() == ' ')) return false;
    first = false;
  }
  return true;
}

std::string CutText(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  constexpr absl::string_view kMore = "...";
  size_t end = bytes_max - kMore.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), kMore);
}

}  // namespace prismatic::model_registry
