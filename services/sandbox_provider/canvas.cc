#include "services/sandbox_provider/canvas.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace prismatic::sandbox {
namespace {

float Clamp01(float value) { return std::clamp(value, 0.0f, 1.0f); }

// 0 to 1 without corners.
float Smooth(float value) {
  value = Clamp01(value);
  return value * value * (3 - 2 * value);
}

// From red to violet, as light falls out of a prism.
const std::array<Color, 256>& SpectrumColors() {
  static const std::array<Color, 256> colors = [] {
    std::array<Color, 256> made;
    for (int i = 0; i < 256; ++i) made[i] = Hsv(static_cast<float>(i) / 255 * 0.78f, 0.85f, 1.0f);
    return made;
  }();
  return colors;
}

// Twice the signed area of a triangle: on which side of a-b is p, and how far times the edge's length.
float Side(Point a, Point b, Point p) { return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x); }

}  // namespace

Color Hsv(float hue, float saturation, float value) {
  auto channel = [&](float shift) {
    float k = std::fmod(shift + (hue - std::floor(hue)) * 6, 6.0f);
    return 255 * (value - value * saturation * std::max(0.0f, std::min({k, 4 - k, 1.0f})));
  };
  return {channel(5), channel(3), channel(1)};
}

Color Mix(Color a, Color b, float share_of_b) {
  return {a.r + (b.r - a.r) * share_of_b, a.g + (b.g - a.g) * share_of_b, a.b + (b.b - a.b) * share_of_b};
}

int Canvas::ClampX(float x) const {
  return static_cast<int>(std::clamp(x, 0.0f, static_cast<float>(width_)));
}
int Canvas::ClampY(float y) const {
  return static_cast<int>(std::clamp(y, 0.0f, static_cast<float>(height_)));
}

void Canvas::Gradient(Color top_left, Color top_right, Color bottom_left, Color bottom_right) {
  for (int y = 0; y < height_; ++y) {
    float v = static_cast<float>(y) / height_;
    Color left = Mix(top_left, bottom_left, v), right = Mix(top_right, bottom_right, v);
    Color step = {(right.r - left.r) / width_, (right.g - left.g) / width_, (right.b - left.b) / width_};
    uint8_t* pixel = At(0, y);
    for (int x = 0; x < width_; ++x, pixel += 3) {
      pixel[0] = static_cast<uint8_t>(left.r + step.r * x + 0.5f);
      pixel[1] = static_cast<uint8_t>(left.g + step.g * x + 0.5f);
      pixel[2] = static_cast<uint8_t>(left.b + step.b * x + 0.5f);
    }
  }
}

void Canvas::Glow(Point center, float radius, Color color, float strength) {
  float inverse = 1 / (radius * radius);
  int x0 = ClampX(center.x - radius), x1 = ClampX(center.x + radius + 1);
  for (int y = ClampY(center.y - radius); y < ClampY(center.y + radius + 1); ++y) {
    float dy = y - center.y;
    uint8_t* pixel = At(x0, y);
    for (int x = x0; x < x1; ++x, pixel += 3) {
      float dx = x - center.x;
      float fall = 1 - (dx * dx + dy * dy) * inverse;
      if (fall > 0) Add(pixel, color, strength * fall * fall);
    }
  }
}

void Canvas::Disc(Point center, float radius, Color color, float alpha) {
  // The rim is a tenth of the radius wide and a little brighter than the disc.
  float rim = std::max(2.0f, radius * 0.1f);
  int x0 = ClampX(center.x - radius - 1), x1 = ClampX(center.x + radius + 2);
  for (int y = ClampY(center.y - radius - 1); y < ClampY(center.y + radius + 2); ++y) {
    uint8_t* pixel = At(x0, y);
    float dy = y - center.y;
    for (int x = x0; x < x1; ++x, pixel += 3) {
      float dx = x - center.x;
      float square = dx * dx + dy * dy;
      if (square >= (radius + 1) * (radius + 1)) continue;
      float inside = radius - std::sqrt(square);
      float light = alpha * Clamp01(inside + 1) * (1 + 0.7f * Clamp01(1 - inside / rim));
      Add(pixel, color, light);
    }
  }
}

void Canvas::Beam(Point from, Point to, float from_width, float to_width, Color color, float strength) {
  float length_x = to.x - from.x;
  if (std::abs(length_x) < 1) return;
  float slope = (to.y - from.y) / length_x;
  float across = 1 / std::sqrt(1 + slope * slope);
  for (int x = ClampX(from.x); x < ClampX(to.x); ++x) {
    float along = (x - from.x) / length_x;
    float middle = from.y + slope * (x - from.x);
    float half = (from_width + (to_width - from_width) * along) / 2 / across;
    for (int y = ClampY(middle - 4 * half); y < ClampY(middle + 4 * half + 1); ++y) {
      float distance = std::abs(y - middle) / half;
      // A bright core in a wide, faint halo.
      float core = Smooth(1.4f - distance), halo = 1 - distance / 4;
      Add(At(x, y), color, strength * std::min(1.0f, core * 0.85f + halo * halo * 0.2f));
    }
  }
}

void Canvas::Spectrum(Point from, float slope_top, float slope_bottom, float strength) {
  const std::array<Color, 256>& colors = SpectrumColors();
  float spread = slope_bottom - slope_top;
  for (int y = 0; y < height_; ++y) {
    uint8_t* pixel = At(ClampX(from.x), y);
    for (int x = ClampX(from.x); x < width_; ++x, pixel += 3) {
      float dx = x - from.x + 0.5f;
      float share = ((y - from.y) / dx - slope_top) / spread;
      if (share <= -0.12f || share >= 1.12f) continue;
      float edge = Smooth((share + 0.12f) / 0.2f) * Smooth((1.12f - share) / 0.2f);
      float far = dx / width_;
      const Color& color = colors[static_cast<int>(Clamp01(share) * 255)];
      Add(pixel, color, strength * edge * (1 - 0.45f * far));
    }
  }
}

void Canvas::Glass(const std::vector<Point>& corners, Color color, float alpha_top, float alpha_bottom) {
  float top = corners[0].y, bottom = corners[0].y, left = corners[0].x, right = corners[0].x;
  for (Point corner : corners) {
    top = std::min(top, corner.y), bottom = std::max(bottom, corner.y);
    left = std::min(left, corner.x), right = std::max(right, corner.x);
  }
  float rim = std::max(1.5f, (bottom - top) * 0.006f);
  std::vector<float> lengths;
  for (size_t i = 0; i < corners.size(); ++i) {
    Point a = corners[i], b = corners[(i + 1) % corners.size()];
    lengths.push_back(std::hypot(b.x - a.x, b.y - a.y));
  }
  for (int y = ClampY(top); y < ClampY(bottom + 1); ++y) {
    float alpha = alpha_top + (alpha_bottom - alpha_top) * (y - top) / (bottom - top);
    for (int x = ClampX(left); x < ClampX(right + 1); ++x) {
      float inside = 1e9f;
      for (size_t i = 0; i < corners.size(); ++i) {
        Point p = {static_cast<float>(x), static_cast<float>(y)};
        inside = std::min(inside, Side(corners[i], corners[(i + 1) % corners.size()], p) / lengths[i]);
      }
      if (inside <= -1) continue;
      float edge = Smooth(1 - std::abs(inside - rim) / (rim * 1.5f));
      // Thick glass is brighter near its edges.
      float thick = 1 + 0.9f * Clamp01(1 - inside / ((right - left) * 0.14f));
      Add(At(x, y), color, Clamp01(inside + 1) * std::min(0.95f, alpha * thick + edge * 0.6f));
    }
  }
}

void Canvas::Shade(float top, float alpha) {
  for (int y = ClampY(top); y < height_; ++y) {
    float keep = 1 - alpha * Smooth((y - top) / (height_ - top));
    uint8_t* pixel = At(0, y);
    for (int i = 0; i < 3 * width_; ++i) pixel[i] = static_cast<uint8_t>(pixel[i] * keep);
  }
}

void Canvas::Pill(Point from, Point to, float radius, Color color, float alpha) {
  for (int y = ClampY(from.y); y < ClampY(to.y); ++y) {
    for (int x = ClampX(from.x); x < ClampX(to.x); ++x) {
      float dx = std::max({from.x + radius - x, x - (to.x - 1 - radius), 0.0f});
      float dy = std::max({from.y + radius - y, y - (to.y - 1 - radius), 0.0f});
      Blend(x, y, color, alpha * Clamp01(radius + 0.5f - std::hypot(dx, dy)));
    }
  }
}

}  // namespace prismatic::sandbox
