#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_CANVAS_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_CANVAS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace prismatic::sandbox {

struct Color {
  float r = 0, g = 0, b = 0;  // 0 to 255
};

struct Point {
  float x = 0, y = 0;
};

// Hue 0 to 1 (and around again), saturation and value 0 to 1.
Color Hsv(float hue, float saturation, float value);
Color Mix(Color a, Color b, float share_of_b);

// An RGB picture and the few strokes that our pictures need. What lies outside is not drawn.
class Canvas {
 public:
  Canvas(int width, int height) : width_(width), height_(height), pixels_(size_t{3} * width * height) {}

  int width() const { return width_; }
  int height() const { return height_; }
  const uint8_t* row(int y) const { return pixels_.data() + size_t{3} * width_ * y; }

  // The four corners' colours, blended.
  void Gradient(Color top_left, Color top_right, Color bottom_left, Color bottom_right);
  // A soft disc of light, brightest in its middle.
  void Glow(Point center, float radius, Color color, float strength);
  // A disc of even light with a soft rim.
  void Disc(Point center, float radius, Color color, float alpha);
  // Light along a line, brightest on it.
  void Beam(Point from, Point to, float from_width, float to_width, Color color, float strength);
  // Light of all colours from a point to the right, between two slopes (dy/dx).
  void Spectrum(Point from, float slope_top, float slope_bottom, float strength);
  // A convex polygon, glass: lit from the top, with anti-aliased edges.
  void Glass(const std::vector<Point>& corners, Color color, float alpha_top, float alpha_bottom);
  // Darkens from `top` (not at all) to the lower end (by `alpha`).
  void Shade(float top, float alpha);
  // A rectangle with round corners.
  void Pill(Point from, Point to, float radius, Color color, float alpha);

  void Blend(int x, int y, Color color, float alpha) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    uint8_t* pixel = At(x, y);
    pixel[0] = static_cast<uint8_t>(pixel[0] + (color.r - pixel[0]) * alpha + 0.5f);
    pixel[1] = static_cast<uint8_t>(pixel[1] + (color.g - pixel[1]) * alpha + 0.5f);
    pixel[2] = static_cast<uint8_t>(pixel[2] + (color.b - pixel[2]) * alpha + 0.5f);
  }

 private:
  uint8_t* At(int x, int y) { return pixels_.data() + size_t{3} * (size_t{1} * width_ * y + x); }
  // Light on light: never beyond white, never duller.
  void Add(uint8_t* pixel, Color color, float strength) {
    pixel[0] = static_cast<uint8_t>(pixel[0] + (255 - pixel[0]) * (color.r * strength / 255) + 0.5f);
    pixel[1] = static_cast<uint8_t>(pixel[1] + (255 - pixel[1]) * (color.g * strength / 255) + 0.5f);
    pixel[2] = static_cast<uint8_t>(pixel[2] + (255 - pixel[2]) * (color.b * strength / 255) + 0.5f);
  }
  int ClampX(float x) const;
  int ClampY(float y) const;

  int width_;
  int height_;
  std::vector<uint8_t> pixels_;
};

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_CANVAS_H_
