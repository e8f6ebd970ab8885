#include "services/sandbox_provider/text.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace prismatic::sandbox {
namespace {

constexpr char32_t kUnknown = 0xFFFD;
constexpr char32_t kEllipsis = 0x2026;

// Joiners, variation selectors and direction marks: they shape their neighbours, which we do not.
bool IsInvisible(char32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF || c >= 0xE0000;
}

// The code point at `at`, which moves behind it.
char32_t Next(absl::string_view text, size_t& at) {
  uint8_t first = text[at++];
  if (first < 0x80) return first;
  int more = first >= 0xF0 && first < 0xF5   ? 3
             : first >= 0xE0 && first < 0xF0 ? 2
             : first >= 0xC2 && first < 0xE0 ? 1
                                             : 0;
  if (more == 0) return kUnknown;
  char32_t point = first & (0x3F >> more);
  for (int i = 0; i < more; ++i) {
    if (at >= text.size() || (static_cast<uint8_t>(text[at]) & 0xC0) != 0x80) return kUnknown;
    point = point << 6 | (static_cast<uint8_t>(text[at++]) & 0x3F);
  }
  return point;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Font>> Font::Load(const std::string& path) {
  auto font = std::make_shared<Font>();
  std::ifstream file(path, std::ios::binary);
  font->bytes_.assign(std::istreambuf_iterator<char>(file), {});
  FT_Library library;
  FT_Face face;
  if (FT_Init_FreeType(&library) != 0) return absl::InternalError("FreeType does not start");
  bool readable = FT_New_Memory_Face(library, reinterpret_cast<const FT_Byte*>(font->bytes_.data()),
                                     static_cast<FT_Long>(font->bytes_.size()), 0, &face) == 0;
  FT_Done_FreeType(library);
  if (!readable) return absl::InvalidArgumentError(absl::StrCat("no readable font at ", path));
  return font;
}

std::u32string CodePoints(absl::string_view text) {
  std::u32string points;
  for (size_t at = 0; at < text.size();) {
    char32_t point = Next(text, at);
    if (point < 0x20 || point == 0x7F || point == 0xA0) point = ' ';
    if (!IsInvisible(point)) points += point;
  }
  return points;
}

struct TextPen::State {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  int size = 16;

  float Advance(char32_t c) {
    FT_UInt glyph = FT_Get_Char_Index(face, c);
    if (glyph == 0) return size * 0.72f;
    if (FT_Load_Glyph(face, glyph, FT_LOAD_NO_HINTING) != 0) return 0;
    return static_cast<float>(face->glyph->linearHoriAdvance) / 65536;
  }
};

TextPen::TextPen(const Font& font) : state_(std::make_unique<State>()) {
  FT_Init_FreeType(&state_->library);
  FT_New_Memory_Face(state_->library, reinterpret_cast<const FT_Byte*>(font.bytes_.data()),
                     static_cast<FT_Long>(font.bytes_.size()), 0, &state_->face);
  SetSize(16);
}

TextPen::~TextPen() { FT_Done_FreeType(state_->library); }

void TextPen::SetSize(int pixels) {
  state_->size = pixels;
  FT_Set_Pixel_Sizes(state_->face, 0, pixels);
}

float TextPen::Width(const std::u32string& text) {
  float width = 0;
  for (char32_t c : text) width += state_->Advance(c);
  return width;
}

std::vector<std::u32string> TextPen::Wrap(const std::u32string& text, float width, int lines_max) {
  std::vector<std::u32string> lines;
  size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && text[at] == ' ') ++at;
    if (at == text.size()) break;
    // As many characters as fit; back to the last blank among them, when there is one.
    float used = 0;
    size_t end = at, blank = 0;
    while (end < text.size() && (used += state_->Advance(text[end])) <= width) {
      if (text[end] == ' ') blank = end;
      ++end;
    }
    if (end == at) ++end;
    if (end < text.size() && text[end] != ' ' && blank > at) end = blank;
    lines.push_back(text.substr(at, end - at));
    at = end;
    if (static_cast<int>(lines.size()) < lines_max) continue;
    bool more = text.find_first_not_of(U' ', at) != std::u32string::npos;
    while (more && !lines.back().empty() && Width(lines.back() + kEllipsis) > width) lines.back().pop_back();
    if (more) lines.back() += kEllipsis;
    break;
  }
  return lines;
}

void TextPen::Draw(Canvas& canvas, const std::u32string& text, Point at, Color color, float alpha) {
  for (char32_t c : text) {
    FT_Face face = state_->face;
    FT_UInt glyph = FT_Get_Char_Index(face, c);
    float advance = state_->Advance(c);
    if (glyph == 0) {
      float side = advance * 0.8f;
      canvas.Pill({at.x, at.y - side}, {at.x + side, at.y}, side * 0.25f, color, alpha * 0.35f);
    } else if (FT_Render_Glyph(face->glyph, FT_RENDER_MODE_NORMAL) == 0) {
      const FT_Bitmap& bitmap = face->glyph->bitmap;
      int left = static_cast<int>(at.x + 0.5f) + face->glyph->bitmap_left;
      int top = static_cast<int>(at.y + 0.5f) - face->glyph->bitmap_top;
      for (unsigned y = 0; y < bitmap.rows; ++y) {
        for (unsigned x = 0; x < bitmap.width; ++x) {
          uint8_t cover = bitmap.buffer[y * bitmap.pitch + x];
          if (cover != 0) canvas.Blend(left + x, top + y, color, alpha * cover / 255);
        }
      }
    }
    at.x += advance;
  }
}

}  // namespace prismatic::sandbox
