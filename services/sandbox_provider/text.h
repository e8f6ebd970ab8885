#ifndef PRISMATIC_SERVICES_SANDBOX_PROVIDER_TEXT_H_
#define PRISMATIC_SERVICES_SANDBOX_PROVIDER_TEXT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/sandbox_provider/canvas.h"

namespace prismatic::sandbox {

// A font file, in memory. Thread-safe.
class Font {
 public:
  static absl::StatusOr<std::shared_ptr<const Font>> Load(const std::string& path);

 private:
  friend class TextPen;
  std::string bytes_;
};

// Code points of a text in UTF-8; what is no UTF-8 becomes U+FFFD, control characters become blanks.
std::u32string CodePoints(absl::string_view text);

// Writes with one font. For one thread. Characters that the font does not have are drawn as small
// soft squares.
class TextPen {
 public:
  explicit TextPen(const Font& font);
  ~TextPen();
  TextPen(const TextPen&) = delete;

  void SetSize(int pixels);
  float Width(const std::u32string& text);
  // Into at most `lines_max` lines, at blanks where that goes; the last ends in an ellipsis when there
  // is more.
  std::vector<std::u32string> Wrap(const std::u32string& text, float width, int lines_max);
  // `at` is the left end of the base line.
  void Draw(Canvas& canvas, const std::u32string& text, Point at, Color color, float alpha);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace prismatic::sandbox

#endif  // PRISMATIC_SERVICES_SANDBOX_PROVIDER_TEXT_H_
