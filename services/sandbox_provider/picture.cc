#include "services/sandbox_provider/picture.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/crypto/crypto.h"
#include "services/sandbox_provider/canvas.h"
#include "services/sandbox_provider/png.h"

namespace prismatic::sandbox {
namespace {

constexpr Color kWhite = {255, 255, 255};
constexpr Color kBlack = {0, 0, 0};
// More do not fit at any size.
constexpr size_t kPromptPointsMax = 400;

// Numbers that depend on the spec alone.
class Dice {
 public:
  explicit Dice(const PictureSpec& spec) {
    std::string seed = spec.seed ? absl::StrCat(*spec.seed) : "none";
    std::string all = absl::StrCat(spec.prompt.size(), ":", spec.prompt, spec.model.size(), ":", spec.model,
                                   seed, "/", spec.index);
    std::string digest = crypto::Sha256(all);
    for (int i = 0; i < 8; ++i) state_ = state_ << 8 | static_cast<uint8_t>(digest[i]);
    state_ |= 1;
  }

  float Between(float low, float high) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return low + (high - low) * static_cast<float>(state_ >> 40) / (1 << 24);
  }

 private:
  uint64_t state_ = 0;
};

// Night colours, from petrol by way of blue to wine red; others turn muddy when they meet.
void DrawSky(Canvas& canvas, Dice& dice, float unit) {
  float hue = dice.Between(0.5f, 0.9f),
        turn = dice.Between(0.05f, 0.11f) * (dice.Between(0, 1) < 0.5f ? -1 : 1);
  canvas.Gradient(Hsv(hue, 0.82f, 0.13f), Hsv(hue + turn, 0.75f, 0.27f), Hsv(hue - turn, 0.75f, 0.24f),
                  Hsv(hue + 1.6f * turn, 0.68f, 0.46f));
  float w = canvas.width(), h = canvas.height();
  canvas.Glow({dice.Between(0.6f, 1.0f) * w, dice.Between(0.6f, 1.0f) * h}, unit * 0.9f,
              Hsv(hue + 2 * turn, 0.55f, 1), 0.5f);
  canvas.Glow({dice.Between(0.0f, 0.35f) * w, dice.Between(0.0f, 0.35f) * h}, unit * 0.65f,
              Hsv(hue - turn, 0.6f, 1), 0.3f);
  for (int i = 0; i < 8; ++i) {
    Point center = {dice.Between(0, 1) * w, dice.Between(0, 0.8f) * h};
    float radius = unit * dice.Between(0.012f, 0.08f);
    canvas.Disc(center, radius, Hsv(hue + dice.Between(-0.12f, 0.2f), 0.3f, 1), dice.Between(0.03f, 0.11f));
  }
}

void DrawPrism(Canvas& canvas, Dice& dice, float unit) {
  float w = canvas.width(), h = canvas.height();
  Point middle = {w * dice.Between(0.36f, 0.46f), h * dice.Between(0.34f, 0.40f)};
  float radius = unit * dice.Between(0.19f, 0.235f), tilt = dice.Between(-0.12f, 0.12f);
  std::vector<Point> corners;
  for (int i = 0; i < 3; ++i) {
    float angle = tilt - 1.5708f + i * 2.0944f;
    corners.push_back({middle.x + radius * std::cos(angle), middle.y + radius * std::sin(angle)});
  }
  auto on = [&](int a, int b, float share) {
    return Point{corners[a].x + (corners[b].x - corners[a].x) * share,
                 corners[a].y + (corners[b].y - corners[a].y) * share};
  };
  Point entry = on(0, 2, dice.Between(0.48f, 0.56f)), exit = on(0, 1, dice.Between(0.48f, 0.56f));
  float rise = dice.Between(0.12f, 0.38f);
  Point source = {-unit * 0.05f, entry.y + rise * (entry.x + unit * 0.05f)};
  float width = unit * 0.011f;
  float slope = dice.Between(-0.02f, 0.1f), spread = dice.Between(0.30f, 0.42f);

  canvas.Glow(middle, radius * 2.1f, kWhite, 0.09f);
  canvas.Spectrum({exit.x - unit * 0.01f, exit.y}, slope, slope + spread, 0.92f);
  canvas.Glass(corners, {225, 238, 255}, 0.10f, 0.24f);
  canvas.Beam(source, entry, width, width, kWhite, 0.95f);
  canvas.Beam(entry, exit, width, width * 2.4f, kWhite, 0.6f);
  canvas.Glow(entry, unit * 0.04f, kWhite, 0.8f);
  canvas.Glow(exit, unit * 0.05f, kWhite, 0.55f);
}

void DrawShadowed(TextPen& pen, Canvas& canvas, const std::u32string& text, Point at, float shift,
                  float alpha) {
  pen.Draw(canvas, text, {at.x + shift, at.y + shift}, kBlack, 0.45f * alpha);
  pen.Draw(canvas, text, at, kWhite, alpha);
}

// "sandbox-model  ·  seed 42  ·  1024 × 768  ·  no. 2"
std::u32string Footer(const PictureSpec& spec) {
  std::string text = spec.model.empty() ? "sandbox" : spec.model;
  if (spec.seed) absl::StrAppend(&text, "  ·  seed ", *spec.seed);
  absl::StrAppend(&text, "  ·  ", spec.frame.width, " × ", spec.frame.height);
  if (spec.index > 0) absl::StrAppend(&text, "  ·  no. ", spec.index + 1);
  return CodePoints(text);
}

void DrawWords(Canvas& canvas, const PictureSpec& spec, const Font& font, float unit) {
  TextPen pen(font);
  float margin = unit * 0.06f, width = canvas.width() - 2 * margin;
  int small = std::max(10, static_cast<int>(unit * 0.021f));
  pen.SetSize(small);
  std::vector<std::u32string> footer = pen.Wrap(Footer(spec), width, 1);
  float base = canvas.height() - margin;
  if (!footer.empty()) DrawShadowed(pen, canvas, footer[0], {margin, base}, 1, 0.75f);

  std::u32string prompt = CodePoints(absl::string_view(spec.prompt).substr(0, 4 * kPromptPointsMax));
  prompt.resize(std::min(prompt.size(), kPromptPointsMax));
  // Short prompts are written large.
  float share = prompt.size() <= 24 ? 0.075f : prompt.size() <= 70 ? 0.056f : 0.042f;
  int size = std::max(14, static_cast<int>(unit * share));
  pen.SetSize(size);
  std::vector<std::u32string> lines = pen.Wrap(prompt, width, 4);
  base -= small * 1.5f + size * 0.55f;
  for (size_t i = lines.size(); i-- > 0; base -= size * 1.28f) {
    DrawShadowed(pen, canvas, lines[i], {margin, base}, std::max(1.0f, size * 0.04f), 0.97f);
  }
}

void DrawBadge(Canvas& canvas, int references, const Font& font, float unit) {
  TextPen pen(font);
  int size = std::max(11, static_cast<int>(unit * 0.024f));
  pen.SetSize(size);
  std::u32string text =
      CodePoints(absl::StrCat("+", references, references == 1 ? " reference" : " references"));
  float margin = unit * 0.045f, pad = size * 0.8f;
  float right = canvas.width() - margin, left = right - pen.Width(text) - 2 * pad;
  canvas.Pill({left, margin}, {right, margin + size * 2.1f}, size * 1.05f, kBlack, 0.38f);
  pen.Draw(canvas, text, {left + pad, margin + size * 1.42f}, kWhite, 0.95f);
}

}  // namespace

std::string DrawPicture(const PictureSpec& spec, const Font* font) {
  Canvas canvas(spec.frame.width, spec.frame.height);
  if (spec.black) return EncodePng(canvas, static_cast<size_t>(spec.size_bytes));
  Dice dice(spec);
  // Shapes keep their form in wide and tall pictures; the unit leans towards the shorter side.
  float shorter = std::min(canvas.width(), canvas.height());
  float longer = std::max(canvas.width(), canvas.height());
  float unit = std::min(longer, shorter * 1.25f);
  if (unit == longer) unit = shorter;
  DrawSky(canvas, dice, unit);
  DrawPrism(canvas, dice, unit);
  canvas.Shade(canvas.height() * 0.52f, 0.72f);
  if (font != nullptr) {
    DrawWords(canvas, spec, *font, unit);
    if (spec.references > 0) DrawBadge(canvas, spec.references, *font, unit);
  }
  return EncodePng(canvas, static_cast<size_t>(spec.size_bytes));
}

}  // namespace prismatic::sandbox
