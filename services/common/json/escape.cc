#include "services/common/json/escape.h"

#include <cstdint>
#include <cstring>

namespace prismatic::json {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

// What stands for the letter after a backslash; 0 when none does. `u` is not among them.
char SimpleEscape(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four digits at `at`; -1 when they are not there.
int32_t Hex4(absl::string_view text, size_t at) {
  if (at + 4 > text.size()) return -1;
  int32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    int digit = HexDigit(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool IsHighSurrogate(int32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLowSurrogate(int32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

void AppendUtf8(int32_t point, std::string& out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | (point >> 12));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (point >> 18));
    out += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

// Undoes the \u escape whose first digit is at `at`. Moves `at` behind it.
bool AppendUnicodeEscape(absl::string_view inner, size_t& at, std::string& out) {
  int32_t point = Hex4(inner, at);
  at += 4;
  if (point < 0 || IsLowSurrogate(point)) return false;
  if (IsHighSurrogate(point)) {
    if (at + 2 > inner.size() || inner[at] != '\\' || inner[at + 1] != 'u') return false;
    int32_t low = Hex4(inner, at + 2);
    if (low < 0 || !IsLowSurrogate(low)) return false;
    at += 6;
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(point, out);
  return true;
}

// The length of the UTF-8 character that begins the text; 0 when none does.
size_t Utf8Length(absl::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  auto follows = [&](size_t i, uint8_t low, uint8_t high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (first < 0xF0) {
    // No overlong forms, no surrogates.
    uint8_t low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first > 0xF4) return 0;
  uint8_t low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
  return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
}

void AppendControl(char c, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[(c >> 4) & 0xF];
      out += kHex[c & 0xF];
  }
}

bool IsPlain(char c) {
  return static_cast<uint8_t>(c) >= 0x20 && static_cast<uint8_t>(c) < 0x80 && c != '"' && c != '\\';
}

}  // namespace

bool ValidEscapes(absl::string_view inner) {
  size_t at = 0;
  while ((at = inner.find('\\', at)) != absl::string_view::npos) {
    if (at + 1 >= inner.size()) return false;
    if (inner[at + 1] == 'u') {
      if (Hex4(inner, at + 2) < 0) return false;
      at += 6;
    } else {
      if (SimpleEscape(inner[at + 1]) == 0) return false;
      at += 2;
    }
  }
  return true;
}

std::optional<std::string> Unescape(absl::string_view inner) {
  std::string out;
  out.reserve(inner.size());
  size_t at = 0;
  while (at < inner.size()) {
    size_t backslash = inner.find('\\', at);
    if (backslash == absl::string_view::npos) backslash = inner.size();
    out.append(inner.data() + at, backslash - at);
    at = backslash;
    if (at == inner.size()) break;
    if (at + 1 >= inner.size()) return std::nullopt;
    char letter = inner[at + 1];
    at += 2;
    if (letter == 'u') {
      if (!AppendUnicodeEscape(inner, at, out)) return std::nullopt;
    } else if (char simple = SimpleEscape(letter); simple != 0) {
      out += simple;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

void AppendEscaped(absl::string_view text, std::string& out) {
  size_t at = 0;
  while (at < text.size()) {
    size_t plain = at;
    while (plain < text.size() && IsPlain(text[plain])) ++plain;
    out.append(text.data() + at, plain - at);
    at = plain;
    if (at == text.size()) return;
    char c = text[at];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++at;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      AppendControl(c, out);
      ++at;
    } else if (size_t length = Utf8Length(text.substr(at)); length != 0) {
      out.append(text.data() + at, length);
      at += length;
    } else {
      out.append(kReplacement.data(), kReplacement.size());
      ++at;
    }
  }
}

}  // namespace prismatic::json
